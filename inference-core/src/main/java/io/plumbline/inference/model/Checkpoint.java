package io.plumbline.inference.model;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.List;
import java.util.Map;

/** A model as published: a configuration, files of its tokenizer, and tensors by their Hugging Face names, however they are stored. */
public interface Checkpoint extends AutoCloseable {
    /** Where it came from, for messages. */
    String origin();

    /** What its config.json says, or would say. */
    ObjectNode config();

    /** Files that decide how text becomes tokens, by name. */
    Map<String, byte[]> tokenFiles() throws IOException;

    boolean has(String name);

    /**
     * Tensors that nothing has asked for, by the names they have where they are stored, and that belong to a part of
     * the model: left out they would be missing from what it computes.
     */
    List<String> unused();

    /**
     * The named tensor.
     *
     * @throws IOException when it is missing, has another shape, or a type that import does not take; nothing has been written then.
     */
    Weights require(String name, int... shape) throws IOException;

    @Override
    void close();
}
