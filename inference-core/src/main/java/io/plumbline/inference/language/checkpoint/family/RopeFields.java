package io.plumbline.inference.language.checkpoint.family;

import com.fasterxml.jackson.databind.JsonNode;
import io.plumbline.verifier.numerics.Rope;
import io.plumbline.verifier.numerics.RopeScaling;
import java.io.IOException;
import java.util.Map;

/** Rotary frequencies as config.json has them: in fields of their own, or gathered under rope_parameters. */
final class RopeFields {
    private static final String PROPORTIONAL = "proportional";

    private final ConfigFields fields;
    private final double theta;

    /** All that is said of rotary frequencies, in newer files; missing in older ones. */
    private final JsonNode all;

    /** The part of it that is about their scaling. */
    private final JsonNode scaling;

    /**
     * @param kind of layers, where a file may say something for each, as transformers' layer types name it.
     * @param theta the family's own.
     */
    RopeFields(ConfigFields fields, String kind, double theta) throws IOException {
        this.fields = fields;
        this.theta = theta;
        JsonNode newer = fields.object("rope_parameters");
        JsonNode older = fields.object("rope_scaling");
        this.all = newer.path(kind).isObject() ? newer.path(kind) : newer;
        this.scaling = all.isObject() ? all : older;
        if (newer.isObject() && older.isObject() && !isSameScaling(all, older)) {
            throw fields.unsupported("rope_scaling beside rope_parameters that says something else", "one of them is");
        }
    }

    private static boolean isSameScaling(JsonNode one, JsonNode other) {
        boolean isSame = type(one).equals(type(other));
        for (Map.Entry<String, JsonNode> field : other.properties()) {
            JsonNode there = one.path(field.getKey());
            isSame &= !field.getValue().isNumber()
                    || there.asDouble() == field.getValue().asDouble();
        }
        return isSame;
    }

    private static String type(JsonNode scaling) {
        return scaling.path("rope_type").asText(scaling.path("type").asText("default"));
    }

    private double number(String name, double otherwise) throws IOException {
        return fields.finite(scaling.path(name), name, otherwise);
    }

    /** The part of a head that is rotated; 0 where the file does not say, or the frequencies have it. */
    double partialRotaryFactor() throws IOException {
        return type(scaling).equals(PROPORTIONAL) ? 0 : factor();
    }

    private double factor() throws IOException {
        double older = fields.number("partial_rotary_factor", 0);
        return fields.finite(all.path("partial_rotary_factor"), "partial_rotary_factor", older);
    }

    /** The base of local layers' frequencies, where the file gathers them by kind; {@code otherwise} where not. */
    double localTheta(double otherwise) throws IOException {
        boolean isByKind =
                fields.raw("rope_parameters").path("sliding_attention").isObject();
        return isByKind ? fields.finite(all.path("rope_theta"), "rope_theta", otherwise) : otherwise;
    }

    /** The base of the frequencies. */
    double theta() throws IOException {
        return fields.finite(all.path("rope_theta"), "rope_theta", fields.number("rope_theta", theta));
    }

    /**
     * The frequencies.
     *
     * @param context longest in tokens that the model is run to.
     * @param headDim elements of a head.
     */
    Rope rope(int context, int headDim) throws IOException {
        int positions = fields.integer("max_position_embeddings", context);
        double original = number(
                "original_max_position_embeddings", fields.number("original_max_position_embeddings", positions));
        String type = type(scaling);
        return new Rope(
                theta(),
                switch (type) {
                    case "default" -> RopeScaling.NONE;
                    // It begins where the positions end that the model was made for, and no context goes beyond them.
                    case "dynamic" -> RopeScaling.NONE;
                    case "linear" ->
                        number("factor", 1) == 1 ? RopeScaling.NONE : new RopeScaling.Linear(number("factor", 1));
                    case PROPORTIONAL -> proportional(headDim);
                    case "llama3" ->
                        new RopeScaling.Llama3(
                                number("factor", 0),
                                number("low_freq_factor", 0),
                                number("high_freq_factor", 0),
                                original);
                    case "yarn" -> yarn(original);
                    case "longrope", "su" -> longRope(context, positions, original);
                    default ->
                        throw fields.unsupported(
                                "rope scaling " + type, "default, linear, llama3, proportional, yarn and longrope are");
                });
    }

    /** As transformers rounds: whole pairs, of which there must be one. */
    private RopeScaling proportional(int headDim) throws IOException {
        double part = factor() == 0 ? 1 : factor();
        return new RopeScaling.Proportional(number("factor", 1), Math.floor(Math.floor(part * headDim) / 2));
    }

    /** Defaults are those of transformers. */
    private RopeScaling yarn(double original) throws IOException {
        double factor = number("factor", 0);
        double numerator = number("mscale", 0);
        double denominator = number("mscale_all_dim", 0);
        double magnitude = numerator != 0 && denominator != 0
                ? yarnMagnitude(factor, numerator) / yarnMagnitude(factor, denominator)
                : yarnMagnitude(factor, 1);
        return new RopeScaling.Yarn(
                factor,
                number("attention_factor", magnitude),
                number("beta_fast", 32),
                number("beta_slow", 1),
                original,
                scaling.path("truncate").asBoolean(true));
    }

    private static double yarnMagnitude(double factor, double scale) {
        return factor <= 1 ? 1 : 0.1 * scale * StrictMath.log(factor) + 1;
    }

    /** One table for all contexts: the one for those longer than the original, where the model is run to such. */
    private RopeScaling longRope(int context, int positions, double original) throws IOException {
        boolean isLong = context > original;
        JsonNode factors = scaling.path(isLong ? "long_factor" : "short_factor");
        double[] divisors = new double[factors.size()];
        for (int i = 0; i < divisors.length; i++) {
            divisors[i] = fields.finite(factors.path(i), "a factor of rope_scaling", 0);
        }
        double stretch = number("factor", positions / original);
        stretch = fields.raw("original_max_position_embeddings").isNumber() ? positions / original : stretch;
        double magnitude = stretch <= 1 ? 1 : Math.sqrt(1 + StrictMath.log(stretch) / StrictMath.log(original));
        return new RopeScaling.LongRope(number("attention_factor", magnitude), divisors);
    }
}
