package io.plumbline.verifier.model;

import io.plumbline.verifier.numerics.Constants;
import io.plumbline.verifier.numerics.Rope;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;

/**
 * Everything about a model's shape and arithmetic that an audit needs.
 *
 * @param hidden size d of the residual stream.
 * @param layers L.
 * @param heads query heads H.
 * @param kvHeads key and value heads G; divides H. Of layers with full attention, where local ones have others.
 * @param headDim D of one head, even; likewise.
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

    /** Token ids are below it. */
    public static final int MAX_VOCAB = 1 << 22;

    /** Products of a token with one matrix of its experts: those of published models are some ten thousands. */
    private static final int MAX_CHOSEN = 1 << 20;

    private static final int MAX_HEADS = 65_536;

    public ModelConfig {
        require(hidden > 0 && layers > 0 && heads > 0 && kvHeads > 0 && mlp > 0 && vocab > 0, "sizes must be positive");
        // What a stranger's manifest says is allocated for before anything else is known of the model.
        require(
                layers <= MAX_LAYERS && vocab <= MAX_VOCAB && heads <= MAX_HEADS,
                layers + " layers, " + heads + " heads or " + vocab + " tokens are more than " + MAX_LAYERS + ", "
                        + MAX_HEADS + " and " + MAX_VOCAB);
        requireHeads(heads, kvHeads, headDim, architecture.rotaryDim());
        HeadShape local = architecture.localHeads();
        if (local != null) {
            requireHeads(heads, local.kvHeads(), local.dim(), architecture.rotaryDim());
        }
        require(
                maxPositions > 0 && maxPositions <= Constants.MAX_CONTEXT,
                "context " + maxPositions + " is not in 1.." + Constants.MAX_CONTEXT);
        DeltaRule delta = architecture.delta();
        require(
                Math.max(Math.max(hidden, Math.max(mlp, architecture.sharedMlp())), (long) heads * headDim)
                                <= Constants.MAX_INNER
                        && (local == null || (long) heads * local.dim() <= Constants.MAX_INNER)
                        && architecture.perLayer() <= Constants.MAX_INNER
                        && (delta == null || delta.values() <= Constants.MAX_INNER),
                "a matrix is wider than " + Constants.MAX_INNER + ", where int32 sums could overflow");
        require(eps >= 0 && eps <= 1, "eps " + eps + " is not in 0..1");
        require(
                architecture.attention().isEmpty() || architecture.attention().length() == layers,
                architecture.attention().length() + " layer kinds for " + layers + " layers");
        requireCaches(architecture, layers);
        require(
                (long) layers * architecture.perLayer() <= Integer.MAX_VALUE / Float.BYTES,
                "a token's embeddings of all layers are more than a tensor's row has");
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
        rope.requireFor(rotaryDim(architecture, headDim));
        localRope(rope, architecture).requireFor(rotaryDim(architecture, local == null ? headDim : local.dim()));
    }

    private static void requireHeads(int heads, int kvHeads, int headDim, int rotaryDim) {
        require(heads % kvHeads == 0, heads + " heads cannot share " + kvHeads + " key heads evenly");
        require(headDim > 0 && headDim % 2 == 0, "head size " + headDim + " is not even");
        require(headDim <= Constants.MAX_HEAD_DIM, "head size " + headDim + " is above " + Constants.MAX_HEAD_DIM);
        require(rotaryDim < headDim, "as much as a head is rotated, or more, where a part should be");
    }

    /** Every layer without keys and values of its own has one before it whose it attends to. */
    private static void requireCaches(Architecture architecture, int layers) {
        int own = layers - architecture.sharedCaches();
        require(own > 0, architecture.sharedCaches() + " of " + layers + " layers without keys and values");
        for (int l = own; l < layers; l++) {
            require(
                    architecture.isLinear(l) || architecture.lastLike(l, own) >= 0,
                    "no keys and values for layer " + l);
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

    private boolean hasLocalHeads(int layer) {
        return architecture.localHeads() != null && architecture.isLocal(layer);
    }

    /** Elements of one of a layer's heads. */
    public int headDim(int layer) {
        return hasLocalHeads(layer) ? architecture.localHeads().dim() : headDim;
    }

    /** Key and value heads of a layer: of another's cache that it attends to, where it has none of its own. */
    public int kvHeads(int layer) {
        return hasLocalHeads(layer) ? architecture.localHeads().kvHeads() : kvHeads;
    }

    /** Elements of all query heads of a layer. */
    public int queryDim(int layer) {
        return heads * headDim(layer);
    }

    /** Elements of all key (or value) heads of a layer. */
    public int kvDim(int layer) {
        return kvHeads(layer) * headDim(layer);
    }

    /** Whether a layer writes keys and values. */
    public boolean hasOwnKeys(int layer) {
        return !isLinear(layer) && layer < layers - architecture.sharedCaches();
    }

    /** Whether a layer has a projection of values: else its values are what its keys are projected to. */
    public boolean hasValues(int layer) {
        return hasOwnKeys(layer) && !(architecture.keysAsValues() && !architecture.isLocal(layer));
    }

    /** The layer whose keys and values a layer with attention attends to: itself, where it has its own. */
    public int kvLayer(int layer) {
        return hasOwnKeys(layer) ? layer : architecture.lastLike(layer, layers - architecture.sharedCaches());
    }

    /**
     * Output rows of a layer's first projection: of queries, of the keys and values that it has of its own, and of a
     * gate of attention; or that of linear attention.
     */
    public int qkvDim(int layer) {
        if (isLinear(layer)) {
            return architecture.delta().channels() + architecture.delta().values();
        }
        int queries = queryDim(layer);
        int keys = hasOwnKeys(layer) ? kvDim(layer) : 0;
        int values = hasValues(layer) ? keys : 0;
        return queries + keys + values + (architecture.hasAttentionGate() ? queries : 0);
    }

    /** Elements that a layer's heads give together: the inputs of its output projection. */
    public int headsDim(int layer) {
        return isLinear(layer) ? architecture.delta().values() : queryDim(layer);
    }

    private int widest(IntUnaryOperator ofLayer) {
        return IntStream.range(0, layers).map(ofLayer).max().orElseThrow();
    }

    /** Output rows of the widest first projection of any layer. */
    public int widestQkv() {
        return widest(this::qkvDim);
    }

    /** Inputs of the widest output projection of any layer's heads. */
    public int widestHeads() {
        return widest(this::headsDim);
    }

    /** Elements of all query heads of the layer that has most. */
    public int widestQueries() {
        return widest(this::queryDim);
    }

    /** Elements of all key heads of the layer that has most. */
    public int widestKeys() {
        return widest(this::kvDim);
    }

    /** Key heads of the layer that has most. */
    public int mostKvHeads() {
        return widest(this::kvHeads);
    }

    /** Elements of the largest head of any layer. */
    public int widestHead() {
        return widest(this::headDim);
    }

    /** Elements of a token's embeddings of all layers. */
    public int perLayerDim() {
        return layers * architecture.perLayer();
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
        boolean isFirst =
                architecture.equals(Architecture.PLAIN) && rope.isOfVersion1() && headDim <= Constants.MAX_HEAD_DIM_1;
        return isFirst ? 1 : Constants.CONTRACT_VERSION;
    }

    /** Elements of a head that are rotated, in layers with full attention where local ones have other heads. */
    public int rotaryDim() {
        return rotaryDim(architecture, headDim);
    }

    /** Elements of a head that are rotated in local layers. */
    public int localRotaryDim() {
        HeadShape local = architecture.localHeads();
        return rotaryDim(architecture, local == null ? headDim : local.dim());
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
        if (hasExperts(layer)) {
            return architecture.experts().sharedMlp();
        }
        boolean isWide = architecture.sharedMlp() > 0 && layer >= layers - architecture.sharedCaches();
        return isWide ? architecture.sharedMlp() : mlp;
    }

    /** Inner size of the widest feed-forward part of any layer, experts and embeddings of layers included. */
    public int widestMlp() {
        Experts experts = architecture.experts();
        int dense = Math.max(Math.max(mlp, architecture.sharedMlp()), architecture.perLayer());
        return experts == null ? dense : Math.max(dense, Math.max(experts.mlp(), experts.sharedMlp()));
    }

    /** The scale of the scores of a layer's attention. */
    public float attentionScale(int layer) {
        return architecture.attentionScale() == 0
                ? 1f / (float) Math.sqrt(headDim(layer))
                : architecture.attentionScale();
    }

    /** The first position that the token at {@code position} attends to in a layer. */
    public int firstKey(int layer, int position) {
        return architecture.isLocal(layer) ? Math.max(0, position + 1 - architecture.window()) : 0;
    }

    /** How many positions that token attends to, itself included; none in a layer with linear attention. */
    public int keys(int layer, int position) {
        return isLinear(layer) ? 0 : position + 1 - firstKey(layer, position);
    }

    /** Elements that the norm of a layer's queries or keys goes over together, of {@code elements} in all heads. */
    public int qkNormSize(int layer, int elements) {
        return architecture.isWholeQkNorm() ? elements : headDim(layer);
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
