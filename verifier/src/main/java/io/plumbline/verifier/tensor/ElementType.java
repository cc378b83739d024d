package io.plumbline.verifier.tensor;

import java.util.Arrays;

/** What a tensor's elements are; names are those of the Open Inference Protocol, codes those of ONNX. */
public enum ElementType {
    BOOL(9, 1),
    UINT8(2, 1),
    UINT16(4, 2),
    UINT32(12, 4),
    UINT64(13, 8),
    INT8(3, 1),
    INT16(5, 2),
    INT32(6, 4),
    INT64(7, 8),
    FP16(10, 2),
    BF16(16, 2),
    FP32(1, 4),
    FP64(11, 8),
    /** Byte strings: each with its length before it, 4 bytes. */
    BYTES(8, 0);

    private final int onnx;
    private final int bytes;

    ElementType(int onnx, int bytes) {
        this.onnx = onnx;
        this.bytes = bytes;
    }

    /** The type with this ONNX code ({@code TensorProto.DataType}). */
    public static ElementType ofOnnx(int code) {
        return Arrays.stream(values())
                .filter(type -> type.onnx == code)
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("ONNX element type " + code
                        + " is none that is served. Convert the model to one of " + Arrays.toString(values()) + "."));
    }

    public int onnx() {
        return onnx;
    }

    /** Bytes of one element; 0 for {@link #BYTES}. */
    public int bytes() {
        return bytes;
    }

    /** Whether arithmetic on it rounds. */
    public boolean isFloat() {
        return this == FP16 || this == BF16 || this == FP32 || this == FP64;
    }
}
