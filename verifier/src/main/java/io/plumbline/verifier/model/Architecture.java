package io.plumbline.verifier.model;

import io.plumbline.verifier.numerics.Rope;
import java.util.Map;
import java.util.function.Function;

/**
 * How a decoder's layers depart from {@link #PLAIN}: norms before each part, silu, full causal attention with rotary
 * positions over whole heads. A manifest names only what departs, so a plain model's says nothing of it.
 *
 * @param activation of the gate.
 * @param gateLimit what gate and up are clamped to where the activation clamps; 0 elsewhere.
 * @param norms where they stand.
 * @param isWholeQkNorm whether queries and keys, where they are normed, are so over all heads together.
 * @param outBias whether attention's output projection adds a bias.
 * @param mlpBias whether gate, up and down add biases.
 * @param attentionScale of scores; 0 for one over the root of the head size.
 * @param hasSinks whether each head has a sink: a logit that takes its share of the softmax and adds no value.
 * @param scoreCap where scores are capped softly; 0 for nowhere.
 * @param logitCap where logits are capped softly; 0 for nowhere.
 * @param embeddingScale of the first residual.
 * @param rotaryDim first elements of a head that are rotated, even; 0 for all.
 * @param window tokens that a local layer attends to, the last of them the token itself; 0 where no layer is local.
 * @param localRope rotary frequencies of local layers; null where they are the others'.
 * @param experts mixture of experts in its layers; null where there is none.
 * @param delta of layers with linear attention; null where there are none.
 * @param hasAttentionGate whether attention's output is multiplied by the sigmoid of a gate, projected as queries are.
 * @param localHeads shape of the heads of local layers; null where it is the others'.
 * @param valueNorm whether values are normed, each head by itself and without a gain.
 * @param keysAsValues whether layers with full attention have no projection of values: what keys are projected to,
 *     before their norm, are the values too.
 * @param sharedCaches last layers that have no keys and values of their own, and attend to those of the last layer
 *     before them that is local as they are, or not local as they are not.
 * @param sharedMlp inner size of the feed-forward part of these layers; 0 where it is the others'.
 * @param perLayer elements of the embedding that each layer has of each token; 0 where there is none.
 * @param layerScale whether the residuals that leave a layer are multiplied by a number of the layer's.
 * @param attention a letter a layer: {@code F} full attention, {@code W} local attention over the window, each in lower
 *     case where the layer rotates nothing, {@code D} the gated delta rule; empty where all are {@code F}.
 */
