package io.plumbline.ledger.state;

import io.plumbline.ledger.tree.MountainRange;
import io.plumbline.ledger.tree.StateTree;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalWriter;
import io.plumbline.verifier.ledger.BlockHeader;
import io.plumbline.verifier.ledger.Certificate;
import io.plumbline.verifier.ledger.CertifiedEntry;
import io.plumbline.verifier.ledger.LedgerHashes;
import io.plumbline.verifier.ledger.LedgerHashes.Kind;
import io.plumbline.verifier.receipt.Keys;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * The ledger's blocks and the votes on them. A block is closed only when the one before it is certified, so that at most one waits for
 * signatures, and a full node signs on a certified parent alone.
 */
public final class Blocks {
    private final Genesis genesis;

    /** Hashes of all certified blocks' headers. */
    private final MountainRange range = new MountainRange();

    private BlockHeader certified;
    private Certificate certificate;

    /** The state of the certified block; not in a snapshot, and null until the first certificate after a start from one. */
    private StateTree certifiedTree;

    private BlockHeader open;
    private StateTree openTree;
    private SortedMap<Integer, byte[]> votes = new TreeMap<>();

    /** Words of full nodes that signed another block than this one: they, or we, have computed wrongly. By number and full node. */
    private final SortedMap<String, byte[]> dissent = new TreeMap<>();

    Blocks(Genesis genesis) {
        this.genesis = genesis;
    }

    /** Whether a block may be closed: none waits for signatures. */
    public boolean mayClose() {
        return open == null;
    }

    /** The block that waits for signatures, or null. */
    public BlockHeader open() {
        return open;
    }

    /** The last certified block, or null. */
    public BlockHeader certified() {
        return certified;
    }

    /** Who signs the last certified block, or null. */
    public Certificate certificate() {
        return certificate;
    }

    /** Signatures of full nodes under other blocks than those certified, by number and place in the genesis. */
    public SortedMap<String, byte[]> dissent() {
        return Collections.unmodifiableSortedMap(dissent);
    }

    BlockHeader close(StateTree tree, long height, long nowMs) {
        open = new BlockHeader(range.length(), tree.root(), range.root(), height, nowMs);
        openTree = tree;
        return open;
    }

    /**
     * Takes a full node's signature.
     *
     * @return why it does not count, or null.
     */
    String vote(byte[] signer, long number, byte[] headerHash, byte[] signature) {
        int place = place(signer);
        if (place < 0) {
            return "only full nodes sign blocks";
        }
        byte[] message = Certificate.message(genesis.hash(), headerHash);
        if (!Keys.verify(signer, message, signature)) {
            return "the vote's signature does not hold";
        }
        byte[] ours = number < range.length()
                ? range.get(number)
                : open != null && number == open.number() ? open.hash() : null;
        if (ours == null) {
            return "there is no block " + number + " to sign";
        }
        if (!Arrays.equals(ours, headerHash)) {
            dissent.put(String.format("%016x %d", number, place), signature);
            return "block " + number + " is another one";
        }
        if (number < range.length()) {
            return "block " + number + " is certified already";
        }
        if (votes.containsKey(place)) {
            return "this full node has signed block " + number + " already";
        }
        votes.put(place, signature);
        if (votes.size() >= Certificate.quorum(genesis.fullNodes().size())) {
            certified = open;
            certificate = new Certificate(votes);
            certifiedTree = openTree;
            range.add(open.hash());
            open = null;
            openTree = null;
            votes = new TreeMap<>();
        }
        return null;
    }

    private int place(byte[] signer) {
        for (int i = 0; i < genesis.fullNodes().size(); i++) {
            if (Arrays.equals(genesis.fullNodes().get(i), signer)) {
                return i;
            }
        }
        return -1;
    }

    /** An entry as of the last certified block, with its proof; null where no such block's state is at hand. */
    public CertifiedEntry prove(Kind kind, byte[] id) {
        if (certifiedTree == null) {
            return null;
        }
        byte[] key = LedgerHashes.key(kind, id);
        return new CertifiedEntry(certified, certificate, kind, id, certifiedTree.get(key), certifiedTree.prove(key));
    }

    void write(CanonicalWriter out) {
        out.putLong(range.length());
        for (long i = 0; i < range.length(); i++) {
            out.putFixed(range.get(i));
        }
        for (BlockHeader header : new BlockHeader[] {certified, open}) {
            out.putBytes(header == null ? new byte[0] : header.encode());
        }
        write(out, certificate == null ? new TreeMap<>() : certificate.signatures());
        write(out, votes);
        out.putInt(dissent.size());
        dissent.forEach((what, signature) -> out.putText(what).putFixed(signature));
    }

    private static void write(CanonicalWriter out, SortedMap<Integer, byte[]> signatures) {
        out.putInt(signatures.size());
        signatures.forEach((place, signature) -> out.putInt(place).putFixed(signature));
    }

    /** @param tree of the state that the open block, if there is one, must have: a snapshot is not taken in its midst otherwise. */
    static Blocks read(Genesis genesis, CanonicalReader in) {
        Blocks blocks = new Blocks(genesis);
        for (long n = in.getLong("blocks"); n > 0; n--) {
            blocks.range.add(in.getFixed(Blake3.HASH_BYTES, "block"));
        }
        List<BlockHeader> headers = new ArrayList<>();
        for (String which : List.of("certified block", "open block")) {
            byte[] bytes = in.getBytes(which);
            headers.add(bytes.length == 0 ? null : BlockHeader.read(new CanonicalReader(bytes, which)));
        }
        blocks.certified = headers.get(0);
        blocks.open = headers.get(1);
        blocks.certificate = blocks.certified == null ? null : new Certificate(signatures(in));
        if (blocks.certified == null) {
            signatures(in);
        }
        blocks.votes = signatures(in);
        for (int n = in.getInt("dissent"); n > 0; n--) {
            String what = in.getText("dissent");
            blocks.dissent.put(what, in.getFixed(Keys.SIGNATURE_BYTES, "signature"));
        }
        return blocks;
    }

    private static SortedMap<Integer, byte[]> signatures(CanonicalReader in) {
        SortedMap<Integer, byte[]> signatures = new TreeMap<>();
        for (int n = in.getInt("signatures"); n > 0; n--) {
            int place = in.getInt("full node");
            signatures.put(place, in.getFixed(Keys.SIGNATURE_BYTES, "signature"));
        }
        return signatures;
    }
}
