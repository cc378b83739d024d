package io.plumbline.verifier.audit;

import io.plumbline.verifier.blake3.Blake3;
import java.lang.foreign.MemorySegment;

/**
 * A digest of what only the check computes: the quantized inputs of every matrix. They are in no opening, so who has
 * not done the work does not know it, and all who did have the same.
 */
final class WorkDigest {
    private Blake3 hash;

    /** Begins to take what follows. */
    void begin() {
        hash = Blake3.plain();
    }

    /** What was taken since, 32 bytes; nothing is taken any more. */
    byte[] end() {
        byte[] digest = hash.digest();
        hash = null;
        return digest;
    }

    void take(byte[] x, int bytes) {
        if (hash != null) {
            hash.update(MemorySegment.ofArray(x).asSlice(0, bytes));
        }
    }
}
