package io.plumbline.inference.language.gguf;

import java.util.Arrays;
import java.util.stream.Collectors;

/** Tensor types of a GGUF file that are taken; the format has more. {@link GgufBlocks} says what blocks hold. */
public enum GgufType {
    F32(0, 1, 4),
    F16(1, 1, 2),
    Q4_0(2, 32, 18),
    Q4_1(3, 32, 20),
    Q5_0(6, 32, 22),
    Q5_1(7, 32, 24),
    Q8_0(8, 32, 34),
    Q4_K(12, 256, 144),
    Q5_K(13, 256, 176),
    Q6_K(14, 256, 210),
    BF16(30, 1, 2),
    MXFP4(39, 32, 17);

    private static final String[] NAMES = {
        "F32", "F16", "Q4_0", "Q4_1", "?", "?", "Q5_0", "Q5_1", "Q8_0", "Q8_1", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K",
        "Q8_K", "IQ2_XXS", "IQ2_XS", "IQ3_XXS", "IQ1_S", "IQ4_NL", "IQ3_S", "IQ2_S", "IQ4_XS"
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

    /** Elements of a block. */
    public int blockElements() {
        return blockElements;
    }

    /** Bytes of one. */
    public int blockBytes() {
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
        return code >= 0 && code < NAMES.length ? NAMES[code] : "number " + code;
    }

    /** All, for messages. */
    static String names() {
        return Arrays.stream(values()).map(Enum::name).collect(Collectors.joining(", "));
    }
}
