package io.plumbline.node.gateway;

import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.state.Node;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import java.util.function.Predicate;

/**
 * The inference nodes, as full nodes list them. A list is one full node's word, which may leave nodes out, or say what
 * they never announced. So none is asked for long: each minute it is another's turn, and one that lies has its part of
 * the time and no more. Where a list does not do, the next full node is asked at once, for this once: which list does
 * not do is for clients to choose, who name nodes and prices, and one of them could turn a gateway to its accomplice. A
 * list of what several said would cost each request another question, and name nodes that have gone. Any thread may
 * call.
 */
final class NodeLists {
    private static final long TURN_NS = TimeUnit.SECONDS.toNanos(60);

    private final LedgerClient ledger;
    private final LongSupplier clockNs;
    private long turnedNs;

    /**
     * A list.
     *
     * @param by whose word it is, see {@link LedgerClient#answered}.
     * @param nodes that are registered and not slashed.
     */
    record Said(int by, List<Node> nodes) {}

    /** @param clockNs goes forward, see {@link System#nanoTime}. */
    NodeLists(LedgerClient ledger, LongSupplier clockNs) {
        this.ledger = ledger;
        this.clockNs = clockNs;
        this.turnedNs = clockNs.getAsLong();
    }

    /** The list of the full node whose turn it is. */
    Said ask() throws IOException {
        if (isTurn()) {
            ledger.distrust(ledger.asked());
        }
        return list();
    }

    private Said list() throws IOException {
        int asked = ledger.asked();
        try {
            List<Node> nodes = ledger.nodes();
            return new Said(ledger.answered(), nodes);
        } catch (MalformedException e) {
            ledger.distrust(ledger.answered());
            throw new IOException("The full node's list of nodes cannot be read: " + e.getMessage(), e);
        } catch (IOException e) {
            // It may be out of order, and would be the next time.
            ledger.distrust(asked);
            throw e;
        }
    }

    /** The next full node's list, where this one does not do. */
    Said askAnother(Said doubted) throws IOException {
        ledger.distrust(doubted.by);
        Said other = list();
        ledger.prefer(doubted.by, other.by);
        return other;
    }

    /** Whether there is a node as wanted, by the word of one of two full nodes. */
    boolean has(Predicate<Node> wanted) throws IOException {
        Said said = ask();
        return said.nodes.stream().anyMatch(wanted)
                || askAnother(said).nodes.stream().anyMatch(wanted);
    }

    private synchronized boolean isTurn() {
        long now = clockNs.getAsLong();
        boolean isTurn = now - turnedNs >= TURN_NS;
        turnedNs = isTurn ? now : turnedNs;
        return isTurn;
    }
}
