package io.plumbline.node.attack;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.inference.TestModels;
import io.plumbline.inference.language.engine.Replay;
import io.plumbline.node.attack.Scene.Shown;
import io.plumbline.verifier.audit.AuditReport;
import io.plumbline.verifier.receipt.Answer;
import io.plumbline.verifier.receipt.Cancellation;
import io.plumbline.verifier.receipt.Request;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * An audit without weights at level FULL and a re-execution with them come to the same verdict of whatever a node
 * shows: random changes of the trace (one byte anywhere, committed to and opened consistently), of tokens, text, end,
 * request and cancellation.
 */
class FullRefutesWhatReplayRefutesTest {
    private static final int FORGERIES = 150;

    @TempDir
    static Path folder;

    private static Scene scene;

    @BeforeAll
    static void load() throws IOException {
        scene = new Scene(folder);
    }

    @AfterAll
    static void close() {
        scene.close();
    }

    /** A node that has answered and then changed something, and what it changed. */
    private record Forged(String what, Shown shown) {}

    private static Forged forge(Random random) {
        Request asked = scene.request;
        int[] tokens = scene.honest.answer().tokens().clone();
        String text = scene.honest.answer().text();
        return switch (random.nextInt(6)) {
            case 0 -> {
                tokens[random.nextInt(tokens.length)] =
                        random.nextInt(scene.model.config().vocab());
                yield new Forged("a token", shown(asked, new Answer(tokens, scene.tokenizer.decode(tokens))));
            }
            case 1 -> {
                int at = random.nextInt(text.length());
                String other = text.substring(0, at) + (char) ('a' + random.nextInt(26)) + text.substring(at + 1);
                yield new Forged("a letter at " + at, shown(asked, new Answer(tokens, other)));
            }
            case 2 -> {
                int[] fewer = Arrays.copyOf(tokens, 1 + random.nextInt(tokens.length));
                yield new Forged("the end", shown(asked, new Answer(fewer, scene.tokenizer.decode(fewer))));
            }
            case 3 -> {
                int[] fewer = Arrays.copyOf(tokens, 1 + random.nextInt(tokens.length));
                Cancellation cancellation = Cancellation.of(
                        asked.hash(),
                        random.nextInt(tokens.length),
                        random.nextBoolean() ? Scene.REQUESTER : Scene.NODE);
                yield new Forged(
                        "a cancellation", shown(asked, new Answer(fewer, scene.tokenizer.decode(fewer), cancellation)));
            }
            case 4 -> {
                String stop =
                        text.substring(5 + random.nextInt(text.length() - 10)).substring(0, 2);
                Request stopped = scene.request(List.of(stop));
                int[] fewer = Arrays.copyOf(tokens, 1 + random.nextInt(tokens.length));
                yield new Forged("a stop text", shown(stopped, new Answer(fewer, scene.tokenizer.decode(fewer))));
            }
            default -> {
                int[] at = {0};
                Shown shown = scene.altered(trace -> {
                    at[0] = random.nextInt(Math.toIntExact(trace.byteSize()));
                    flip(trace, at[0], 1 << random.nextInt(8));
                });
                yield new Forged("byte " + at[0] + " of the trace", shown);
            }
        };
    }

    private static void flip(MemorySegment trace, int at, int bit) {
        byte was = trace.get(ValueLayout.JAVA_BYTE, at);
        trace.set(ValueLayout.JAVA_BYTE, at, (byte) (was ^ bit));
    }

    private static Shown shown(Request asked, Answer answer) {
        return scene.show(asked, asked, answer, TestModels.forward(scene.model), trace -> {});
    }

    @Test
    void bothComeToTheSameVerdictOfRandomForgeries() throws IOException {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        int refuted = 0;
        for (int i = 0; i < FORGERIES; i++) {
            Forged forged = forge(random);
            Shown shown = forged.shown();
            AuditReport again =
                    Replay.audit(scene.model, scene.tokenizer, shown.receipt(), shown.request(), shown.answer());
            String full = scene.audit(shown);
            String why = "seed " + seed + ", forgery " + i + ", " + forged.what() + ": replay " + again.failure()
                    + ", FULL " + full;
            assertEquals(again.good(), full.equals("good"), why);
            refuted += again.good() ? 0 : 1;
        }
        assertTrue(refuted > FORGERIES / 2, refuted + " of " + FORGERIES + " were refuted, seed " + seed);
        assertTrue(refuted < FORGERIES, "some change nothing: a cancellation may be the requester's, seed " + seed);
    }
}
