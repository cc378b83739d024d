package io.plumbline.verifier.tensor;

import java.util.Arrays;
import java.util.Locale;

/** What a node declares to have multiplied in; it decides the bounds it is held to. */
public enum Precision {
    FP32,
    /** fp32 with factors rounded to 11 significant bits. */
    TF32,
    FP16,
    /** int8 where the model has QuantizeLinear and DequantizeLinear, fp32 elsewhere. */
    INT8;

    public static Precision parse(String text) {
        try {
            return valueOf(text.toUpperCase(Locale.ROOT));
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(
                    "\"" + text + "\" is no precision. Choose one of "
                            + Arrays.toString(values()).toLowerCase(Locale.ROOT) + ".",
                    e);
        }
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
