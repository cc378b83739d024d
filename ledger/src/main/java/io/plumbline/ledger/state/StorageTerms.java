package io.plumbline.ledger.state;

import io.plumbline.verifier.blake3.ChunkGroups;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.encoding.CanonicalWriter;
import java.util.Arrays;

/**
 * Terms on which a client has one copy of a blob kept. Money is in the ledger's smallest unit, times are the ledger's.
 *
 * @param blob its BLAKE3 hash, 32 bytes.
 * @param bytes of the blob, as the client says; whoever accepts the deal proves it. 1 to {@link
 *     ChunkGroups#MOST_MESSAGE_BYTES}.
 * @param dataNode public key of the one that is asked, 32 bytes; zeros for any.
 * @param offerMs how long the offer stands, and again each time that a data node has lost the deal; 1 s to 7 days.
 * @param roundMs time from one proof to the next challenge; 2 s to 30 days.
 * @param proofMs time from a challenge to the end of its answer; 1 s to half a round.
 * @param rounds that are paid, 1 or more; with {@code roundMs} ten years at most.
 * @param chunks of 1 KiB that each challenge draws, 1 to {@link #MAX_CHUNKS}; some may be the same.
 * @param price of a round, 1 or more.
 * @param collateral that the data node's stake reserves for it, and that it loses with the first challenge that it
 *     leaves unanswered; 1 or more, and a thousandth of the least stake.
 */
public record StorageTerms(
        Bytes32 blob,
        long bytes,
        Bytes32 dataNode,
        long offerMs,
        long roundMs,
        long proofMs,
        int rounds,
        int chunks,
        long price,
        long collateral) {
    /** Of a deal that any data node may accept. */
    public static final Bytes32 ANY_NODE = Bytes32.ZERO;

    /** Chunks of a challenge, at most: with what proves them they fit into a command. */
    public static final int MAX_CHUNKS = 16;

    private static final long SECOND_MS = 1_000;
    private static final long DAY_MS = 24 * 3_600_000L;
    private static final long MAX_OFFER_MS = 7 * DAY_MS;
    private static final long MAX_ROUND_MS = 30 * DAY_MS;
    private static final long MAX_TERM_MS = 3_653 * DAY_MS;

    /** The first fault of it, or null. */
    public String fault() {
        if (bytes < 1 || bytes > ChunkGroups.MOST_MESSAGE_BYTES) {
            return "a blob of " + bytes + " bytes is not in 1.." + ChunkGroups.MOST_MESSAGE_BYTES;
        }
        if (offerMs < SECOND_MS || offerMs > MAX_OFFER_MS) {
            return "an offer's time of " + offerMs + " ms is not in " + SECOND_MS + ".." + MAX_OFFER_MS;
        }
        if (roundMs < 2 * SECOND_MS || roundMs > MAX_ROUND_MS) {
            return "a round of " + roundMs + " ms is not in " + 2 * SECOND_MS + ".." + MAX_ROUND_MS;
        }
        if (proofMs < SECOND_MS || proofMs > roundMs / 2) {
            return "a time for proofs of " + proofMs + " ms is not in " + SECOND_MS + ".." + roundMs / 2
                    + ", half a round";
        }
        if (rounds < 1 || rounds > MAX_TERM_MS / roundMs) {
            return rounds + " rounds are not in 1.." + MAX_TERM_MS / roundMs + ", ten years of them";
        }
        if (chunks < 1 || chunks > MAX_CHUNKS) {
            return chunks + " chunks of a challenge are not in 1.." + MAX_CHUNKS;
        }
        if (price < 1 || price > Books.MAX_DEPOSITED / rounds) {
            return "a price of " + price + " a round is below 1, or more than there is";
        }
        return collateral < 1 || collateral > Books.MAX_DEPOSITED
                ? "a collateral of " + collateral + " is below 1, or more than there is"
                : null;
    }

    /** Whether these are the same terms, to the byte. */
    public boolean matches(StorageTerms other) {
        CanonicalWriter mine = new CanonicalWriter();
        CanonicalWriter others = new CanonicalWriter();
        write(mine);
        other.write(others);
        return Arrays.equals(mine.toBytes(), others.toBytes());
    }

    /** Whether any data node may accept it. */
    public boolean isForAny() {
        return dataNode.equals(ANY_NODE);
    }

    /** The price of all rounds. */
    public long total() {
        return price * rounds;
    }

    void write(CanonicalWriter out) {
        out.putBytes32(blob)
                .putLong(bytes)
                .putBytes32(dataNode)
                .putLong(offerMs)
                .putLong(roundMs)
                .putLong(proofMs)
                .putInt(rounds)
                .putInt(chunks)
                .putLong(price)
                .putLong(collateral);
    }

    /** @return what was read, which may have a {@link #fault}. */
    static StorageTerms read(CanonicalReader in) {
        return new StorageTerms(
                in.getBytes32("blob"),
                in.getLong("bytes"),
                in.getBytes32("data node"),
                in.getLong("offer's time"),
                in.getLong("round"),
                in.getLong("time for proofs"),
                in.getInt("rounds"),
                in.getInt("chunks"),
                in.getLong("price"),
                in.getLong("collateral"));
    }

    /** @throws MalformedException where they are none that a ledger takes. */
    static StorageTerms readSound(CanonicalReader in) {
        StorageTerms terms = read(in);
        String fault = terms.fault();
        if (fault != null) {
            throw new MalformedException("Malformed storage terms: " + fault + ".");
        }
        return terms;
    }
}
