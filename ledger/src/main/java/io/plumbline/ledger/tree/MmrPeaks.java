package io.plumbline.ledger.tree;

import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalWriter;
import io.plumbline.verifier.lightclient.LedgerHashes;
import java.util.ArrayDeque;
import java.util.Deque;

/**
 * A mountain range without its mountains: as much of it as can be added to and has the same root, whatever was added.
 * It proves nothing; {@link MerkleMountainRange} does.
 */
public final class MmrPeaks {
    private long length;

    /** Highest first. */
    private final Deque<byte[]> peaks = new ArrayDeque<>();

    /** How many were added. */
    public long length() {
        return length;
    }

    public void add(byte[] hash) {
        byte[] carried = hash.clone();
        // As many mountains are joined as the length ends in ones.
        for (long rest = length; (rest & 1) == 1; rest >>= 1) {
            carried = LedgerHashes.mountain(peaks.removeLast(), carried);
        }
        peaks.addLast(carried);
        length++;
    }

    /** 32 bytes that stand for the whole list. */
    public byte[] root() {
        return LedgerHashes.range(length, peaks);
    }

    public void write(CanonicalWriter out) {
        out.putLong(length);
        peaks.forEach(out::putFixed);
    }

    public static MmrPeaks read(CanonicalReader in) {
        MmrPeaks range = new MmrPeaks();
        range.length = in.getLong("length");
        for (int n = Long.bitCount(range.length); n > 0; n--) {
            range.peaks.addLast(in.getFixed(Blake3.HASH_BYTES, "peak"));
        }
        return range;
    }
}
