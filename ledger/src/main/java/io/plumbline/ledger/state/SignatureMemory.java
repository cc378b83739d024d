package io.plumbline.ledger.state;

import java.util.function.BooleanSupplier;

/**
 * Says whether a signature that the state depends on holds: it may remember those that held before. For the thread that
 * applies commands.
 */
@FunctionalInterface
public interface SignatureMemory {
    /** Remembers nothing. */
    SignatureMemory NONE = (content, check) -> check.getAsBoolean();

    /**
     * Whether a signature holds.
     *
     * @param content all that the check depends on: key, what was signed, and the signature. No other check's is the
     *     same.
     * @param check finds out; takes about 200 us.
     */
    boolean holds(byte[] content, BooleanSupplier check);
}
