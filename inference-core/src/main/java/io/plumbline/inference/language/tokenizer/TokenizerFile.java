package io.plumbline.inference.language.tokenizer;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import com.fasterxml.jackson.core.JsonProcessingException;
import java.io.ByteArrayInputStream;
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
        Path path = folder.resolve(NAME);
        if (!Files.isReadable(path)) {
            throw new IOException(path + " does not exist. A model needs it to turn text into tokens.");
        }
        try {
            return open(Files.readAllBytes(path), addSpecialTokens);
        } catch (IOException e) {
            throw new IOException(folder + ": " + e.getMessage(), e);
        }
    }

    /** The same from the file's bytes. */
    static HuggingFaceTokenizer open(byte[] file, boolean addSpecialTokens) throws IOException {
        try {
            TokenizerScreen.check(file);
        } catch (JsonProcessingException e) {
            throw new IOException(
                    NAME + " cannot be read as a tokenizer: " + e.getOriginalMessage() + ". Download it again.", e);
        } catch (IOException e) {
            throw new IOException(NAME + ": " + e.getMessage(), e);
        }
        // Nothing is ever fetched at run time: the native library is in the jar, the vocabulary in the file.
        System.setProperty("OPT_OUT_TRACKING", "true");
        System.setProperty("ai.djl.offline", "true");
        try {
            return HuggingFaceTokenizer.newInstance(
                    new ByteArrayInputStream(file),
                    Map.of(
                            "addSpecialTokens",
                            String.valueOf(addSpecialTokens),
                            "truncation",
                            "false",
                            "padding",
                            "false"));
        } catch (RuntimeException e) {
            throw new IOException(
                    NAME + " cannot be read as a tokenizer: " + e.getMessage() + ". Download it again.", e);
        }
    }
}
