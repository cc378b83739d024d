package io.plumbline.inference.tensor;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.verifier.tensor.ElementType;
import io.plumbline.verifier.tensor.Tensor;
import io.plumbline.verifier.tensor.TensorManifest;
import io.plumbline.verifier.tensor.TensorSpec;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class BatchesTest {
    private static TensorSpec spec(String name, String... dimensions) {
        return new TensorSpec(name, ElementType.FP32, List.of(dimensions));
    }

    private static List<Tensor> request(int rows, long[] shape, float first) {
        float[] shared = {first, 2, 3, 4, 5, 6};
        return List.of(
                Tensor.ofFloats("x", new long[] {rows, 2}, new float[2 * rows]), Tensor.ofFloats("m", shape, shared));
    }

    /** A tensor without rows is taken from one request: all must have it alike, in its bytes and in its shape. */
    @Test
    void requestsAreRunTogetherWhereNothingButTheirRowsDiffers() {
        Batches batches = new Batches(new TensorManifest(
                new TreeMap<>(Map.of("", 17L)),
                List.of(spec("x", "b", "2"), spec("m", "h", "w")),
                List.of(spec("y", "b", "2")),
                new TreeMap<>(Map.of("model.onnx", new TensorManifest.Content(9, new byte[32])))));
        List<Tensor> one = request(1, new long[] {2, 3}, 1);
        assertTrue(batches.fit(one, request(3, new long[] {2, 3}, 1)));
        assertFalse(batches.fit(one, request(1, new long[] {2, 3}, 9)));
        assertFalse(batches.fit(one, request(1, new long[] {3, 2}, 1)), "the same bytes in another shape");
    }
}
