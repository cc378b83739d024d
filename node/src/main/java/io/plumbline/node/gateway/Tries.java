package io.plumbline.node.gateway;

import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.encoding.Bytes32;
import java.io.IOException;
import java.util.HashSet;
import java.util.Set;

/** The nodes that one request is put to, one after another: a few at most, and one alone where it was named. */
final class Tries {
    private static final int MAX = 3;

    private final Answerers answerers;
    private final byte[] modelId;
    private final Level level;
    private final String named;
    private final Set<Bytes32> tried = new HashSet<>();

    /** @param named the key of the only node to try, in hexadecimal; empty for any. */
    Tries(Answerers answerers, byte[] modelId, Level level, String named) {
        this.answerers = answerers;
        this.modelId = modelId;
        this.level = level;
        this.named = named;
    }

    /**
     * A node that is there.
     *
     * @throws ApiException where there is none.
     */
    Answerers.Answerer first() throws IOException {
        Answerers.Answerer found = answerers.find(modelId, level, named, tried);
        tried.add(Bytes32.of(found.key()));
        return found;
    }

    /**
     * Another node, after one refused the request or failed.
     *
     * @throws IOException or {@link RuntimeException}: {@code why} itself, where there is no other to try. It tells a
     *     client more than that there is none.
     */
    Answerers.Answerer next(Exception why) throws IOException {
        if (named.isEmpty() && tried.size() < MAX) {
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
