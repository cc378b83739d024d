package io.plumbline.inference.tokenizer;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/** Reads a model's tokenizer.json. */
public final class TokenizerFile {
    public static final String NAME = "tokenizer.json";

    private TokenizerFile() {}

    /**
     * The tokenizer of a model's folder; it neither cuts off nor fills up.
     *
     * @param addSpecialTokens whether texts get the tokens that the model's begin and end with.
     */
    public static HuggingFaceTokenizer open(Path folder, boolean addSpecialTokens) throws IOException {
        // Nothing is ever fetched at run time: the native library is in the jar, the vocabulary in the folder.
        System.setProperty("OPT_OUT_TRACKING", "true");
        System.setProperty("ai.djl.offline", "true");
        Path path = folder.resolve(NAME);
        if (!Files.isReadable(path)) {
            throw new IOException(path + " does not exist. A model needs it to turn text into tokens.");
        }
        try {
            return HuggingFaceTokenizer.newInstance(
                    path,
                    Map.of(
                            "addSpecialTokens",
                            String.valueOf(addSpecialTokens),
                            "truncation",
                            "false",
                            "padding",
                            "false"));
        } catch (RuntimeException e) {
            throw new IOException(path + " cannot be read as a tokenizer: " + e.getMessage(), e);
        }
    }
}
