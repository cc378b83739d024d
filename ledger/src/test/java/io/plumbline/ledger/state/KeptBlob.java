package io.plumbline.ledger.state;

import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.blake3.ChainingValues;
import io.plumbline.verifier.encoding.Bytes32;
import java.lang.foreign.MemorySegment;
import java.util.Random;

/** A blob in memory, with what a data node answers of it. */
final class KeptBlob {
    private final byte[] bytes;
    private final ChainingValues tree;

    KeptBlob(int length, long seed) {
        bytes = new byte[length];
        new Random(seed).nextBytes(bytes);
        tree = ChainingValues.of(null, MemorySegment.ofArray(bytes));
    }

    byte[] id() {
        return Blake3.hash(bytes);
    }

    int length() {
        return bytes.length;
    }

    byte[] answer(StorageChallenge challenge) {
        return challenge
                .slice()
                .cut(tree, (at, target, offset, length) -> System.arraycopy(bytes, (int) at, target, offset, length));
    }

    /** An answer by the tree of a shorter blob with the same beginning. */
    byte[] answer(StorageChallenge challenge, int length) {
        MemorySegment beginning = MemorySegment.ofArray(bytes).asSlice(0, length);
        return challenge
                .slice()
                .cut(
                        ChainingValues.of(null, beginning),
                        (at, target, offset, n) -> System.arraycopy(bytes, (int) at, target, offset, n));
    }

    /** Terms of it: an offer of a minute, rounds of an hour, answered within ten minutes. */
    StorageTerms terms(Bytes32 dataNode, int rounds, int chunks, long price, long collateral) {
        return new StorageTerms(
                Bytes32.of(id()),
                bytes.length,
                dataNode,
                60_000,
                3_600_000,
                600_000,
                rounds,
                chunks,
                price,
                collateral);
    }
}
