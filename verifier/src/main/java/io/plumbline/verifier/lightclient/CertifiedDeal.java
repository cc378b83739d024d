package io.plumbline.verifier.lightclient;

import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.blake3.ChunkGroups;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.receipt.KeyPair;

/**
 * The ledger's entry on a storage deal as a verifier reads it. The state machine has a reader of its own: checker and
 * checked share no code here. Money is in the ledger's smallest unit, times are the ledger's.
 *
 * @param number of the deal, under which its entry stands.
 * @param client public key of the account that pays.
 * @param blob its BLAKE3 hash, 32 bytes.
 * @param bytes of the blob: proven once a data node has accepted the deal, the client's word before.
 * @param dataNode public key of the one that holds it or that the offer is for; zeros for any.
 * @param roundMs time from one proof to the next challenge.
 * @param proofMs time to answer a challenge.
 * @param rounds that the deal is for.
 * @param chunks of 1 KiB that each challenge draws.
 * @param price of a round.
 * @param collateral that the data node loses with the first challenge that it leaves unanswered.
 * @param proven rounds that were proven and paid.
 * @param losses data nodes that lost the deal.
 * @param atMs when the phase ends by itself, see {@link Phase}.
 */
public record CertifiedDeal(
        long number,
        Bytes32 client,
        Bytes32 blob,
        long bytes,
        Bytes32 dataNode,
        long roundMs,
        long proofMs,
        int rounds,
        int chunks,
        long price,
        long collateral,
        Phase phase,
        int proven,
        int losses,
        long atMs) {
    private static final int MAX_CHUNKS = 16;

    /** How far a deal is. The order is part of the format. */
    public enum Phase {
        /** Waits for a data node to accept it, until {@link #atMs}. */
        OFFERED,
        /** Is held; the next challenge comes at {@link #atMs}. */
        HELD,
        /** A challenge waits for a certificate. */
        CALLED,
        /** The data node is to answer until {@link #atMs}. */
        CHALLENGED,
        /** The answer is late, and taken until a quorum has signed so. */
        OVERDUE,
        /** All rounds were proven and paid; the entry goes at {@link #atMs}. */
        FULFILLED,
        /** No data node took it, or took it on; what was not earned is back. */
        LAPSED
    }

    /**
     * Reads the value of an entry.
     *
     * @throws MalformedException where it is none.
     */
    public static CertifiedDeal decode(byte[] entry) {
        CanonicalReader in = new CanonicalReader(entry, "storage deal");
        long number = within(in.getLong("number"), "number", 0, Long.MAX_VALUE);
        Bytes32 client = in.getBytes32("client");
        Bytes32 blob = in.getBytes32("blob");
        long bytes = within(in.getLong("bytes"), "bytes", 1, ChunkGroups.MOST_MESSAGE_BYTES);
        in.getFixed(KeyPair.PUBLIC_BYTES, "data node that was asked first");
        within(in.getLong("offer's time"), "offer's time", 1, Long.MAX_VALUE);
        long roundMs = within(in.getLong("round"), "round", 1, Long.MAX_VALUE);
        long proofMs = within(in.getLong("time for proofs"), "time for proofs", 1, roundMs);
        int rounds = (int) within(in.getInt("rounds"), "rounds", 1, Integer.MAX_VALUE);
        int chunks = (int) within(in.getInt("chunks"), "chunks", 1, MAX_CHUNKS);
        long price = within(in.getLong("price"), "price", 1, Long.MAX_VALUE);
        long collateral = within(in.getLong("collateral"), "collateral", 1, Long.MAX_VALUE);
        Bytes32 dataNode = in.getBytes32("data node");
        Phase[] phases = Phase.values();
        Phase phase = phases[(int) within(in.getInt("phase"), "phase", 0, phases.length - 1L)];
        int proven = (int) within(in.getInt("rounds proven"), "rounds proven", 0, rounds);
        int losses = (int) within(in.getInt("losses"), "losses", 0, Integer.MAX_VALUE);
        long atMs = within(in.getLong("time"), "time", 0, Long.MAX_VALUE);
        in.getLong("block");
        in.getFixed(Blake3.HASH_BYTES, "seed");
        in.end();
        return new CertifiedDeal(
                number,
                client,
                blob,
                bytes,
                dataNode,
                roundMs,
                proofMs,
                rounds,
                chunks,
                price,
                collateral,
                phase,
                proven,
                losses,
                atMs);
    }

    private static long within(long number, String field, long least, long most) {
        if (number < least || number > most) {
            throw new MalformedException("Malformed storage deal: " + field + " is " + number + ".");
        }
        return number;
    }
}
