package io.plumbline.verifier.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class TensorRequestTest {
    private static TensorRequest request(String input, List<String> outputs) {
        Tensor tensor = Tensor.ofFloats(input, new long[] {1}, 1f);
        return new TensorRequest(
                Bytes32.ZERO,
                new byte[32],
                Precision.values()[0],
                List.of(tensor),
                outputs,
                Bytes32.ZERO,
                new byte[16]);
    }

    private static String refusal(String input, List<String> outputs) {
        return assertThrows(IllegalArgumentException.class, () -> request(input, outputs))
                .getMessage();
    }

    @Test
    void aRequestSurvivesItsEncoding() {
        byte[] bytes = request("x", List.of("y", "z\ud83d\ude42")).encode();
        assertArrayEquals(bytes, TensorRequest.decode(bytes).encode());
    }

    @Test
    void aRequestSaysWhenItWasAskedInOneFormAlone() {
        TensorRequest now = new TensorRequest(
                Bytes32.ZERO,
                new byte[32],
                Precision.values()[0],
                List.of(Tensor.ofFloats("x", new long[] {1}, 1f)),
                List.of(),
                1_700_000_000,
                List.of("y"),
                Bytes32.ZERO,
                new byte[16]);
        byte[] bytes = now.encode();
        TensorRequest again = TensorRequest.decode(bytes);
        assertEquals(now.time(), again.time());
        assertEquals(now.hash(), again.hash());
        // The time stands behind the count of facts, before the outputs: without it the other form is the request's.
        int at = bytes.length - 16 - 32 - (4 + 1) - 4 - 8;
        byte[] timeless = bytes.clone();
        Arrays.fill(timeless, at, at + 8, (byte) 0);
        String why = assertThrows(MalformedException.class, () -> TensorRequest.decode(timeless))
                .getMessage();
        assertTrue(why.contains("neither facts nor a time"), why);
    }

    @Test
    void aRequestIsSmallEnoughToBeShownWithItsAnswer() {
        int tooMany = TensorRequest.MAX_BYTES / Float.BYTES + 1;
        Tensor large = Tensor.ofFloats("x", new long[] {tooMany}, new float[tooMany]);
        assertTrue(assertThrows(
                        IllegalArgumentException.class,
                        () -> new TensorRequest(
                                Bytes32.ZERO,
                                new byte[32],
                                Precision.values()[0],
                                List.of(large),
                                List.of("y"),
                                Bytes32.ZERO,
                                new byte[16]))
                .getMessage()
                .contains("at most"));
    }

    @Test
    void anOutputIsAskedForOnce() {
        assertTrue(refusal("x", List.of("y", "z", "y")).contains("no output twice"));
    }

    @Test
    void namesThatBytesDoNotKeepAreRefused() {
        assertTrue(refusal("x", List.of("y\ud800")).contains("U+D800"));
        assertTrue(refusal("\udc00x", List.of("y")).contains("U+DC00"));
    }
}
