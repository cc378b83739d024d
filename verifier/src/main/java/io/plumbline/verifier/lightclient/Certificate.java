package io.plumbline.verifier.lightclient;

import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.encoding.CanonicalWriter;
import io.plumbline.verifier.receipt.KeyPair;
import java.util.Collections;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Signatures of full nodes that have each computed the same block for themselves.
 *
 * @param epoch in which they signed; a full node signs once per epoch and number.
 * @param signatures by the full node's place in the genesis.
 */
public record Certificate(long epoch, SortedMap<Integer, byte[]> signatures) {
    private static final int MAX_FULL_NODES = 1024;

    public Certificate {
        signatures = Collections.unmodifiableSortedMap(new TreeMap<>(signatures));
    }

    /** Most full nodes that may lie while the others still agree: fewer than a third of them. */
    public static int mostLiars(int fullNodes) {
        return (fullNodes - 1) / 3;
    }

    /**
     * Signatures that certify: any two such sets have more full nodes in common than may lie, which is fewer than a
     * third. Three full nodes tolerate no liar, and with two of them one may be down; four tolerate one.
     */
    public static int quorum(int fullNodes) {
        return (fullNodes + mostLiars(fullNodes)) / 2 + 1;
    }

    /**
     * What a full node signs for a block. The number stands beside the hash, so that a vote for one block cannot pass
     * for one for another.
     */
    public static byte[] message(Bytes32 genesisHash, long epoch, long number, byte[] headerHash) {
        return new CanonicalWriter()
                .putText("plumbline vote 2")
                .putBytes32(genesisHash)
                .putLong(epoch)
                .putLong(number)
                .putFixed(headerHash)
                .toBytes();
    }

    /** Whether enough of these full nodes have signed this header. */
    public boolean holds(Bytes32 genesisHash, List<Bytes32> fullNodes, BlockHeader header) {
        return count(genesisHash, fullNodes, header) >= quorum(fullNodes.size());
    }

    /** How many of these full nodes have signed this header. */
    public int count(Bytes32 genesisHash, List<Bytes32> fullNodes, BlockHeader header) {
        byte[] message = message(genesisHash, epoch, header.number(), header.hash());
        int good = 0;
        for (int i : signatures.keySet()) {
            boolean isOne = i >= 0 && i < fullNodes.size();
            good += isOne && KeyPair.verify(fullNodes.get(i), message, signatures.get(i)) ? 1 : 0;
        }
        return good;
    }

    public void write(CanonicalWriter out) {
        out.putLong(epoch).putInt(signatures.size());
        signatures.forEach((node, signature) -> out.putInt(node).putFixed(signature));
    }

    public static Certificate read(CanonicalReader in) {
        long epoch = in.getLong("epoch");
        int count = in.getInt("signatures");
        if (count < 0 || count > MAX_FULL_NODES) {
            throw new MalformedException("Malformed certificate: it has " + count + " signatures.");
        }
        SortedMap<Integer, byte[]> signatures = new TreeMap<>();
        for (int i = 0; i < count; i++) {
            int node = in.getInt("full node");
            // One encoding for each certificate, in which no full node can be counted twice.
            if (!signatures.isEmpty() && node <= signatures.lastKey()) {
                throw new MalformedException("Malformed certificate: full node " + node + " stands after full node "
                        + signatures.lastKey() + ".");
            }
            signatures.put(node, in.getFixed(KeyPair.SIGNATURE_BYTES, "signature"));
        }
        return new Certificate(epoch, signatures);
    }
}
