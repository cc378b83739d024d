package io.plumbline.inference.language.gguf;

import java.util.Arrays;

/** Tensor types of a GGUF file that are taken; the format has many more. */
public enum GgufType {
    F32(0, 1, 4),
    F16(1, 1, 2),
    /** Blocks of 32: an f16 scale, then int8 values. */
    Q8_0(8, 32, 34),
    BF16(30, 1, 2),
    /** Blocks of 32: an exponent, then values of 4 bits, those of the first half in the low ones. */
    MXFP4(39, 32, 17);

    private static final String[] OTHERS = {
        "F32", "F16", "Q4_0", "Q4_1", "?", "?", "Q5_0", "Q5_1", "Q8_0", "Q8_1", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K",
        "Q8_K"
    };

    private final int code;
    private final int blockElements;
    private final int blockBytes;

    GgufType(int code, int blockElements, int blockBytes) {
        this.code = code;
        this.blockElements = blockElements;
        this.blockBytes = blockBytes;
    }

    int code() {
        return code;
    }

    /** Bytes of {@code n} elements. */
    long bytes(long n) {
        return n / blockElements * blockBytes;
    }

    int blockElements() {
        return blockElements;
    }

    int blockBytes() {
        return blockBytes;
    }

    /** The type of that code, or null. */
    static GgufType of(int code) {
        return Arrays.stream(values())
                .filter(type -> type.code == code)
                .findFirst()
                .orElse(null);
    }

    static String nameOf(int code) {
        return code >= 0 && code < OTHERS.length ? OTHERS[code] : "number " + code;
    }
}
