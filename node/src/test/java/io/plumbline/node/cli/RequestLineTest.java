package io.plumbline.node.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.LogitAdjustments;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.receipt.Sampling;
import java.util.List;
import org.junit.jupiter.api.Test;

class RequestLineTest {
    private static String line(long time, Sampling sampling, List<String> stops, String grammar) {
        return RequestLine.of(new Request(
                Bytes32.ZERO,
                "",
                time,
                new int[] {1},
                sampling,
                40,
                new int[] {2},
                stops,
                grammar,
                Bytes32.ZERO,
                new byte[16]));
    }

    @Test
    void whatAnAnswerIsChosenByIsShown() {
        assertEquals(
                "2025-11-24T16:00:00Z with temperature 0.0, seed 0, max_tokens 40",
                line(1_764_000_000, Sampling.GREEDY, List.of(), ""));
        Sampling all = new Sampling(
                0.7f,
                5,
                900_000,
                50_000,
                -3,
                new LogitAdjustments(
                        -500_000, 250_000, 1_100_000, new int[] {3, 9}, new int[] {1_500_000, -100_000_000}));
        assertEquals(
                "2025-11-24T16:00:00Z with temperature 0.7, top_p 0.9, top_k 5, min_p 0.05, seed -3, presence_penalty"
                        + " -0.5, frequency_penalty 0.25, repetition_penalty 1.1, logit_bias {3=1.5, 9=-100.0},"
                        + " max_tokens 40, stop [END, .], grammar root ::= x x ::= \"a\"",
                line(1_764_000_000, all, List.of("END", "."), "root ::= x\nx ::= \"a\"\n"));
    }

    @Test
    void aRequestOfAnyTimeAndLengthIsALine() {
        assertTrue(line(Long.MAX_VALUE, Sampling.GREEDY, List.of(), "").startsWith(Long.MAX_VALUE + " s since 1970"));
        assertTrue(line(0, Sampling.GREEDY, List.of(), "root ::= \"" + "😀".repeat(500) + "\"")
                        .length()
                < 600);
    }
}
