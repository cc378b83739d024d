package io.plumbline.ledger.state;

import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.encoding.CanonicalWriter;
import io.plumbline.verifier.lightclient.Certificate;
import io.plumbline.verifier.receipt.KeyPair;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * A full node's word that it signs nothing any more in epochs before this one, and what it has signed of the block
 * that has stalled. So many as certify begin the epoch; in it everyone may sign that block anew, within {@link
 * #isExcluded}.
 *
 * @param epoch that it asks for.
 * @param number of the block that is not certified.
 * @param votes header hashes it signed for that block, by epoch.
 */
public record EpochStatement(long epoch, long number, SortedMap<Long, byte[]> votes, byte[] signature) {
    /** Epochs in which one block may be signed, at most. */
    public static final int MAX_VOTES = 1024;

    public EpochStatement {
        votes = Collections.unmodifiableSortedMap(new TreeMap<>(votes));
    }

    public static EpochStatement of(
            Bytes32 genesisHash, long epoch, long number, SortedMap<Long, byte[]> votes, KeyPair keys) {
        byte[] message = new EpochStatement(epoch, number, votes, null).message(genesisHash);
        return new EpochStatement(epoch, number, votes, keys.sign(message));
    }

    private byte[] message(Bytes32 genesisHash) {
        CanonicalWriter out =
                new CanonicalWriter().putText("plumbline epoch statement 1").putBytes32(genesisHash);
        writeUnsigned(out);
        return out.toBytes();
    }

    /** Whether the full node has signed it. */
    public boolean holds(Bytes32 genesisHash, Bytes32 fullNode) {
        return KeyPair.verify(fullNode, message(genesisHash), signature);
    }

    /**
     * Whether no certificate for {@code hash} of {@code epoch} can exist or come to be, by the statements of distinct
     * full nodes for later epochs: those who say that they signed it, those who say nothing, and as many of the
     * others as may lie are fewer than certify. Who signed something else for a block earlier signs only what this
     * allows, hence no two certificates of one number: each needs more honest full nodes than the other leaves.
     */
    public static boolean isExcluded(Collection<EpochStatement> statements, int fullNodes, long epoch, byte[] hash) {
        int signed = (int) statements.stream()
                .filter(one -> Arrays.equals(one.votes.get(epoch), hash))
                .count();
        int liars = Math.min(Certificate.mostLiars(fullNodes), statements.size() - signed);
        int silent = fullNodes - statements.size();
        return signed + silent + liars < Certificate.quorum(fullNodes);
    }

    private void writeUnsigned(CanonicalWriter out) {
        out.putLong(epoch).putLong(number).putInt(votes.size());
        votes.forEach((in, hash) -> out.putLong(in).putFixed(hash));
    }

    public void write(CanonicalWriter out) {
        writeUnsigned(out);
        out.putFixed(signature);
    }

    /** @throws MalformedException where it is none. */
    public static EpochStatement read(CanonicalReader in) {
        long epoch = in.getLong("epoch");
        long number = in.getLong("block number");
        int count = in.getInt("votes");
        if (count < 0 || count > MAX_VOTES) {
            throw new MalformedException("Malformed epoch statement: it has " + count + " votes.");
        }
        SortedMap<Long, byte[]> votes = new TreeMap<>();
        for (int i = 0; i < count; i++) {
            long of = in.getLong("epoch of a vote");
            votes.put(of, in.getFixed(32, "header hash"));
        }
        return new EpochStatement(epoch, number, votes, in.getFixed(KeyPair.SIGNATURE_BYTES, "signature"));
    }
}
