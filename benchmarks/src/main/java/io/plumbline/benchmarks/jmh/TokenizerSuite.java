package io.plumbline.benchmarks.jmh;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import com.knuddels.jtokkit.Encodings;
import com.knuddels.jtokkit.api.Encoding;
import com.knuddels.jtokkit.api.EncodingType;
import io.plumbline.inference.language.tokenizer.ChatTokenizer;
import io.plumbline.inference.language.tokenizer.ChatTokenizer.Message;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.TearDown;

/**
 * 1,000 words of text into tokens of the model that ships, beside the Hugging Face library alone, and beside jtokkit,
 * whose vocabulary is another one; and messages into a prompt by the chat template.
 */
public class TokenizerSuite extends Suite {
    private static final String TEXT = "Once upon a time a clever fox lived at the river. ".repeat(100);

    private ChatTokenizer ours;
    private HuggingFaceTokenizer library;
    private Encoding jtokkit;
    private List<Message> messages;

    /** Opens the model that ships: run from the repository's root, or from a module of it. */
    @Setup
    public void prepare() throws IOException {
        Path home = Path.of(System.getProperty("plumbline.home", ".."));
        Path model = home.resolve("models/plumbline-stories-2m");
        ours = ChatTokenizer.open(model);
        library = HuggingFaceTokenizer.newInstance(
                model.resolve("tokenizer.json"), Map.of("truncation", "false", "padding", "false"));
        jtokkit = Encodings.newLazyEncodingRegistry().getEncoding(EncodingType.CL100K_BASE);
        messages = List.of(
                new Message("user", TEXT), new Message("assistant", "Which river?"), new Message("user", "The Rhine."));
        int[] tokens = ours.text(TEXT);
        long[] theirs = library.encode(TEXT).getIds();
        if (!Arrays.equals(Arrays.stream(tokens).asLongStream().toArray(), theirs)) {
            throw new IllegalStateException(
                    "Ours are " + tokens.length + " tokens, the library's " + theirs.length + " others.");
        }
    }

    @TearDown
    public void free() {
        ours.close();
        library.close();
    }

    @Benchmark
    public int[] encode() {
        return ours.text(TEXT);
    }

    @Benchmark
    public long[] encodeByTheLibrary() {
        return library.encode(TEXT).getIds();
    }

    @Benchmark
    public Object encodeByJtokkit() {
        return jtokkit.encodeOrdinary(TEXT);
    }

    @Benchmark
    public int[] prompt() {
        return ours.prompt(messages);
    }
}
