package io.plumbline.node.inference;

import io.plumbline.node.health.RunningRole;
import io.plumbline.verifier.encoding.Bytes32;
import java.util.concurrent.CompletableFuture;

/**
 * What an inference node does with what others ask of its model. Calls come on the transport's thread and must not
 * hold it up.
 */
public interface Service extends NodeRequests.Handler, RunningRole {
    /** 32 bytes: the model it is announced with. */
    Bytes32 modelId();

    /** Time that it takes to open a token of an answer to all auditors at FULL, in ms, 0 to 60,000. */
    int openMsPerToken();

    /** Completed, by any thread, with why the engine has failed; nothing is answered any more then. */
    CompletableFuture<Throwable> failed();

    @Override
    void close();
}
