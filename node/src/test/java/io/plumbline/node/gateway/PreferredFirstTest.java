package io.plumbline.node.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class PreferredFirstTest {
    private final Set<String> tried = ConcurrentHashMap.newKeySet();

    /** Dead ones answer when the test is over. */
    private final CountDownLatch over = new CountDownLatch(1);

    @AfterEach
    void end() {
        over.countDown();
    }

    private String answer(String candidate) {
        tried.add(candidate);
        if (candidate.startsWith("dead")) {
            await(over);
            return null;
        }
        return candidate.startsWith("refusing") ? null : candidate;
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private String find(List<String> candidates) throws InterruptedException {
        return new PreferredFirst<>(candidates, this::answer).find();
    }

    @Test
    void theMostPreferredIsTakenAndNoOtherTried() throws InterruptedException {
        assertEquals("a", find(List.of("a", "b", "c")));
        assertEquals(Set.of("a"), tried);
    }

    /** Those that are dead never answer here, so none may be waited for. */
    @Test
    void deadOnesAreNotWaitedFor() throws InterruptedException {
        List<String> candidates =
                IntStream.range(0, 40).mapToObj(i -> "dead" + i).collect(Collectors.toList());
        candidates.add("there");
        assertEquals("there", find(candidates));
        assertEquals(41, tried.size());
    }

    @Test
    void onesThatRefuseArePassedOver() throws InterruptedException {
        assertEquals("b", find(List.of("refusing1", "refusing2", "b")));
        assertNull(find(List.of("refusing1", "refusing2")));
        assertNull(find(List.of()));
    }

    @Test
    void anAttemptThatThrowsIsOneThatDoesNotAnswer() throws InterruptedException {
        assertEquals(
                "b",
                new PreferredFirst<String, String>(List.of("a", "b"), candidate -> {
                            if (candidate.equals("a")) {
                                throw new IllegalStateException("not to be had");
                            }
                            return candidate;
                        })
                        .find());
    }

    /** Here the preferred one answers only when the other has. */
    @Test
    void thePreferredOfThoseThatAnswerIsTaken() throws InterruptedException {
        CountDownLatch hasAnswered = new CountDownLatch(1);
        PreferredFirst.Attempt<String, String> attempt = candidate -> {
            if (candidate.equals("slow")) {
                await(hasAnswered);
            } else {
                hasAnswered.countDown();
            }
            return candidate;
        };
        long graceNs = TimeUnit.SECONDS.toNanos(60);
        assertEquals("slow", new PreferredFirst<>(List.of("slow", "quick"), attempt, graceNs).find());
    }
}
