package io.plumbline.verifier.model;

import io.plumbline.verifier.numerics.Constants;
import io.plumbline.verifier.numerics.Rope;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Everything about a model's shape and arithmetic that an audit needs.
 *
 * @param hidden size d of the residual stream.
 * @param layers L.
 * @param heads query heads H.
 * @param kvHeads key and value heads G; divides H.
 * @param headDim D of one head, even.
 * @param mlp inner size of the feed-forward part.
 * @param vocab token ids.
 * @param maxPositions longest context in tokens.
 * @param eps of the norms.
 * @param rope rotary frequencies.
 * @param qkvBias whether query, key and value projections add a bias.
 * @param qkNorm whether queries and keys are normed before rope, each head by itself unless the architecture says
 *     otherwise.
 * @param architecture how layers depart from the plain ones.
 */
public record ModelConfig(
        int hidden,
        int layers,
        int heads,
        int kvHeads,
        int headDim,
        int mlp,
        int vocab,
        int maxPositions,
        float eps,
        Rope rope,
        boolean qkvBias,
        boolean qkNorm,
        Architecture architecture) {

    /** Layers of a model, at most. */
    public static final int MAX_LAYERS = 4_096;

    /** Products of a token with one matrix of its experts: those of published models are some ten thousands. */
    private static final int MAX_CHOSEN = 1 << 20;

    private static final int MAX_HEADS = 65_536;
    private static final int MAX_VOCAB = 1 << 22;

    public ModelConfig {
        require(hidden > 0 && layers > 0 && heads > 0 && kvHeads > 0 && mlp > 0 && vocab > 0, "sizes must be positive");
        // What a stranger's manifest says is allocated for before anything else is known of the model.
        require(
                layers <= MAX_LAYERS && vocab <= MAX_VOCAB && heads <= MAX_HEADS,
                layers + " layers, " + heads + " heads or " + vocab + " tokens are more than " + MAX_LAYERS + ", "
                        + MAX_HEADS + " and " + MAX_VOCAB);
        require(heads % kvHeads == 0, heads + " heads cannot share " + kvHeads + " key heads evenly");
        require(headDim > 0 && headDim % 2 == 0, "head size " + headDim + " is not even");
        require(headDim <= Constants.MAX_HEAD_DIM, "head size " + headDim + " is above " + Constants.MAX_HEAD_DIM);
        require(
                maxPositions > 0 && maxPositions <= Constants.MAX_CONTEXT,
                "context " + maxPositions + " is not in 1.." + Constants.MAX_CONTEXT);
        DeltaRule delta = architecture.delta();
        require(
                Math.max(Math.max(hidden, mlp), (long) heads * headDim) <= Constants.MAX_INNER
                        && (delta == null || delta.values() <= Constants.MAX_INNER),
                "a matrix is wider than " + Constants.MAX_INNER + ", where int32 sums could overflow");
        require(eps >= 0 && eps <= 1, "eps " + eps + " is not in 0..1");
        require(
                architecture.attention().isEmpty() || architecture.attention().length() == layers,
                architecture.attention().length() + " layer kinds for " + layers + " layers");
        require(architecture.rotaryDim() < headDim, "as much as a head is rotated, or more, where a part should be");
        Experts experts = architecture.experts();
        require(
                experts == null || Math.max(experts.mlp(), experts.sharedMlp()) <= Constants.MAX_INNER,
                "an expert is wider than " + Constants.MAX_INNER);
        require(
                experts == null || experts.chosen() * (long) Math.max(2 * experts.mlp(), hidden) <= MAX_CHOSEN,
                "chosen experts' products of a token are more than " + MAX_CHOSEN);
        require(experts == null || experts.dense() < layers, "a mixture of experts in no layer");
        require(experts == null || !architecture.mlpBias(), "a mixture of experts with biases");
        require(
                experts == null
                        || 2L * experts.count() * experts.mlp() <= Integer.MAX_VALUE
                                && (long) experts.count() * hidden <= Integer.MAX_VALUE,
                "more rows of experts than a tensor has");
        require(qkNorm || !architecture.isWholeQkNorm(), "a norm over all heads where none is");
        // A table of factors that fits no head is found out here, not when the first token is rotated.
        int rotaryDim = rotaryDim(architecture, headDim);
        for (int i = 0; i < rotaryDim / 2; i++) {
            double slower = Math.min(
                    rope.frequency(i, rotaryDim), localRope(rope, architecture).frequency(i, rotaryDim));
            require(slower > 0, "a rotary frequency of " + slower);
        }
    }

    /** Of a plain architecture. */
    public ModelConfig(
            int hidden,
            int layers,
            int heads,
            int kvHeads,
            int headDim,
            int mlp,
            int vocab,
            int maxPositions,
            float eps,
            Rope rope,
            boolean qkvBias,
            boolean qkNorm) {
        this(
                hidden,
                layers,
                heads,
                kvHeads,
                headDim,
                mlp,
                vocab,
                maxPositions,
                eps,
                rope,
                qkvBias,
                qkNorm,
                Architecture.PLAIN);
    }

    static void require(boolean holds, String what) {
        if (!holds) {
            throw new IllegalArgumentException("Model shape not supported: " + what + ".");
        }
    }

    /** Elements of all query heads. */
    public int queryDim() {
        return heads * headDim;
    }

    /** Elements of all key (or value) heads. */
    public int kvDim() {
        return kvHeads * headDim;
    }

    /** Output rows of attention's query, key and value projection, and of its gate's where it has one. */
    public int qkvDim() {
        return queryDim() + 2 * kvDim() + (architecture.hasAttentionGate() ? queryDim() : 0);
    }

    /** Output rows of a layer's first projection: attention's, or that of linear attention. */
    public int qkvDim(int layer) {
        DeltaRule delta = architecture.delta();
        return isLinear(layer) ? delta.channels() + delta.values() : qkvDim();
    }

    /** Elements that a layer's heads give together: the inputs of its output projection. */
    public int headsDim(int layer) {
        return isLinear(layer) ? architecture.delta().values() : queryDim();
    }

    /** Output rows of the widest first projection of any layer. */
    public int widestQkv() {
        DeltaRule delta = architecture.delta();
        return delta == null ? qkvDim() : Math.max(qkvDim(), delta.channels() + delta.values());
    }

    /** Inputs of the widest output projection of any layer's heads. */
    public int widestHeads() {
        DeltaRule delta = architecture.delta();
        return delta == null ? queryDim() : Math.max(queryDim(), delta.values());
    }

    /** Whether a layer runs the gated delta rule in place of attention. */
    public boolean isLinear(int layer) {
        return architecture.isLinear(layer);
    }

    /** Layers of which that is so. */
    public int linearLayers() {
        return (int)
                architecture.attention().chars().filter(letter -> letter == 'D').count();
    }

    /** Such layers before {@code layer}. */
    public int linearIndex(int layer) {
        int before = 0;
        for (int l = 0; l < layer; l++) {
            before += isLinear(l) ? 1 : 0;
        }
        return before;
    }

    /** Rows of a router, of one digit: its experts', and the gate's of the part that all tokens go through. */
    public int routes() {
        return architecture.experts().count() + (architecture.experts().hasSharedGate() ? 1 : 0);
    }

    /** The version of the numeric contract that runs it: the least that has all it asks for. */
    public int contractVersion() {
        return architecture.equals(Architecture.PLAIN) && rope.isOfVersion1() ? 1 : Constants.CONTRACT_VERSION;
    }

    /** Elements of a head that are rotated. */
    public int rotaryDim() {
        return rotaryDim(architecture, headDim);
    }

    private static int rotaryDim(Architecture architecture, int headDim) {
        return architecture.rotaryDim() == 0 ? headDim : architecture.rotaryDim();
    }

    /** Rotary frequencies of local layers. */
    public Rope localRope() {
        return localRope(rope, architecture);
    }

    private static Rope localRope(Rope rope, Architecture architecture) {
        return architecture.localRope() == null ? rope : architecture.localRope();
    }

    /** Whether a layer has a mixture of experts. */
    public boolean hasExperts(int layer) {
        return architecture.experts() != null && architecture.experts().isIn(layer);
    }

    /** Inner size of the part of a layer that every token goes through; 0 where there are experts alone. */
    public int mlp(int layer) {
        return hasExperts(layer) ? architecture.experts().sharedMlp() : mlp;
    }

    /** Inner size of the widest feed-forward part of any layer, experts included. */
    public int widestMlp() {
        Experts experts = architecture.experts();
        return experts == null ? mlp : Math.max(mlp, Math.max(experts.mlp(), experts.sharedMlp()));
    }

    /** The scale of attention's scores. */
    public float attentionScale() {
        return architecture.attentionScale() == 0 ? 1f / (float) Math.sqrt(headDim) : architecture.attentionScale();
    }

    /** The first position that the token at {@code position} attends to in a layer. */
    public int firstKey(int layer, int position) {
        return architecture.isLocal(layer) ? Math.max(0, position + 1 - architecture.window()) : 0;
    }

    /** How many positions that token attends to, itself included; none in a layer with linear attention. */
    public int keys(int layer, int position) {
        return isLinear(layer) ? 0 : position + 1 - firstKey(layer, position);
    }

    /** Elements that the norm of queries or keys goes over together, of {@code elements} in all heads. */
    public int qkNormSize(int elements) {
        return architecture.isWholeQkNorm() ? elements : headDim;
    }

    /** The manifest's {@code config} line, floats in hexadecimal. */
    String toLine() {
        return "config hidden=" + hidden + " layers=" + layers + " heads=" + heads + " kvHeads=" + kvHeads + " headDim="
                + headDim + " mlp=" + mlp + " vocab=" + vocab + " maxPositions=" + maxPositions + " eps="
                + Float.toHexString(eps) + " " + rope.toFields("rope") + " qkvBias=" + qkvBias
                + " qkNorm=" + qkNorm + architecture.toFields();
    }

    static ModelConfig fromLine(String line) {
        Map<String, String> fields = new LinkedHashMap<>();
        for (String field : line.substring("config ".length()).split(" ", -1)) {
            int equals = field.indexOf('=');
            if (equals < 0) {
                throw new IllegalArgumentException("config field \"" + field + "\" has no value");
            }
            fields.put(field.substring(0, equals), field.substring(equals + 1));
        }
        ModelConfig config = new ModelConfig(
                integer(fields, "hidden"),
                integer(fields, "layers"),
                integer(fields, "heads"),
                integer(fields, "kvHeads"),
                integer(fields, "headDim"),
                integer(fields, "mlp"),
                integer(fields, "vocab"),
                integer(fields, "maxPositions"),
                Float.parseFloat(text(fields, "eps")),
                Rope.fromFields(text(fields, "ropeTheta"), text(fields, "ropeScaling")),
                Boolean.parseBoolean(text(fields, "qkvBias")),
                Boolean.parseBoolean(text(fields, "qkNorm")),
                Architecture.fromFields(fields));
        if (!config.toLine().equals(line)) {
            throw new IllegalArgumentException("config line is not in canonical form");
        }
        return config;
    }

    private static int integer(Map<String, String> fields, String name) {
        return Integer.parseInt(text(fields, name));
    }

    private static String text(Map<String, String> fields, String name) {
        String value = fields.get(name);
        if (value == null) {
            throw new IllegalArgumentException("config line lacks " + name);
        }
        return value;
    }
}
