package io.plumbline.inference.tensor;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import io.plumbline.inference.language.tokenizer.TextBound;
import io.plumbline.inference.language.tokenizer.TokenizerFile;
import io.plumbline.inference.language.tokenizer.TokenizerThreads;
import io.plumbline.verifier.tensor.ElementType;
import io.plumbline.verifier.tensor.Tensor;
import io.plumbline.verifier.tensor.TensorSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Texts to a model's inputs and its outputs to vectors, as sentence transformers are exported: {@code input_ids},
 * {@code attention_mask} and {@code token_type_ids} in; a vector a text, or one a token whose mean is taken, out.
 */
public final class TextEmbedder implements AutoCloseable {
    private static final String IDS = "input_ids";
    private static final String MASK = "attention_mask";
    private static final String TYPES = "token_type_ids";

    /** Of 8 bytes in each input, of which there are up to three. */
    private static final int MAX_PADDED_TOKENS = 2 << 20;

    /** Characters of a token, and of a text beyond those of all its tokens: longer ones are not made tokens of. */
    private static final long CHARACTERS_OF_A_TOKEN = 64;

    private static final long MORE_CHARACTERS = 64 << 10;

    private final HuggingFaceTokenizer tokenizer;
    private final TextBound bound;
    private final TensorPackage model;
    private final TensorSpec output;
    private final long longest;

    private TextEmbedder(
            HuggingFaceTokenizer tokenizer, TextBound bound, TensorPackage model, TensorSpec output, long longest) {
        this.tokenizer = tokenizer;
        this.bound = bound;
        this.model = model;
        this.output = output;
        this.longest = longest;
    }

    /** Whether this is such a model, tokenizer included. */
    public static boolean takes(TensorPackage model) {
        List<String> inputs =
                model.manifest().inputs().stream().map(TensorSpec::name).toList();
        return inputs.contains(IDS)
                && List.of(IDS, MASK, TYPES).containsAll(inputs)
                && model.manifest().files().containsKey(TokenizerFile.NAME)
                && output(model) != null;
    }

    /** The vector of a text where the model gives one, else the vectors of its tokens. */
    private static TensorSpec output(TensorPackage model) {
        TensorSpec found = null;
        for (TensorSpec spec : model.manifest().outputs()) {
            int rank = spec.dimensions().size();
            boolean isBetter = found == null || rank < found.dimensions().size();
            if (spec.type() == ElementType.FP32 && (rank == 2 || rank == 3) && isBetter) {
                found = spec;
            }
        }
        return found;
    }

    public static TextEmbedder open(TensorPackage model) throws IOException {
        if (!takes(model)) {
            throw new IOException(
                    model.folder() + " is no embedding model: it needs a tokenizer.json beside it, an input \"" + IDS
                            + "\" and vectors as output.");
        }
        TensorSpec ids = model.manifest().inputs().stream()
                .filter(input -> input.name().equals(IDS))
                .findFirst()
                .orElseThrow();
        ShapeRanges.Range declared =
                model.shapes().byName().get(ids.dimensions().getLast());
        HuggingFaceTokenizer tokenizer = TokenizerFile.open(model.folder(), true);
        TextBound bound = TextBound.of(Files.readAllBytes(model.folder().resolve(TokenizerFile.NAME)));
        return new TextEmbedder(
                tokenizer, bound, model, output(model), declared == null ? Integer.MAX_VALUE : declared.most());
    }

    /**
     * Looks at the texts of one request before they are made tokens of.
     *
     * @throws IllegalArgumentException where one is far longer than the model takes, or the tokenizer would take too
     *     long for them.
     */
    public void requireModest(List<String> texts) {
        for (String text : texts) {
            if (text.length() - MORE_CHARACTERS > CHARACTERS_OF_A_TOKEN * longest) {
                throw new IllegalArgumentException("A text has " + text.length() + " characters, which no " + longest
                        + " tokens have; this model takes no more. Cut it up.");
            }
        }
        bound.require(texts);
    }

    /** A text's tokens. Call {@link #requireModest} before. */
    public long[] tokens(String text) {
        return TokenizerThreads.call(() -> tokenizer.encode(text).getIds());
    }

    /** The output that vectors are made of. */
    public String output() {
        return output.name();
    }

    /**
     * The model's inputs for texts, padded to the longest.
     *
     * @throws IllegalArgumentException where a text is empty or longer than the model takes, or all of them padded
     *     would have more than 2 million tokens.
     */
    public List<Tensor> inputs(List<long[]> texts) {
        int length = 1;
        for (int i = 0; i < texts.size(); i++) {
            int tokens = texts.get(i).length;
            if (tokens == 0 || tokens > longest) {
                throw new IllegalArgumentException(
                        "Input " + i + " has " + tokens + " tokens; this model takes 1 to " + longest + ".");
            }
            length = Math.max(length, tokens);
        }
        if ((long) texts.size() * length > MAX_PADDED_TOKENS) {
            throw new IllegalArgumentException("The inputs, padded to the longest of " + length + " tokens, have "
                    + (long) texts.size() * length + " tokens; " + MAX_PADDED_TOKENS
                    + " are the most. Send the long ones apart.");
        }
        long[] shape = {texts.size(), length};
        long[] ids = new long[texts.size() * length];
        long[] mask = new long[ids.length];
        for (int i = 0; i < texts.size(); i++) {
            System.arraycopy(texts.get(i), 0, ids, i * length, texts.get(i).length);
            Arrays.fill(mask, i * length, i * length + texts.get(i).length, 1);
        }
        List<Tensor> inputs = new ArrayList<>();
        for (TensorSpec spec : model.manifest().inputs()) {
            inputs.add(Tensor.ofLongs(
                    spec.name(),
                    shape,
                    switch (spec.name()) {
                        case IDS -> ids;
                        case MASK -> mask;
                        default -> new long[ids.length];
                    }));
        }
        return inputs;
    }

    /** A vector of length 1 for each text. */
    public List<float[]> vectors(Tensor outputs, List<long[]> texts) {
        double[] values = outputs.values();
        int size = (int) outputs.shape()[outputs.shape().length - 1];
        int steps = outputs.shape().length == 3 ? (int) outputs.shape()[1] : 1;
        List<float[]> vectors = new ArrayList<>();
        for (int text = 0; text < texts.size(); text++) {
            double[] sum = new double[size];
            int counted = steps == 1 ? 1 : texts.get(text).length;
            for (int step = 0; step < counted; step++) {
                for (int i = 0; i < size; i++) {
                    sum[i] += values[(text * steps + step) * size + i];
                }
            }
            double squares = 0;
            for (double value : sum) {
                squares += value * value;
            }
            float[] vector = new float[size];
            for (int i = 0; i < size; i++) {
                vector[i] = (float) (squares == 0 ? 0 : sum[i] / Math.sqrt(squares));
            }
            vectors.add(vector);
        }
        return vectors;
    }

    @Override
    public void close() {
        tokenizer.close();
    }
}
