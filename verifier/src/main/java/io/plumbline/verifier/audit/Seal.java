package io.plumbline.verifier.audit;

import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.encoding.CanonicalWriter;
import io.plumbline.verifier.receipt.KeyPair;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * A node's signature under one opening: the hash of each piece, so that a single piece with the seal is evidence. An
 * auditor hashes a piece only when it has found it wrong: hashing all of them would cost more than checking them.
 *
 * @param receipt hash of the receipt the opening belongs to, 32 bytes.
 * @param cell that is opened.
 * @param bytes of the whole opening.
 * @param hashes of the pieces, 32 bytes each, one after the other.
 * @param signature by the node.
 */
public record Seal(byte[] receipt, Cell cell, long bytes, byte[] hashes, byte[] signature) {
    private static final String CONTEXT = "plumbline opening 1";

    /** Signs an opening. */
    public static Seal of(byte[] receipt, OpeningLayout layout, MemorySegment opening, KeyPair keys) {
        Cell cell = layout.cell();
        byte[] hashes = new byte[layout.pieces() * Blake3.HASH_BYTES];
        put(hashes, 0, Blake3.hash(opening.asSlice(0, layout.proof())));
        long at = layout.proof();
        for (int t = cell.from(); t < cell.to(); t++) {
            long size = layout.tokenBytes(t);
            put(hashes, 1 + t - cell.from(), Blake3.hash(opening.asSlice(at, size)));
            at += size;
        }
        return sign(receipt, cell, at, hashes, keys);
    }

    /** Signs what is said of an opening: its size, and the hashes of its pieces. */
    public static Seal sign(byte[] receipt, Cell cell, long bytes, byte[] hashes, KeyPair keys) {
        Seal unsigned = new Seal(receipt, cell, bytes, hashes, new byte[KeyPair.SIGNATURE_BYTES]);
        return new Seal(receipt, cell, bytes, hashes, keys.sign(unsigned.signedBytes()));
    }

    private static void put(byte[] hashes, int piece, byte[] hash) {
        System.arraycopy(hash, 0, hashes, piece * Blake3.HASH_BYTES, Blake3.HASH_BYTES);
    }

    private byte[] signedBytes() {
        CanonicalWriter out = new CanonicalWriter().putText(CONTEXT).putFixed(receipt);
        Cells.write(out, cell);
        return out.putLong(bytes).putBytes(hashes).toBytes();
    }

    /** Whether {@code node} signed this for that receipt and cell. */
    public boolean holds(Bytes32 node, Bytes32 ofReceipt, Cell ofCell) {
        return ofReceipt.equals(Bytes32.of(receipt))
                && cell.equals(ofCell)
                && hashes.length == (1 + cell.tokens()) * Blake3.HASH_BYTES
                && KeyPair.verify(node, signedBytes(), signature);
    }

    /** Whether piece {@code i} is the one that was signed; 0 is the proof. */
    public boolean covers(int i, MemorySegment piece) {
        int at = i * Blake3.HASH_BYTES;
        return Arrays.equals(Blake3.hash(piece), Arrays.copyOfRange(hashes, at, at + Blake3.HASH_BYTES));
    }

    public byte[] encode() {
        return new CanonicalWriter().putBytes(signedBytes()).putFixed(signature).toBytes();
    }

    public static Seal decode(byte[] encoded) {
        CanonicalReader outer = new CanonicalReader(encoded, "seal");
        CanonicalReader in = new CanonicalReader(outer.getBytes("body"), "seal");
        byte[] signature = outer.getFixed(KeyPair.SIGNATURE_BYTES, "signature");
        outer.end();
        if (!in.getText("context").equals(CONTEXT)) {
            throw new MalformedException("Malformed seal: it is not \"" + CONTEXT + "\".");
        }
        byte[] receipt = in.getFixed(Blake3.HASH_BYTES, "receipt");
        Cell cell = Cells.read(in);
        long bytes = in.getLong("bytes");
        byte[] hashes = in.getBytes("hashes");
        in.end();
        if (hashes.length != (1 + cell.tokens()) * Blake3.HASH_BYTES) {
            throw new MalformedException("Malformed seal: it has " + hashes.length + " bytes of hashes for "
                    + (1 + cell.tokens()) + " pieces.");
        }
        return new Seal(receipt, cell, bytes, hashes, signature);
    }
}
