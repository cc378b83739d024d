package io.plumbline.ledger.tree;

import io.plumbline.verifier.lightclient.LedgerHashes;
import io.plumbline.verifier.lightclient.RangeProof;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A list of hashes that only ever grows, with one hash over all of it (a Merkle mountain range): adding costs two
 * hashes on average, and a proof is as long as the logarithm of the list. Hashes never change once made, so it proves
 * by its root at any earlier length too.
 */
public final class MerkleMountainRange {
    private final Nodes nodes;
    private long length;

    /** Where its hashes are kept: those of the list itself at height 0, then of pairs, and so on. */
    public interface Nodes {
        byte[] get(int height, long index);

        void put(int height, long index, byte[] hash);
    }

    private static final class Memory implements Nodes {
        private record Place(int height, long index) {}

        private final Map<Place, byte[]> hashes = new HashMap<>();

        @Override
        public byte[] get(int height, long index) {
            return hashes.get(new Place(height, index));
        }

        @Override
        public void put(int height, long index, byte[] hash) {
            hashes.put(new Place(height, index), hash);
        }
    }

    /** In memory, empty. */
    public MerkleMountainRange() {
        this(new Memory(), 0);
    }

    /** @param length of the list that is kept there already. */
    public MerkleMountainRange(Nodes nodes, long length) {
        this.nodes = nodes;
        this.length = length;
    }

    /** How many were added. */
    public long length() {
        return length;
    }

    public void add(byte[] hash) {
        byte[] carried = hash.clone();
        long index = length;
        nodes.put(0, index, carried);
        // The second of a pair makes the next higher one.
        for (int height = 0; (index & 1) == 1; height++) {
            carried = LedgerHashes.mountain(nodes.get(height, index - 1), carried);
            index >>= 1;
            nodes.put(height + 1, index, carried);
        }
        length++;
    }

    /** The hash at a place. */
    public byte[] get(long index) {
        return nodes.get(0, index).clone();
    }

    /** Of the list as it was at a length, highest first: a mountain for each binary digit. */
    private List<byte[]> peaks(long at) {
        List<byte[]> peaks = new ArrayList<>();
        for (int height = 63 - Long.numberOfLeadingZeros(at); height >= 0; height--) {
            if ((at >> height & 1) == 1) {
                peaks.add(nodes.get(height, (at >> height) - 1));
            }
        }
        return peaks;
    }

    /** 32 bytes that stand for the whole list. */
    public byte[] root() {
        return LedgerHashes.range(length, peaks(length));
    }

    /** That the hash at a place is what {@link #get} gives. */
    public RangeProof prove(long index) {
        return prove(index, length);
    }

    /** The same by the root that the list had at an earlier length. */
    public RangeProof prove(long index, long at) {
        if (index < 0 || index >= at || at > length) {
            throw new IndexOutOfBoundsException("There is no hash " + index + " of " + at + ".");
        }
        List<byte[]> path = new ArrayList<>();
        long place = index;
        for (int height = 0; ; height++) {
            long sibling = place ^ 1;
            // A sibling that was not whole at that length is none: this is a peak.
            if ((sibling + 1) << height > at) {
                return new RangeProof(index, at, path, peaks(at));
            }
            path.add(nodes.get(height, sibling));
            place >>= 1;
        }
    }
}
