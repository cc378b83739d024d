package io.plumbline.inference.language.checkpoint.family;

import com.fasterxml.jackson.databind.JsonNode;
import io.plumbline.verifier.model.Activation;
import io.plumbline.verifier.model.Architecture;
import io.plumbline.verifier.model.DeltaRule;
import io.plumbline.verifier.model.ModelConfig;
import io.plumbline.verifier.numerics.Constants;
import io.plumbline.verifier.numerics.Rope;
import java.io.IOException;
import java.util.List;
import java.util.function.IntPredicate;

/** The fields that all families' config.json have; a family reads the rest, and sets what departs from Llama. */
final class Decoder {
    /** No name that a file has for it. */
    private static final String CLAMPED = "clamped";

    private final ConfigFields fields;

    final int hidden;
    final int layers;
    final int heads;

    /** Of layers with full attention, where local ones have others. */
    int kvHeads;

    int headDim;
    final int mlp;
    final int vocab;

    /** Longest context, in tokens. */
    final int context;

    /** How layers depart from the plain. */
    final Architecture.Builder architecture = new Architecture.Builder();

    /** Rotary frequencies; of the layers with full attention, where local ones have others. */
    Rope rope;

    /** Name of the gate's function; null for the one that the file names. */
    String activation;

    double eps;
    boolean qkvBias;
    boolean qkNorm;

    /** As the file gives it; 0 where it does not, or the family has taken it. */
    private double rotaryFactor;

    private boolean hasWindow;

    Decoder(ConfigFields fields) throws IOException {
        this(fields, new Defaults(0, 0, 0, 0, 0, 0, 1e-6));
    }

    /** Values that a family's files leave out where they are the usual ones; 0 for those that they never do. */
    record Defaults(int vocab, int heads, int kvHeads, int headDim, int context, double theta, double eps, int mlp) {
        /** Of families whose files say how wide a layer's feed-forward part is. */
        Defaults(int vocab, int heads, int kvHeads, int headDim, int context, double theta, double eps) {
            this(vocab, heads, kvHeads, headDim, context, theta, eps, 0);
        }
    }

    Decoder(ConfigFields fields, Defaults defaults) throws IOException {
        this.fields = fields;
        this.hidden = fields.size("hidden_size");
        this.layers = fields.size("num_hidden_layers");
        if (layers > ModelConfig.MAX_LAYERS) {
            throw fields.unsupported(layers + " layers", "at most " + ModelConfig.MAX_LAYERS + " are");
        }
        this.heads = fields.size("num_attention_heads", defaults.heads());
        this.kvHeads = fields.size("num_key_value_heads", defaults.kvHeads() > 0 ? defaults.kvHeads() : heads);
        this.headDim =
                fields.size("head_dim", defaults.headDim() > 0 ? defaults.headDim() : Math.max(1, hidden / heads));
        this.mlp = fields.size("intermediate_size", defaults.mlp());
        this.vocab = fields.size("vocab_size", defaults.vocab());
        // The int32 halves of an attention sum end there; a model made for more is run to that length.
        this.context = Math.min(fields.size("max_position_embeddings", defaults.context()), Constants.MAX_CONTEXT);
        this.eps = fields.number("rms_norm_eps", defaults.eps());
        RopeFields ropes = new RopeFields(fields, "full_attention", defaults.theta() > 0 ? defaults.theta() : 10_000);
        this.rope = ropes.rope(context, headDim);
        this.rotaryFactor = ropes.partialRotaryFactor();
    }

    /** Clamps the gate, and what it is multiplied by, in place of the function that the file must name then: silu. */
    void clampGate(double limit) throws IOException {
        if (!given().equals("silu")) {
            throw fields.unsupported("activation " + given() + " with a clamped gate", "silu is");
        }
        if (!((float) limit > 0 && (float) limit <= Float.MAX_VALUE)) {
            throw fields.unsupported("a gate's limit of " + limit, "one above 0 is");
        }
        activation = CLAMPED;
        architecture.gateLimit((float) limit);
    }

    private Activation activation() throws IOException {
        String word = activation == null ? given() : activation;
        return switch (word) {
            case "silu", "swish" -> Activation.SILU;
            case "gelu_pytorch_tanh", "gelu_new" -> Activation.GELU_TANH;
            case CLAMPED -> Activation.CLAMPED_SWIGLU;
            default -> throw fields.unsupported("activation " + word, "silu and gelu_pytorch_tanh are");
        };
    }

