package io.plumbline.ledger.state;

import io.plumbline.ledger.state.Command.CastVote;
import io.plumbline.ledger.tree.MmrPeaks;
import io.plumbline.ledger.tree.StateTree;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalWriter;
import io.plumbline.verifier.lightclient.BlockHeader;
import io.plumbline.verifier.lightclient.Certificate;
import io.plumbline.verifier.lightclient.CertifiedEntry;
import io.plumbline.verifier.lightclient.LedgerHashes;
import io.plumbline.verifier.lightclient.LedgerHashes.Kind;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.BooleanSupplier;

/**
 * The ledger's blocks and the votes on them. A block is closed only when the one before it is certified, so that at
 * most one waits for signatures, and a full node signs on a certified parent alone. Where it waits for too long, full
 * nodes begin a new epoch.
 */
public final class Blocks {
    /** Certified blocks that are still known well enough to catch who signs another. */
    static final int REMEMBERED = 1024;

    private static final String UNSIGNED = "the vote's signature does not hold";

    private final Genesis genesis;
    private final Bytes32 genesisHash;
    private final Listener listener;

    /** Hashes of all certified blocks' headers. */
    private MmrPeaks range = new MmrPeaks();

    private final NavigableMap<Long, Past> recent = new TreeMap<>();
    private BlockHeader certified;
    private Certificate certificate;

    /**
     * The state of the certified block; not in a snapshot, and null until the first certificate after a start from
     * one.
     */
    private StateTree certifiedTree;

    private BlockHeader open;
    private StateTree openTree;
    private long epoch;
    private SortedMap<Integer, byte[]> votes = new TreeMap<>();

    /**
     * Header hashes that full nodes signed in place of the open block's. That alone is no offence: a lying leader may
     * have shown them another log, or an error in the software has split them.
     */
    private SortedMap<Integer, byte[]> dissent = new TreeMap<>();

    /** That began this epoch. */
    private SortedMap<Integer, EpochStatement> statements = new TreeMap<>();

    /** For the next epoch. */
    private SortedMap<Integer, EpochStatement> asked = new TreeMap<>();

    /**
     * A certified block.
     *
     * @param signers whose signatures under it were seen, by place.
     */
    private record Past(long epoch, byte[] hash, SortedSet<Integer> signers) {}

    /** Hears what votes bring about. */
    interface Listener {
        void certified(long number);

        /** A full node has signed what it must not. */
        void guilty(int place, String what);

        /** A vote for a block as it was closed here, though it may be late; not checked where it is. */
        void voted(CastVote vote);

        /** Whether a signature holds. */
        boolean holds(byte[] content, BooleanSupplier check);
    }

    Blocks(Genesis genesis, Listener listener) {
        this.genesis = genesis;
        this.genesisHash = genesis.hash();
        this.listener = listener;
    }

    /** Whether a block may be closed: none waits for signatures. */
    public boolean mayClose() {
        return open == null;
    }

    /** The block that waits for signatures, or null. */
    public BlockHeader open() {
        return open;
    }

    /** In which votes count now. */
    public long epoch() {
        return epoch;
    }

    /** What full nodes said when this epoch began, and since. */
    public Collection<EpochStatement> statements() {
        return List.copyOf(statements.values());
    }

    /** How many have asked for the next epoch. */
    public int asked() {
        return asked.size();
    }

    /** The last certified block, or null. */
    public BlockHeader certified() {
        return certified;
    }

    /** Who signs the last certified block, or null. */
    public Certificate certificate() {
        return certificate;
    }

    /** Full nodes, by their place in the genesis, that signed another block than the one that waits. */
    public List<Integer> dissent() {
        return List.copyOf(dissent.keySet());
    }

    /**
     * The highest number of a block, among the last {@value #REMEMBERED}, under which a full node's signature was
     * counted; -1 where there is none.
     */
    long lastSigned(int place) {
        if (open != null && (votes.containsKey(place) || dissent.containsKey(place))) {
            return open.number();
        }
        return recent.descendingMap().entrySet().stream()
                .filter(past -> past.getValue().signers.contains(place))
                .map(Map.Entry::getKey)
                .findFirst()
                .orElse(-1L);
    }

    /** The number of the block that has what happens now. */
    long next() {
        return range.length() + (open == null ? 0 : 1);
    }

