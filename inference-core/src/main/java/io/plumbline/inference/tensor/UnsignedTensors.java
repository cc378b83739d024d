package io.plumbline.inference.tensor;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import io.plumbline.verifier.tensor.ElementType;
import io.plumbline.verifier.tensor.Precision;
import java.io.IOException;
import java.util.EnumMap;
import java.util.HexFormat;
import java.util.Map;

/**
 * ONNX Runtime's tensors of unsigned integers wider than 8 bits. Its Java API cannot make any, and can pass those
 * that a session gives: a model of one Cast makes them of the signed type of the same width, whose bits stay as they
 * are.
 */
final class UnsignedTensors {
    /** y = Cast(x), of any shape; the places of the signed type and of the unsigned one are left out. */
    private static final String CAST = "0808420210113a32" + "0a170a01781201792204436173742a090a02746f18%2$02xa00102"
            + "1201735a090a017812040a0208%1$02x62090a017912040a0208%2$02x";

    private static final Map<ElementType, OnnxRuntimeModel> CASTS = new EnumMap<>(ElementType.class);

    private UnsignedTensors() {}

    /** The signed type as wide as this one; the type itself where the Java API has it. */
    static ElementType signed(ElementType type) {
        return switch (type) {
            case UINT16 -> ElementType.INT16;
            case UINT32 -> ElementType.INT32;
            case UINT64 -> ElementType.INT64;
            default -> type;
        };
    }

    /**
     * The same bits as an unsigned tensor.
     *
     * @param signed is closed by this.
     * @return a tensor that the caller closes.
     */
    static OnnxTensor of(OnnxTensor signed, ElementType type) throws OrtException, IOException {
        try (signed) {
            OrtSession.Result result = cast(type).session().run(Map.of("x", signed));
            // Of one value, which ends when the tensor is closed.
            return (OnnxTensor) result.get(0);
        }
    }

    private static synchronized OnnxRuntimeModel cast(ElementType type) throws IOException {
        OnnxRuntimeModel cast = CASTS.get(type);
        if (cast == null) {
            byte[] model = HexFormat.of().parseHex(CAST.formatted(signed(type).onnx(), type.onnx()));
            cast = OnnxRuntimeModel.load(
                    model, "a model of one node", Precision.FP32, OnnxRuntimeModel.Options.serving(1));
            CASTS.put(type, cast);
        }
        return cast;
    }
}
