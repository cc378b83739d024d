package io.plumbline.node.gateway;

import io.plumbline.node.network.NotAskedException;
import io.plumbline.verifier.encoding.Bytes32;
import java.io.IOException;
import java.util.HashSet;
import java.util.Set;

/**
 * The nodes that one request is put to, one after another: a few at most, and one alone where it was named. Any thread
 * may call.
 */
final class Tries {
    private static final int MAX = 3;

    /** With those that could not be asked, since no escrow is let open for them or they have just said to be busy. */
    private static final int MAX_IN_ALL = 24;

    private final Answerers answerers;
    private final Bytes32 modelId;
    private final NodeWish wish;
    private final Set<Bytes32> tried = new HashSet<>();
    private int notAsked;

    Tries(Answerers answerers, Bytes32 modelId, NodeWish wish) {
        this.answerers = answerers;
        this.modelId = modelId;
        this.wish = wish;
    }

    /**
     * A node that is there.
     *
     * @throws ApiException where there is none.
     */
    synchronized Answerers.Answerer first() throws IOException {
        Answerers.Answerer found = answerers.find(modelId, wish, tried);
        tried.add(found.key());
        return found;
    }

    /** Whether a node may be asked beside, or after, those that were. */
    synchronized boolean mayTryAnother() {
        return wish.named().isEmpty() && tried.size() - notAsked < MAX && tried.size() < MAX_IN_ALL;
    }

    /**
     * Another node, after one refused the request or failed.
     *
     * @throws IOException or {@link RuntimeException}: {@code why} itself, where there is no other to try. It tells a
     *     client more than that there is none.
     */
    synchronized Answerers.Answerer next(Exception why) throws IOException {
        notAsked += why instanceof NotAskedException ? 1 : 0;
        if (mayTryAnother()) {
            try {
                return first();
            } catch (ApiException none) {
                why.addSuppressed(none);
            }
        }
        if (why instanceof IOException failed) {
            throw failed;
        }
        throw (RuntimeException) why;
    }
}
