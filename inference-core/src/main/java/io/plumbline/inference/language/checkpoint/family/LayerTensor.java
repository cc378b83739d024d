package io.plumbline.inference.language.checkpoint.family;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The name of a layer's tensor, taken apart.
 *
 * @param layer {@code model.layers.N.}
 * @param part such as {@code self_attn.q_proj}.
 * @param kind {@code weight}, {@code weight_scale} or {@code bias}.
 */
record LayerTensor(String layer, String part, String kind) {
    private static final Pattern NAME = Pattern.compile("(model\\.layers\\.\\d{1,9}\\.)(.+)\\.([a-z_]+)");

    /** Null where the name is none of a layer's. */
    static LayerTensor of(String name) {
        Matcher matcher = NAME.matcher(name);
        return matcher.matches() ? new LayerTensor(matcher.group(1), matcher.group(2), matcher.group(3)) : null;
    }

    /** Number of the layer. */
    int index() {
        return Integer.parseInt(layer.split("\\.")[2]);
    }

    /** The name with another part. */
    TensorPlace named(String other) {
        return TensorPlace.of(layer + other + "." + kind);
    }
}
