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

    /** A recurrent model's state goes out and comes back in. */
    @Test
    void whatIsNotFiniteIsReadAsItIsWritten() throws JsonProcessingException {
        for (String type : new String[] {"FP16", "BF16", "FP32", "FP64"}) {
            Tensor tensor = tensor(type, "[4]", "[\"NaN\",\"Infinity\",\"-Infinity\",-0.5]");
            assertArrayEquals(
                    new double[] {Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY, -0.5},
                    tensor.values());
            String written = new ObjectMapper().writeValueAsString(TensorJson.json(tensor));
            assertTrue(written.contains("[\"NaN\",\"Infinity\",\"-Infinity\",-0.5]"), written);
            Tensor again = TensorJson.tensor(new ObjectMapper().readTree(written));
            assertArrayEquals(tensor.data(), again.data(), type);
        }
        assertRefused("FP32", "[1]", "[\"nan\"]");
        assertRefused("FP32", "[1]", "[\"1\"]");
        assertRefused("INT32", "[1]", "[\"NaN\"]");
        assertRefused("BOOL", "[1]", "[\"Infinity\"]");
    }
}
