package io.plumbline.ledger.tree;

import io.plumbline.verifier.ledger.LedgerHashes;
import io.plumbline.verifier.ledger.RangeProof;
import java.util.ArrayList;
import java.util.List;

/**
 * A list of hashes that only ever grows, with one hash over all of it (a Merkle mountain range): adding costs two hashes on average, and
 * a proof is as long as the logarithm of the list.
 */
public final class MountainRange {
    /** Hashes of each height: the list itself at 0, then of pairs, and so on. */
    private final List<List<byte[]>> levels = new ArrayList<>();

    /** How many were added. */
    public long length() {
        return levels.isEmpty() ? 0 : levels.getFirst().size();
    }

    public void add(byte[] hash) {
        byte[] carried = hash;
        for (int height = 0; ; height++) {
            if (height == levels.size()) {
                levels.add(new ArrayList<>());
            }
            List<byte[]> level = levels.get(height);
            level.add(carried);
            if (level.size() % 2 == 1) {
                return;
            }
            carried = LedgerHashes.mountain(level.get(level.size() - 2), carried);
        }
    }

    /** The hash at a place. */
    public byte[] get(long index) {
        return levels.getFirst().get(Math.toIntExact(index)).clone();
    }

    private List<byte[]> peaks() {
        List<byte[]> peaks = new ArrayList<>();
        for (int height = levels.size() - 1; height >= 0; height--) {
            List<byte[]> level = levels.get(height);
            // The last of an odd number has no pair, and is a peak.
            if (level.size() % 2 == 1) {
                peaks.add(level.getLast());
            }
        }
        return peaks;
    }

    /** 32 bytes that stand for the whole list. */
    public byte[] root() {
        return LedgerHashes.range(length(), peaks());
    }

    /** That the hash at a place is what {@link #get} gives. */
    public RangeProof prove(long index) {
        if (index < 0 || index >= length()) {
            throw new IndexOutOfBoundsException("There is no hash " + index + " of " + length() + ".");
        }
        List<byte[]> path = new ArrayList<>();
        int place = Math.toIntExact(index);
        for (int height = 0; ; height++) {
            List<byte[]> level = levels.get(height);
            int sibling = place ^ 1;
            if (sibling >= level.size()) {
                return new RangeProof(index, length(), path, peaks());
            }
            path.add(level.get(sibling));
            place >>= 1;
        }
    }
}
