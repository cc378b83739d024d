package io.plumbline.inference.language.checkpoint;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.List;
import java.util.Map;

/**
 * A model as published: a configuration, files of its tokenizer, and tensors by their Hugging Face names, however they
 * are stored.
 */
public interface Checkpoint extends AutoCloseable {
    /** Files beside the weights that decide how text becomes tokens; hashed into the manifest. */
    List<String> TOKEN_FILES = List.of("tokenizer.json", "tokenizer_config.json");

    /**
     * Bytes that a token file has at most; the largest vocabularies' have some tens of millions, the others thousands.
     */
    static int maxBytes(String tokenFile) {
        return tokenFile.equals(TOKEN_FILES.getFirst()) ? 256 << 20 : 16 << 20;
    }

    /** Where it came from, for messages. */
    String origin();

    /** What its config.json says, or would say. */
    ObjectNode config();

    /** Files that decide how text becomes tokens, by name. */
    Map<String, byte[]> tokenFiles() throws IOException;

    /**
     * Whether its tensors go by the names, order and values of this project's description, whatever its family calls
     * them elsewhere.
     */
    default boolean hasCanonicalTensors() {
        return false;
    }

    /** Prefixes of tensors that belong to parts that are not run, beside those that its family has. */
    default List<String> leftOut() {
        return List.of();
    }

    /**
     * Tensors that nothing has asked for, by the names they have where they are stored, and that belong to a part of
     * the model: left out they would be missing from what it computes.
     */
    List<String> unused();

    /**
     * The named tensor.
     *
     * @throws IOException when it is missing, has another shape, or a type that import does not take; nothing has
     *     been written then.
     */
    Weights require(String name, int... shape) throws IOException;

    /**
     * The named tensor of bytes that only whoever knows their packing can read: its rows are had by {@link
     * Weights#rawRow} alone.
     *
     * @throws IOException as {@link #require} does.
     */
    default Weights packed(String name, int... shape) throws IOException {
        throw new IOException(origin() + " has no tensor \"" + name + "\" of packed bytes. Nothing was loaded.");
    }

    @Override
    void close();
}