    BlockHeader close(StateTree tree, long height, long nowMs) {
        open = new BlockHeader(range.length(), tree.root(), range.root(), height, nowMs);
        openTree = tree;
        return open;
    }

    /**
     * Takes a full node's signature, from whoever hands it in: a vote for what the full node must not have signed is
     * evidence against it.
     *
     * @return why it does not count, or null.
     */
    String vote(CastVote vote) {
        int place = genesis.place(vote.fullNode());
        if (place < 0) {
            return "only full nodes sign blocks";
        }
        if (vote.number() < range.length()) {
            return late(place, vote);
        }
        if (open == null || vote.number() != open.number()) {
            return "there is no block " + vote.number() + " to sign";
        }
        if (vote.epoch() != epoch) {
            return "epoch " + vote.epoch() + " is not now; it is epoch " + epoch;
        }
        boolean agrees = Arrays.equals(open.hash(), vote.headerHash());
        byte[] other = dissent.get(place);
        if (agrees && votes.containsKey(place)) {
            return "this full node has signed block " + vote.number() + " already";
        }
        if (other != null && Arrays.equals(other, vote.headerHash())) {
            return isAnother(vote);
        }
        // A signature is what costs here: it is checked where something follows from it.
        if (!holds(vote)) {
            return UNSIGNED;
        }
        if (other != null || !agrees && votes.containsKey(place)) {
            listener.guilty(place, twice(vote));
        }
        if (!agrees) {
            dissent.put(place, vote.headerHash());
            return isAnother(vote);
        }
        votes.put(place, vote.signature());
        listener.voted(vote);
        certify();
        return null;
    }

    private boolean holds(CastVote vote) {
        return listener.holds(vote.encode(), () -> vote.holds(genesisHash));
    }

    private static String isAnother(CastVote vote) {
        return "block " + vote.number() + " is another one";
    }

    /** A vote on a block that is certified: two signatures are an offence, one for another block is none. */
    private String late(int place, CastVote vote) {
        Past past = recent.get(vote.number());
        if (past == null) {
            return "block " + vote.number() + " is long certified";
        }
        if (Arrays.equals(past.hash, vote.headerHash())) {
            listener.voted(vote);
            return "block " + vote.number() + " is certified already";
        }
        if (past.epoch == vote.epoch() && past.signers.contains(place)) {
            if (!holds(vote)) {
                return UNSIGNED;
            }
            listener.guilty(place, twice(vote));
        }
        return isAnother(vote);
    }

    private static String twice(CastVote vote) {
        return "signed two blocks " + vote.number() + " in epoch " + vote.epoch();
    }

    /**
     * Takes two votes of one full node for two blocks of one number in one epoch, whenever that was.
     *
     * @return why they prove nothing, or null.
     */
    String doubleVote(CastVote one, CastVote other) {
        int place = genesis.place(one.fullNode());
        if (place < 0) {
            return "only full nodes sign blocks";
        }
        boolean isSamePlace = one.fullNode().equals(other.fullNode())
                && one.epoch() == other.epoch()
                && one.number() == other.number();
        if (!isSamePlace || Arrays.equals(one.headerHash(), other.headerHash())) {
            return "two votes are an offence where one full node signs two blocks of one number in one epoch";
        }
        if (!holds(one) || !holds(other)) {
            return UNSIGNED;
        }
        listener.guilty(place, twice(one));
        return null;
    }

    private void certify() {
        if (votes.size() < Certificate.quorum(genesis.fullNodes().size())) {
            return;
        }
        certified = open;
        certificate = new Certificate(epoch, votes);
        certifiedTree = openTree;
        byte[] hash = open.hash();
        recent.put(open.number(), new Past(epoch, hash, new TreeSet<>(votes.keySet())));
        recent.headMap(open.number() - REMEMBERED, true).clear();
        range.add(hash);
        open = null;
        openTree = null;
        votes = new TreeMap<>();
        asked = new TreeMap<>();
        dissent = new TreeMap<>();
        listener.certified(certified.number());
    }

