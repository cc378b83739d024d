package io.plumbline.node.client;

import java.io.IOException;

/** An answer while it grows, from an inference node or from this process. */
public interface AnswerStream extends AutoCloseable {
    /** The tokens streamed so far. */
    DeliveredTokens delivered();

    /**
     * Waits for the whole answer, as long as tokens keep coming.
     *
     * @throws IOException where there will be none.
     * @throws IllegalArgumentException where the request was refused.
     */
    NodeClient.Answered await() throws IOException;

    /** Nobody reads on: the answer ends with what was delivered. Any thread may call. */
    void cancel();

    /** Whoever still waits for it waits for nothing. */
    @Override
    void close();
}