    /** The activation that the file names, by whichever field. */
    private String given() throws IOException {
        String word = null;
        for (String name : List.of("hidden_act", "hidden_activation", "activation_function")) {
            String other = fields.text(name, word);
            if (word != null && !word.equals(other)) {
                throw fields.unsupported(name + " " + other + " beside activation " + word, "one of them is");
            }
            word = other;
        }
        return word == null ? "silu" : word;
    }

    /** Sets the part of a head that is rotated, by the file's factor; {@code otherwise} where it has none. */
    Decoder partialRotary(double otherwise) throws IOException {
        double factor = rotaryFactor == 0 ? otherwise : rotaryFactor;
        rotaryFactor = 0;
        int elements = (int) (headDim * factor);
        if (!(factor > 0 && factor <= 1) || elements % 2 != 0 || elements == 0) {
            throw fields.unsupported("a partial rotary factor of " + factor, "one that gives an even number is");
        }
        architecture.rotaryDim(elements == headDim ? 0 : elements);
        return this;
    }

    /**
     * Sets the kinds of layers: as layer_types says, else as the family does.
     *
     * @param window tokens of local layers; 0 where there are none.
     * @param isLocal which layers are, where the file does not say.
     * @param isRotary which layers rotate.
     */
    Decoder layers(int window, IntPredicate isLocal, IntPredicate isRotary) throws IOException {
        StringBuilder letters = new StringBuilder();
        JsonNode types = fields.list("layer_types");
        for (int l = 0; l < layers; l++) {
            JsonNode given = types.path(l);
            String type = given.isTextual() || given.isMissingNode() ? given.asText() : given.toString();
            boolean local = switch (type) {
                case "" -> isLocal.test(l);
                case "full_attention" -> false;
                case "sliding_attention" -> true;
                default -> throw fields.unsupported("layer type " + type, "full_attention and sliding_attention are");
            };
            if (local && window <= 0) {
                throw fields.unsupported("a sliding window of " + window + " tokens", "one of at least 1 is");
            }
            char letter = local ? 'W' : 'F';
            letters.append(isRotary.test(l) ? letter : Character.toLowerCase(letter));
            hasWindow |= local;
        }
        if (types.size() > 0 && types.size() != layers) {
            throw fields.unsupported(types.size() + " layer types for " + layers + " layers", "one for each is");
        }
        boolean isPlain = letters.chars().allMatch(letter -> letter == 'F');
        architecture.attention(isPlain ? "" : letters.toString()).window(hasWindow ? Math.min(window, context) : 0);
        return this;
    }

    /**
     * Sets the kinds of layers, all of which rotate.
     *
     * @param window tokens of the local ones, of which there are none where that is not less than the context; 0 for
     *     none.
     * @param isLocal which layers are, where layer_types does not say.
     */
    Decoder windows(int window, IntPredicate isLocal) throws IOException {
        boolean isShort = window > 0 && window < context;
        return layers(window, l -> isShort && isLocal.test(l), l -> true);
    }

    /**
     * Sets the kinds of layers, most of which have linear attention.
     *
     * @param interval every so many layers one has attention, where layer_types does not say.
     */
    Decoder linear(DeltaRule delta, int interval) throws IOException {
        StringBuilder letters = new StringBuilder();
        JsonNode types = fields.list("layer_types");
        if (types.size() > 0 && types.size() != layers) {
            throw fields.unsupported(types.size() + " layer types for " + layers + " layers", "one for each is");
        }
        for (int l = 0; l < layers; l++) {
            JsonNode given = types.path(l);
            String usual = (l + 1) % interval == 0 ? "full_attention" : "linear_attention";
            String type = given.isMissingNode() ? usual : given.isTextual() ? given.asText() : given.toString();
            letters.append(
                    switch (type) {
                        case "full_attention" -> 'F';
                        case "linear_attention" -> 'D';
                        default ->
                            throw fields.unsupported("layer type " + type, "full_attention and linear_attention are");
                    });
        }
        boolean isLinear = letters.indexOf("D") >= 0;
        architecture.delta(isLinear ? delta : null).attention(isLinear ? letters.toString() : "");
        return this;
    }

    /** Whether some layers are local. */
    boolean hasWindow() {
        return hasWindow;
    }

    ModelConfig config() throws IOException {
        if (rotaryFactor != 0 && rotaryFactor != 1) {
            throw fields.unsupported("a partial rotary factor", "1 is in this family");
        }
        return new ModelConfig(
                hidden,
                layers,
                heads,
                kvHeads,
                headDim,
                mlp,
                vocab,
                context,
                (float) eps,
                rope,
                qkvBias,
                qkNorm,
                architecture.activation(activation()).build());
    }
}
