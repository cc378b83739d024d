package io.plumbline.verifier.model;

/**
 * The mixture of experts in a model's layers: a router chooses some experts a token, and adds their outputs by weight.
 *
 * @param count experts of a layer, at most {@link #MOST}.
 * @param chosen of them a token.
 * @param mlp inner size of one.
 * @param sharedMlp inner size of the part that every token goes through beside them; 0 for none.
 * @param scoring of the router's logits.
 * @param hasBias whether a bias an expert is added to the scores for the choice alone.
 * @param isRenormalized whether the weights of the chosen add up to {@code scale}; else those of all do.
 * @param scale that weights are multiplied by.
 * @param dense layers from the first that have no mixture.
 * @param hasBiases whether the router's logits, and gate, up and down of each expert, add biases.
 * @param hasSharedGate whether the part that every token goes through is weighed by the sigmoid of a logit of its own,
 *     which the router gives behind its experts'.
 * @param isApart whether the experts stand beside that part, each with norms of its own of the residual and of what it
 *     gives, the router with one too, and each expert's weight is multiplied by a number of the expert.
 */
public record Experts(
        int count,
        int chosen,
        int mlp,
        int sharedMlp,
        Scoring scoring,
        boolean hasBias,
        boolean isRenormalized,
        float scale,
        int dense,
        boolean hasBiases,
        boolean hasSharedGate,
        boolean isApart) {
    /** Experts of a layer, at most: the largest published models have some hundreds. */
    public static final int MOST = 4_096;

    private static final String BIASES = "biases";
    private static final String SHARED_GATE = "sharedGate";
    private static final String APART = "apart";

    /** Words of a description that are always there. */
    private static final int WORDS = 9;

    /** How scores come of the router's logits. */
    public enum Scoring {
        /** Weights are a softmax over them. */
        SOFTMAX("softmax"),

        /** Each weight is its logit's sigmoid. */
        SIGMOID("sigmoid");

        private final String word;

        Scoring(String word) {
            this.word = word;
        }
    }

    public Experts {
        ModelConfig.require(count > 0 && count <= MOST, count + " experts are not in 1.." + MOST);
        ModelConfig.require(chosen > 0 && chosen <= count, chosen + " experts a token, of " + count);
        ModelConfig.require(mlp > 0 && sharedMlp >= 0 && dense >= 0, "an expert's sizes must be positive");
        ModelConfig.require(!hasSharedGate || sharedMlp > 0, "a gate of a shared part where there is none");
        ModelConfig.require(!hasSharedGate || !hasBiases, "a mixture of experts with biases and a gate");
        ModelConfig.require(
                !isApart || sharedMlp > 0 && !hasBiases && !hasSharedGate,
                "experts apart with biases or a gate, or from nothing");
        ModelConfig.require(scale > 0 && scale <= Float.MAX_VALUE, "experts weighed by " + scale);
    }

    /** Without biases. */
    public Experts(
            int count,
            int chosen,
            int mlp,
            int sharedMlp,
            Scoring scoring,
            boolean hasBias,
            boolean isRenormalized,
            float scale,
            int dense) {
        this(count, chosen, mlp, sharedMlp, scoring, hasBias, isRenormalized, scale, dense, false, false, false);
    }

    /** Without a gate of its shared part. */
    public Experts(
            int count,
            int chosen,
            int mlp,
            int sharedMlp,
            Scoring scoring,
            boolean hasBias,
            boolean isRenormalized,
            float scale,
            int dense,
            boolean hasBiases) {
        this(count, chosen, mlp, sharedMlp, scoring, hasBias, isRenormalized, scale, dense, hasBiases, false, false);
    }

    /** Whether a layer has a mixture. */
    public boolean isIn(int layer) {
        return layer >= dense;
    }

    /** One word of a manifest's config line. */
    String toField() {
        return count + "," + chosen + "," + mlp + "," + sharedMlp + "," + scoring.word + "," + hasBias + ","
                + isRenormalized + "," + Float.toHexString(scale) + "," + dense + (hasBiases ? "," + BIASES : "")
                + (hasSharedGate ? "," + SHARED_GATE : "") + (isApart ? "," + APART : "");
    }

    /** The reverse of {@link #toField}. */
    static Experts fromField(String field) {
        String[] parts = field.split(",", -1);
        boolean hasMore = parts.length == WORDS + 1;
        boolean hasBiases = hasMore && parts[WORDS].equals(BIASES);
        boolean hasSharedGate = hasMore && parts[WORDS].equals(SHARED_GATE);
        boolean isApart = hasMore && parts[WORDS].equals(APART);
        if (parts.length != WORDS && !hasBiases && !hasSharedGate && !isApart) {
            throw new IllegalArgumentException("experts \"" + field + "\" are not described by " + WORDS
                    + " words, and " + BIASES + ", " + SHARED_GATE + " or " + APART + " where they are so");
        }
        return new Experts(
                Integer.parseInt(parts[0]),
                Integer.parseInt(parts[1]),
                Integer.parseInt(parts[2]),
                Integer.parseInt(parts[3]),
                Words.of(Scoring.values(), scoring -> scoring.word, parts[4]),
                Boolean.parseBoolean(parts[5]),
                Boolean.parseBoolean(parts[6]),
                Float.parseFloat(parts[7]),
                Integer.parseInt(parts[8]),
                hasBiases,
                hasSharedGate,
                isApart);
    }
}
