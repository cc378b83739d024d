package io.plumbline.verifier.lightclient;

import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.encoding.CanonicalWriter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * That the ledger's state has an entry under a key, or none. Checked with nothing but the state's root; the check
 * shares no code with the tree that makes proofs.
 *
 * @param siblings of the way from the root down to where the key would stand.
 * @param otherKey of the entry that stands there in its place; null where the key's own does, or nothing.
 * @param otherValueHash BLAKE3 of that entry, or null.
 */
public record StateProof(List<byte[]> siblings, byte[] otherKey, byte[] otherValueHash) {
    private static final int MAX_DEPTH = 256;

    public StateProof {
        siblings = List.copyOf(siblings);
    }

    /** Whether the state with this root has exactly this entry under the key. */
    public boolean shows(byte[] root, byte[] key, byte[] value) {
        return otherKey == null && Arrays.equals(root, climb(key, LedgerHashes.leaf(key, Blake3.hash(value))));
    }

    /** Whether the state with this root has no entry under the key. */
    public boolean showsAbsence(byte[] root, byte[] key) {
        if (otherKey == null) {
            return Arrays.equals(root, climb(key, LedgerHashes.EMPTY));
        }
        boolean standsThere = !Arrays.equals(otherKey, key);
        for (int depth = 0; depth < siblings.size(); depth++) {
            standsThere &= isRight(otherKey, depth) == isRight(key, depth);
        }
        return standsThere && Arrays.equals(root, climb(key, LedgerHashes.leaf(otherKey, otherValueHash)));
    }

    private byte[] climb(byte[] key, byte[] bottom) {
        byte[] hash = bottom;
        for (int depth = siblings.size() - 1; depth >= 0; depth--) {
            byte[] sibling = siblings.get(depth);
            hash = isRight(key, depth) ? LedgerHashes.inner(sibling, hash) : LedgerHashes.inner(hash, sibling);
        }
        return hash;
    }

    private static boolean isRight(byte[] key, int depth) {
        return (key[depth >> 3] & 0x80 >> (depth & 7)) != 0;
    }

    public byte[] encode() {
        CanonicalWriter out = new CanonicalWriter().putInt(siblings.size());
        siblings.forEach(out::putFixed);
        out.putInt(otherKey == null ? 0 : 1);
        if (otherKey != null) {
            out.putFixed(otherKey).putFixed(otherValueHash);
        }
        return out.toBytes();
    }

    public static StateProof decode(byte[] bytes) {
        CanonicalReader in = new CanonicalReader(bytes, "state proof");
        int count = in.getInt("siblings");
        if (count < 0 || count > MAX_DEPTH) {
            throw new MalformedException("Malformed state proof: it has " + count + " siblings.");
        }
        List<byte[]> siblings = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            siblings.add(in.getFixed(Blake3.HASH_BYTES, "sibling"));
        }
        int other = in.getInt("other entry");
        if (other != 0 && other != 1) {
            throw new MalformedException("Malformed state proof: " + other + " is neither another entry nor none.");
        }
        StateProof proof = new StateProof(
                siblings,
                other == 0 ? null : in.getFixed(Blake3.HASH_BYTES, "other key"),
                other == 0 ? null : in.getFixed(Blake3.HASH_BYTES, "other entry's hash"));
        in.end();
        return proof;
    }
}
