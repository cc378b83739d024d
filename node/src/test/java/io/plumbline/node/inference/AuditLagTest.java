package io.plumbline.node.inference;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.plumbline.verifier.encoding.Bytes32;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class AuditLagTest {
    private static final List<Bytes32> AUDITORS = List.of(id(1), id(2), id(3), id(4));

    private final List<String> told = new ArrayList<>();
    private long nowNs;
    private final AuditLag lag = new AuditLag(3, () -> nowNs, told::add);

    private static Bytes32 id(int number) {
        return new Bytes32(number, 0, 0, 0);
    }

    private void seconds(long passed) {
        nowNs += TimeUnit.SECONDS.toNanos(passed);
    }

    /** Answers of a second each. */
    private void answer(int from, int to) {
        for (int i = from; i < to; i++) {
            lag.signed(id(100 + i));
            seconds(1);
        }
    }

    private void asked(int from, int to, int auditors) {
        for (int i = from; i < to; i++) {
            for (Bytes32 auditor : AUDITORS.subList(0, auditors)) {
                lag.asked(id(100 + i), auditor);
            }
        }
    }

    @Test
    void noWorkIsTakenWhileFewerThanDecideHaveAsked() {
        answer(0, 40);
        asked(0, 40, 2);
        seconds(10);
        assertThrows(RejectedExecutionException.class, lag::requireKeptUp);
        assertEquals(List.of("auditors-behind"), told);
        asked(0, 40, 3);
        assertDoesNotThrow(lag::requireKeptUp);
        assertEquals(List.of("auditors-behind", "auditors-caught-up"), told);
    }

    @Test
    void anAuditorThatIsDownAndAFewSilencesHoldNothingUp() {
        answer(0, 60);
        asked(0, 60, 3);
        assertDoesNotThrow(lag::requireKeptUp);
        answer(60, 90);
        asked(60, 75, 3);
        asked(75, 90, 2);
        seconds(30);
        // Half of those of half a minute ago.
        assertDoesNotThrow(lag::requireKeptUp);
        assertEquals(List.of(), told);
    }

    @Test
    void ofAFewAnswersNothingIsConcluded() {
        answer(0, 7);
        seconds(60);
        assertDoesNotThrow(lag::requireKeptUp);
    }

    @Test
    void whatNobodyEverAskedForIsForgotten() {
        answer(0, 20);
        seconds(60);
        assertThrows(RejectedExecutionException.class, lag::requireKeptUp);
        seconds(120);
        assertDoesNotThrow(lag::requireKeptUp);
    }
}
