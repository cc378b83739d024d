package io.plumbline.inference.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.plumbline.verifier.tensor.Tensor;
import org.junit.jupiter.api.Test;

class TensorJsonTest {
    private static Tensor tensor(String type, String shape, String data) throws JsonProcessingException {
        String json = "{\"name\":\"x\",\"datatype\":\"" + type + "\",\"shape\":" + shape + ",\"data\":" + data + "}";
        return TensorJson.tensor(new ObjectMapper().readTree(json));
    }

    private static void assertRefused(String type, String shape, String data) {
        String refusal = assertThrows(IllegalArgumentException.class, () -> tensor(type, shape, data), data)
                .getMessage();
        assertTrue(refusal.contains("\"x\""), refusal);
    }

    @Test
    void aNumberThatItsTypeCannotHoldIsRefused() {
        assertRefused("FP64", "[1]", "[1e400]");
        assertRefused("FP32", "[1]", "[1e39]");
        assertRefused("FP32", "[1]", "[" + "9".repeat(400) + "]");
        assertRefused("FP16", "[1]", "[65520]");
        assertRefused("BF16", "[1]", "[3.4e38]");
        assertRefused("INT64", "[1]", "[9223372036854775808]");
        assertRefused("UINT8", "[1]", "[256]");
    }

    @Test
    void aSizeBeyond64BitsIsNotAnother() {
        assertRefused("FP32", "[18446744073709551617]", "[1]");
        assertRefused("FP32", "[-1]", "[]");
        assertRefused("FP32", "[1.0]", "[1]");
    }

    @Test
    void aTextThatBytesDoNotKeepIsRefused() {
        assertRefused("BYTES", "[2]", "[\"a\",\"\\ud800\"]");
    }

    @Test
    void theLargestOfEachTypeIsTaken() throws JsonProcessingException {
        assertArrayEquals(new double[] {65504}, tensor("FP16", "[1]", "[65504]").values());
        assertArrayEquals(
                new double[] {Float.MAX_VALUE},
                tensor("FP32", "[1]", "[3.4028235e38]").values());
        assertArrayEquals(new double[] {1e308}, tensor("FP64", "[1]", "[1e308]").values());
    }
}
