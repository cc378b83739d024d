package io.plumbline.ledger.state;

import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.blake3.ChunkSet;
import io.plumbline.verifier.blake3.Domain;
import io.plumbline.verifier.blake3.Slice;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalWriter;
import io.plumbline.verifier.lightclient.BlockHeader;
import io.plumbline.verifier.lightclient.Certificate;
import java.lang.foreign.MemorySegment;

/**
 * Chunks of a blob that a data node is to show, and the check of what it shows: a {@link Slice}, which the blob's id
 * and length alone prove. Its size follows from both, so nothing else is ever hashed.
 */
public final class StorageChallenge {
    /** Bytes of the longest answer: each of the most chunks, with 31 hashes above it. */
    public static final int MAX_SLICE_BYTES = StorageTerms.MAX_CHUNKS * (1024 + 31 * Blake3.HASH_BYTES);

    private static final int CHUNK_BYTES = 1024;
    private static final Domain SEED = new Domain("plumbline 2026-11 storage challenge");
    private static final Domain DRAW = new Domain("plumbline 2026-11 storage chunk");

    private final StorageTerms terms;
    private final Slice slice;

    private StorageChallenge(StorageTerms terms, ChunkSet chunks) {
        this.terms = terms;
        this.slice = new Slice(null, terms.bytes(), chunks);
    }

    /**
     * The seed that a round's chunks are drawn from. A certified block has signatures of a quorum of full nodes, which
     * are known to nobody before they are made; a block that is closed after the round ended therefore gives what no
     * data node could prepare for.
     *
     * @param deal its number.
     * @param round from 0.
     * @return 32 bytes.
     */
    static byte[] seed(BlockHeader header, Certificate certificate, long deal, int round) {
        CanonicalWriter out = new CanonicalWriter().putFixed(header.hash());
        certificate.write(out);
        return SEED.hash(out.putLong(deal).putInt(round).toBytes());
    }

    /** The chunks that a seed of 32 bytes draws; they may coincide. */
    public static StorageChallenge drawn(StorageTerms terms, byte[] seed) {
        long count = (terms.bytes() + CHUNK_BYTES - 1) / CHUNK_BYTES;
        ChunkSet chunks = new ChunkSet();
        for (int i = 0; i < terms.chunks(); i++) {
            byte[] draw = DRAW.hash(seed, new CanonicalWriter().putInt(i).toBytes());
            // 63 bits for at most 2^31 chunks: none is drawn more often than another by more than one in 2^32.
            long bits = new CanonicalReader(draw, "draw").getLong("bits") >>> 1;
            long from = bits % count * CHUNK_BYTES;
            chunks.addBytes(from, from + 1);
        }
        return new StorageChallenge(terms, chunks);
    }

    /** The last chunk, by which the shape of the tree proves how long the blob is. */
    public static StorageChallenge ofLength(StorageTerms terms) {
        return new StorageChallenge(terms, new ChunkSet().addBytes(terms.bytes() - 1, terms.bytes()));
    }

    /** By which the answer is cut, and checked. */
    public Slice slice() {
        return slice;
    }

    /** Whether these bytes are what was asked for; others of another length are not looked at. */
    public boolean isAnsweredBy(byte[] answer) {
        return answer.length == slice.bytes()
                && slice.verify(MemorySegment.ofArray(answer), terms.blob().bytes()) != null;
    }
}
