package io.plumbline.node.gateway;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.OutputStream;

/** How an API words a completion that is under way. One of both is called, once. */
interface CompletionWriter {
    /**
     * The answer in one JSON object, when all of it is there.
     *
     * @throws IOException where it is not answered.
     */
    ObjectNode whole() throws IOException;

    /**
     * The answer as server-sent events, each as soon as it is known; what goes wrong is the last of them.
     *
     * @throws IOException where the client has gone.
     */
    void stream(OutputStream out) throws IOException;
}
