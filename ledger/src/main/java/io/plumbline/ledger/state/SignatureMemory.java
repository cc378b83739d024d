package io.plumbline.ledger.state;

import java.util.function.BooleanSupplier;

/**
 * Says whether a signature that the state depends on holds: it may remember what came of a check when the same log was
 * applied before. For the thread that applies commands.
 */
@FunctionalInterface
public interface SignatureMemory {
    /** Remembers nothing. */
    SignatureMemory NONE = (height, index, check) -> check.getAsBoolean();

    /**
     * Whether a signature holds.
     *
     * @param height of the command that it is checked for.
     * @param index of the check among those for this command, from 0: the same each time the log is applied.
     * @param check finds out; takes about 200 us.
     */
    boolean holds(long height, int index, BooleanSupplier check);
}