    /** Takes a full node's statement. @return why it does not count, or null. */
    String state(Bytes32 signer, EpochStatement statement) {
        int place = genesis.place(signer);
        if (place < 0) {
            return "only full nodes begin epochs";
        }
        if (open == null || statement.number() != open.number()) {
            return "block " + statement.number() + " does not wait for signatures";
        }
        // Who comes late may still show that something else was not certified.
        boolean isLate = statement.epoch() == epoch && epoch > 0;
        if (!isLate && statement.epoch() != epoch + 1) {
            return "the next epoch is " + (epoch + 1) + ", not " + statement.epoch();
        }
        SortedMap<Integer, EpochStatement> said = isLate ? statements : asked;
        if (said.containsKey(place)) {
            return "this full node has said so already";
        }
        byte[] content = new CanonicalWriter()
                .putFixed(new Command.StateEpoch(statement).encode())
                .putBytes32(signer)
                .toBytes();
        if (!listener.holds(content, () -> statement.holds(genesisHash, signer))) {
            return "the statement's signature does not hold";
        }
        said.put(place, statement);
        if (isLate) {
            return null;
        }
        if (asked.size() >= Certificate.quorum(genesis.fullNodes().size())) {
            epoch++;
            statements = asked;
            asked = new TreeMap<>();
            votes = new TreeMap<>();
            dissent = new TreeMap<>();
        }
        return null;
    }

    /** An entry as of the last certified block, with its proof; null where no such block's state is at hand. */
    public CertifiedEntry prove(Kind kind, Bytes32 id) {
        if (certifiedTree == null) {
            return null;
        }
        byte[] key = LedgerHashes.key(kind, id);
        return new CertifiedEntry(certified, certificate, kind, id, certifiedTree.get(key), certifiedTree.prove(key));
    }

    void write(CanonicalWriter out) {
        range.write(out);
        out.putInt(recent.size());
        recent.forEach((number, past) -> {
            out.putLong(number).putLong(past.epoch).putFixed(past.hash).putInt(past.signers.size());
            past.signers.forEach(out::putInt);
        });
        for (BlockHeader header : new BlockHeader[] {certified, open}) {
            out.putBytes(header == null ? new byte[0] : header.encode());
        }
        (certificate == null ? new Certificate(0, new TreeMap<>()) : certificate).write(out);
        new Certificate(epoch, votes).write(out);
        out.putInt(dissent.size());
        dissent.forEach((place, hash) -> out.putInt(place).putFixed(hash));
        for (SortedMap<Integer, EpochStatement> each : List.of(statements, asked)) {
            out.putInt(each.size());
            each.forEach((place, statement) -> statement.write(out.putInt(place)));
        }
    }

    static Blocks read(Genesis genesis, Listener listener, CanonicalReader in) {
        Blocks blocks = new Blocks(genesis, listener);
        blocks.range = MmrPeaks.read(in);
        for (int n = in.getInt("recent blocks"); n > 0; n--) {
            long number = in.getLong("block number");
            long epoch = in.getLong("epoch");
            byte[] hash = in.getFixed(Blake3.HASH_BYTES, "block");
            SortedSet<Integer> signers = new TreeSet<>();
            for (int k = in.getInt("signers"); k > 0; k--) {
                signers.add(in.getInt("signer"));
            }
            blocks.recent.put(number, new Past(epoch, hash, signers));
        }
        blocks.certified = header(in, "certified block");
        blocks.open = header(in, "open block");
        Certificate certificate = Certificate.read(in);
        blocks.certificate = blocks.certified == null ? null : certificate;
        Certificate begun = Certificate.read(in);
        blocks.epoch = begun.epoch();
        blocks.votes = new TreeMap<>(begun.signatures());
        for (int n = in.getInt("dissent"); n > 0; n--) {
            int place = in.getInt("full node");
            blocks.dissent.put(place, in.getFixed(Blake3.HASH_BYTES, "header hash"));
        }
        for (SortedMap<Integer, EpochStatement> each : List.of(blocks.statements, blocks.asked)) {
            for (int n = in.getInt("statements"); n > 0; n--) {
                int place = in.getInt("full node");
                each.put(place, EpochStatement.read(in));
            }
        }
        return blocks;
    }

    private static BlockHeader header(CanonicalReader in, String which) {
        byte[] bytes = in.getBytes(which);
        return bytes.length == 0 ? null : BlockHeader.read(new CanonicalReader(bytes, which));
    }
}
