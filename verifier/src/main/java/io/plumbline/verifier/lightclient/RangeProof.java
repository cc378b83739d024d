package io.plumbline.verifier.lightclient;

import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.encoding.CanonicalWriter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * That a hash stands at a place in a list that only ever grows (a Merkle mountain range). The check shares no code
 * with the range that makes proofs.
 *
 * @param index of the hash, from 0.
 * @param length of the list.
 * @param path siblings of the way from the hash up to its mountain's peak.
 * @param peaks of all mountains, highest first.
 */
public record RangeProof(long index, long length, List<byte[]> path, List<byte[]> peaks) {
    private static final int MAX_HEIGHT = 63;

    public RangeProof {
        path = List.copyOf(path);
        peaks = List.copyOf(peaks);
    }

    /** Whether the list with this root has {@code hash} at {@link #index}. */
    public boolean shows(byte[] root, byte[] hash) {
        if (index < 0 || index >= length || peaks.size() != Long.bitCount(length)) {
            return false;
        }
        // Mountains are as high as the length's binary digits, highest first.
        long before = 0;
        int mountain = 0;
        int height = MAX_HEIGHT;
        for (; height >= 0; height--) {
            long size = 1L << height;
            if ((length & size) != 0) {
                if (index < before + size) {
                    break;
                }
                before += size;
                mountain++;
            }
        }
        if (path.size() != height) {
            return false;
        }
        long place = index - before;
        byte[] climbing = hash;
        for (byte[] sibling : path) {
            climbing = (place & 1) == 0
                    ? LedgerHashes.mountain(climbing, sibling)
                    : LedgerHashes.mountain(sibling, climbing);
            place >>= 1;
        }
        return Arrays.equals(climbing, peaks.get(mountain)) && Arrays.equals(root, LedgerHashes.range(length, peaks));
    }

    public byte[] encode() {
        CanonicalWriter out =
                new CanonicalWriter().putLong(index).putLong(length).putInt(path.size());
        path.forEach(out::putFixed);
        out.putInt(peaks.size());
        peaks.forEach(out::putFixed);
        return out.toBytes();
    }

    public static RangeProof decode(byte[] bytes) {
        CanonicalReader in = new CanonicalReader(bytes, "range proof");
        long index = in.getLong("index");
        long length = in.getLong("length");
        RangeProof proof = new RangeProof(index, length, hashes(in, "path"), hashes(in, "peaks"));
        in.end();
        return proof;
    }

    private static List<byte[]> hashes(CanonicalReader in, String field) {
        int count = in.getInt(field);
        if (count < 0 || count > MAX_HEIGHT + 1) {
            throw new MalformedException("Malformed range proof: " + field + " has " + count + " hashes.");
        }
        List<byte[]> hashes = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            hashes.add(in.getFixed(Blake3.HASH_BYTES, field));
        }
        return hashes;
    }
}