public record Architecture(
        Activation activation,
        float gateLimit,
        NormPlacement norms,
        boolean isWholeQkNorm,
        boolean outBias,
        boolean mlpBias,
        float attentionScale,
        boolean hasSinks,
        float scoreCap,
        float logitCap,
        float embeddingScale,
        int rotaryDim,
        int window,
        Rope localRope,
        Experts experts,
        DeltaRule delta,
        boolean hasAttentionGate,
        HeadShape localHeads,
        boolean valueNorm,
        boolean keysAsValues,
        int sharedCaches,
        int sharedMlp,
        int perLayer,
        boolean layerScale,
        String attention) {

    /** Llama's, and that of all that version 1 of the numeric contract runs. */
    public static final Architecture PLAIN = new Builder().build();

    private static final float LEAST_CAP = 0x1p-20f;

    public Architecture {
        for (float number : new float[] {attentionScale, scoreCap, logitCap}) {
            ModelConfig.require(
                    number >= 0 && number <= Float.MAX_VALUE,
                    "a scale or cap of " + number + " is not a number from 0");
        }
        for (float cap : new float[] {scoreCap, logitCap}) {
            // Two over it must be a number: infinity times a score of 0 is none.
            ModelConfig.require(cap == 0 || cap >= LEAST_CAP, "a cap of " + cap + " is below " + LEAST_CAP);
        }
        ModelConfig.require(
                activation == Activation.CLAMPED_SWIGLU
                        ? gateLimit > 0 && gateLimit <= Float.MAX_VALUE
                        : gateLimit == 0,
                "a limit of " + gateLimit + " of the activation " + activation.word());
        ModelConfig.require(
                embeddingScale > 0 && embeddingScale <= Float.MAX_VALUE,
                "an embedding scale of " + embeddingScale + " is not above 0");
        ModelConfig.require(rotaryDim >= 0 && rotaryDim % 2 == 0, "rotary size " + rotaryDim + " is not even");
        ModelConfig.require(
                sharedCaches >= 0 && sharedMlp >= 0 && perLayer >= 0,
                "counts of " + sharedCaches + ", " + sharedMlp + " and " + perLayer + " are not from 0");
        ModelConfig.require(sharedMlp == 0 || sharedCaches > 0, "a size of layers of which there are none");
        boolean isLocal = false;
        boolean isLinear = false;
        for (char letter : attention.toCharArray()) {
            ModelConfig.require("FWfwD".indexOf(letter) >= 0, "layer kind " + letter + " is none of F, W, f, w and D");
            isLocal |= letter == 'W' || letter == 'w';
            isLinear |= letter == 'D';
        }
        ModelConfig.require(
                isLocal ? window > 0 : window == 0 && localRope == null,
                isLocal ? "a window of " + window + " tokens is none" : "a window without a layer that has it");
        ModelConfig.require(isLocal || localHeads == null, "heads of local layers where there are none");
        ModelConfig.require(
                isLinear == (delta != null),
                isLinear ? "linear attention without sizes" : "sizes of linear attention without a layer that has it");
        // Keys and values have pages, by which memory is counted.
        ModelConfig.require(
                !isLinear || !attention.equals("D".repeat(attention.length())), "linear attention in all layers");
        ModelConfig.require(
                attention.isEmpty() || !attention.equals("F".repeat(attention.length())),
                "layer kinds that are all F are left out");
    }

    /** Sets what departs from the plain. */
    public static final class Builder {
        private Activation activation = Activation.SILU;
        private float gateLimit;
        private NormPlacement norms = NormPlacement.BEFORE;
        private boolean isWholeQkNorm;
        private boolean outBias;
        private boolean mlpBias;
        private float attentionScale;
        private boolean hasSinks;
        private float scoreCap;
        private float logitCap;
        private float embeddingScale = 1;
        private int rotaryDim;
        private int window;
        private Rope localRope;
        private Experts experts;
        private DeltaRule delta;
        private boolean hasAttentionGate;
        private HeadShape localHeads;
        private boolean valueNorm;
        private boolean keysAsValues;
        private int sharedCaches;
        private int sharedMlp;
        private int perLayer;
        private boolean layerScale;
        private String attention = "";

        public Builder activation(Activation of) {
            activation = of;
            return this;
        }

        public Builder gateLimit(float limit) {
            gateLimit = limit;
            return this;
        }

        public Builder norms(NormPlacement placed) {
            norms = placed;
            return this;
        }

        public Builder wholeQkNorm(boolean isWhole) {
            isWholeQkNorm = isWhole;
            return this;
        }

        public Builder outBias(boolean has) {
            outBias = has;
            return this;
        }

        public Builder mlpBias(boolean has) {
            mlpBias = has;
            return this;
        }

        public Builder attentionScale(float scale) {
            attentionScale = scale;
            return this;
        }

        public Builder sinks(boolean has) {
            hasSinks = has;
            return this;
        }

        public Builder scoreCap(float cap) {
            scoreCap = cap;
            return this;
        }

        public Builder logitCap(float cap) {
            logitCap = cap;
            return this;
        }

        public Builder embeddingScale(float scale) {
            embeddingScale = scale;
            return this;
        }

        public Builder rotaryDim(int elements) {
            rotaryDim = elements;
            return this;
        }

        public Builder window(int tokens) {
            window = tokens;
            return this;
        }

        public Builder localRope(Rope rope) {
            localRope = rope;
            return this;
        }

        public Builder experts(Experts mixture) {
            experts = mixture;
            return this;
        }

        public Builder delta(DeltaRule rule) {
            delta = rule;
            return this;
        }

        public Builder attentionGate(boolean has) {
            hasAttentionGate = has;
            return this;
        }

        public Builder localHeads(HeadShape shape) {
            localHeads = shape;
            return this;
        }

        public Builder valueNorm(boolean has) {
            valueNorm = has;
            return this;
        }

        public Builder keysAsValues(boolean are) {
            keysAsValues = are;
            return this;
        }

        public Builder sharedCaches(int layers) {
            sharedCaches = layers;
            return this;
        }

        public Builder sharedMlp(int size) {
            sharedMlp = size;
            return this;
        }

        public Builder perLayer(int elements) {
            perLayer = elements;
            return this;
        }

        public Builder layerScale(boolean has) {
            layerScale = has;
            return this;
        }

        public Builder attention(String letters) {
            attention = letters;
            return this;
        }

        public Architecture build() {
            return new Architecture(
                    activation,
                    gateLimit,
                    norms,
                    isWholeQkNorm,
                    outBias,
                    mlpBias,
                    attentionScale,
                    hasSinks,
                    scoreCap,
                    logitCap,
                    embeddingScale,
                    rotaryDim,
                    window,
                    localRope,
                    experts,
                    delta,
                    hasAttentionGate,
                    localHeads,
                    valueNorm,
                    keysAsValues,
                    sharedCaches,
                    sharedMlp,
                    perLayer,
                    layerScale,
                    attention);
        }
    }

    /** The letter of a layer. */
    private char kind(int layer) {
        return attention.isEmpty() ? 'F' : attention.charAt(layer);
    }

    /** Whether a layer attends to the window alone. */
    public boolean isLocal(int layer) {
        return (kind(layer) | 0x20) == 'w';
    }

    /** Whether a layer rotates its queries and keys. */
    public boolean isRotary(int layer) {
        return kind(layer) < 'a' && !isLinear(layer);
    }

    /** Whether a layer runs the gated delta rule in place of attention. */
    public boolean isLinear(int layer) {
        return kind(layer) == 'D';
    }

    /** The last layer before {@code end} with attention that is local where {@code layer} is, or -1. */
    int lastLike(int layer, int end) {
        for (int l = end - 1; l >= 0; l--) {
            if (!isLinear(l) && isLocal(l) == isLocal(layer)) {
                return l;
            }
        }
        return -1;
    }

    /** Its departures, as fields of a manifest's config line, each after a space; floats in hexadecimal. */
    public String toFields() {
        StringBuilder fields = new StringBuilder();
        put(fields, "activation", activation.word(), Activation.SILU.word());
        put(fields, "gateLimit", Float.toHexString(gateLimit), Float.toHexString(0));
        put(fields, "norms", norms.word(), NormPlacement.BEFORE.word());
        put(fields, "wholeQkNorm", isWholeQkNorm, false);
        put(fields, "outBias", outBias, false);
        put(fields, "mlpBias", mlpBias, false);
        put(fields, "attentionScale", Float.toHexString(attentionScale), Float.toHexString(0));
        put(fields, "sinks", hasSinks, false);
        put(fields, "scoreCap", Float.toHexString(scoreCap), Float.toHexString(0));
        put(fields, "logitCap", Float.toHexString(logitCap), Float.toHexString(0));
        put(fields, "embeddingScale", Float.toHexString(embeddingScale), Float.toHexString(1));
        put(fields, "rotaryDim", rotaryDim, 0);
        put(fields, "window", window, 0);
        if (localRope != null) {
            fields.append(' ').append(localRope.toFields("localRope"));
        }
        put(fields, "experts", experts == null ? "" : experts.toField(), "");
        put(fields, "delta", delta == null ? "" : delta.toField(), "");
        put(fields, "attentionGate", hasAttentionGate, false);
        put(fields, "localHeads", localHeads == null ? "" : localHeads.toField(), "");
        put(fields, "valueNorm", valueNorm, false);
        put(fields, "keysAsValues", keysAsValues, false);
        put(fields, "sharedCaches", sharedCaches, 0);
        put(fields, "sharedMlp", sharedMlp, 0);
        put(fields, "perLayer", perLayer, 0);
        put(fields, "layerScale", layerScale, false);
        put(fields, "attention", attention, "");
        return fields.toString();
    }

    private static void put(StringBuilder fields, String name, Object value, Object plain) {
        if (!value.equals(plain)) {
            fields.append(' ').append(name).append('=').append(value);
        }
    }

    /** The reverse of {@link #toFields}; fields that it does not know are left to the caller to refuse. */
    static Architecture fromFields(Map<String, String> fields) {
        Builder builder = new Builder();
        take(fields, "activation", word -> builder.activation(Words.of(Activation.values(), Activation::word, word)));
        take(fields, "gateLimit", value -> builder.gateLimit(Float.parseFloat(value)));
        take(fields, "norms", word -> builder.norms(Words.of(NormPlacement.values(), NormPlacement::word, word)));
        take(fields, "wholeQkNorm", value -> builder.wholeQkNorm(Boolean.parseBoolean(value)));
        take(fields, "outBias", value -> builder.outBias(Boolean.parseBoolean(value)));
        take(fields, "mlpBias", value -> builder.mlpBias(Boolean.parseBoolean(value)));
        take(fields, "attentionScale", value -> builder.attentionScale(Float.parseFloat(value)));
        take(fields, "sinks", value -> builder.sinks(Boolean.parseBoolean(value)));
        take(fields, "scoreCap", value -> builder.scoreCap(Float.parseFloat(value)));
        take(fields, "logitCap", value -> builder.logitCap(Float.parseFloat(value)));
        take(fields, "embeddingScale", value -> builder.embeddingScale(Float.parseFloat(value)));
        take(fields, "rotaryDim", value -> builder.rotaryDim(Integer.parseInt(value)));
        take(fields, "window", value -> builder.window(Integer.parseInt(value)));
        take(
                fields,
                "localRopeTheta",
                theta -> builder.localRope(Rope.fromFields(theta, fields.getOrDefault("localRopeScaling", ""))));
        take(fields, "experts", value -> builder.experts(Experts.fromField(value)));
        take(fields, "delta", value -> builder.delta(DeltaRule.fromField(value)));
        take(fields, "attentionGate", value -> builder.attentionGate(Boolean.parseBoolean(value)));
        take(fields, "localHeads", value -> builder.localHeads(HeadShape.fromField(value)));
        take(fields, "valueNorm", value -> builder.valueNorm(Boolean.parseBoolean(value)));
        take(fields, "keysAsValues", value -> builder.keysAsValues(Boolean.parseBoolean(value)));
        take(fields, "sharedCaches", value -> builder.sharedCaches(Integer.parseInt(value)));
        take(fields, "sharedMlp", value -> builder.sharedMlp(Integer.parseInt(value)));
        take(fields, "perLayer", value -> builder.perLayer(Integer.parseInt(value)));
        take(fields, "layerScale", value -> builder.layerScale(Boolean.parseBoolean(value)));
        take(fields, "attention", builder::attention);
        return builder.build();
    }

    private static void take(Map<String, String> fields, String name, Function<String, Builder> set) {
        if (fields.containsKey(name)) {
            set.apply(fields.get(name));
        }
    }
}
