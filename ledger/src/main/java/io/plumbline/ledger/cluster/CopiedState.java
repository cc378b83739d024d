package io.plumbline.ledger.cluster;

import io.plumbline.ledger.order.Replica;
import io.plumbline.ledger.state.Blocks;
import io.plumbline.ledger.state.Command.CastVote;
import io.plumbline.ledger.state.Command.StateSnapshot;
import io.plumbline.ledger.state.EpochStatement;
import io.plumbline.ledger.state.LedgerState;
import io.plumbline.ledger.state.Node;
import io.plumbline.ledger.state.Settlement;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.lightclient.BlockHeader;
import io.plumbline.verifier.lightclient.Certificate;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/**
 * Holds back what a state says that another full node has given, until a quorum has certified a block that this full
 * node computed from it: who signs and judges by one liar's word would be a second liar. A state of its own is
 * believed from the start. For the service's thread, but for {@link #isSure}.
 *
 * <p>A certified block shows that the state's root is right, and not all of the state is under it: what was answered to
 * whom, what full nodes have wished for and how they voted. So more full nodes than may lie must also have stated a
 * snapshot that is the same to the last byte, the one that was copied or one that was taken since.
 */
final class CopiedState implements Replica.Listener {
    private final Path mark;
    private final Replica.Listener listener;
    private final Map<String, Held> held = new LinkedHashMap<>();
    private LedgerState state;
    private int mostLiars;

    /**
     * Hashes of the snapshot that was copied and of those that were taken of it since, by their heights: several of one
     * height, where a block was closed between them.
     */
    private final Map<Long, Set<Bytes32>> own = new HashMap<>();

    /** Full nodes that have stated the same snapshot, and those that have stated another. */
    private final Set<Bytes32> agreeing = new HashSet<>();

    private final Set<Bytes32> differing = new HashSet<>();

    /** Full nodes that are to state the same: all others, where those are fewer. */
    private int needed;

    private boolean isCertified;

    /** Blocks up to this one may have come with the state. */
    private long copied;

    private volatile boolean isSure = true;

    private record Held(Settlement changed, Node node) {}

    /**
     * @param mark file that is there while a folder's ledger is a copy that nobody has confirmed; null where it never
     * is.
     */
    CopiedState(Path mark, Replica.Listener listener) {
        this.mark = mark;
        this.listener = listener;
    }

    /**
     * It begins from a snapshot.
     *
     * @param hash of the snapshot, see {@link Snapshots#hash}.
     */
    void begin(LedgerState from, int fullNodes, Bytes32 hash) {
        state = from;
        mostLiars = Certificate.mostLiars(fullNodes);
        needed = Math.min(mostLiars + 1, fullNodes - 1);
        keep(from.height(), hash);
        Blocks blocks = from.blocks();
        BlockHeader last = blocks.open() == null ? blocks.certified() : blocks.open();
        copied = last == null ? -1 : last.number();
        isSure = mark == null || !Files.exists(mark);
    }

    /** Whether what the state says may be told to anybody. */
    boolean isSure() {
        return isSure;
    }

    /** @throws IllegalStateException where others sign other blocks than come of the copy. */
    void check() {
        if (!isSure && differing.size() > mostLiars) {
            throw new IllegalStateException("The ledger's snapshot that this full node has copied is another one than "
                    + differing.size() + " full nodes have: whoever gave it has lied, or its disk has. Empty this full"
                    + " node's folder but for the file \"votes\" and start it again.");
        }
        if (!isSure && state.blocks().dissent().size() > mostLiars) {
            throw new IllegalStateException("The ledger that this full node has copied is another one than full nodes "
                    + state.blocks().dissent() + " sign: whoever gave it has lied, or its disk has. Empty this full"
                    + " node's folder but for the file \"votes\" and start it again.");
        }
    }

    @Override
    public void onAudit(Settlement changed, Node node) {
        if (isSure) {
            listener.onAudit(changed, node);
        } else {
            held.put(changed.requestHash().toString(), new Held(changed, node));
        }
    }

    @Override
    public void onBlock(BlockHeader header, long epoch, Collection<EpochStatement> statements) {
        if (isSure) {
            listener.onBlock(header, epoch, statements);
        }
    }

    @Override
    public void onVote(CastVote vote) {
        listener.onVote(vote);
    }

    @Override
    public void onCertified(BlockHeader header, Certificate certificate) {
        isCertified |= header.number() > copied;
        believe();
        listener.onCertified(header, certificate);
    }

    @Override
    public void onStatedSnapshot(Bytes32 fullNode, StateSnapshot snapshot) {
        Set<Bytes32> hashes = own.get(snapshot.height());
        if (isSure || hashes == null) {
            return;
        }
        if (hashes.contains(snapshot.hash())) {
            agreeing.add(fullNode);
            differing.remove(fullNode);
            believe();
        } else if (!agreeing.contains(fullNode)) {
            differing.add(fullNode);
        }
    }

    private void keep(long height, Bytes32 hash) {
        own.computeIfAbsent(height, any -> new HashSet<>()).add(hash);
    }

    private void believe() {
        // Without a snapshot there is nothing to believe, and no state here.
        if (isSure || !isCertified || state.hasStatedSnapshots() && agreeing.size() < needed) {
            return;
        }
        try {
            Files.delete(mark);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        isSure = true;
        held.values().forEach(one -> listener.onAudit(one.changed, one.node));
        held.clear();
    }

    @Override
    public void onSnapshot(byte[] snapshot, long height) {
        if (!isSure) {
            // A step may have been missed by the others when the first was taken; this one they state too.
            keep(height, Snapshots.hash(snapshot));
        } else {
            listener.onSnapshot(snapshot, height);
        }
    }
}
