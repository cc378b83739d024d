package io.plumbline.node.full;

import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.state.Command;
import io.plumbline.ledger.state.Settlement;
import io.plumbline.node.network.Event;
import io.plumbline.node.network.Events;
import io.plumbline.verifier.encoding.Bytes32;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * Hands evidence in to the ledger, one after the other: an account may accuse once at a time. Full nodes that have
 * found the same lie take turns, so that it is not sent as often as there are auditors.
 */
public final class Accuser {
    private static final long TURN_MS = 2_000;

    private final LedgerClient ledger;
    private final Bytes32 me;
    private final Events events;
    private final Object turn = new Object();

    /** Nodes that an accusation waits of: one is enough, for all of the stake goes with it, and evidence is large. */
    private final Set<Bytes32> accused = ConcurrentHashMap.newKeySet();

    /** @param publicKey of the account that accuses. */
    Accuser(LedgerClient ledger, Bytes32 publicKey, Events events) {
        this.ledger = ledger;
        this.me = publicKey;
        this.events = events;
    }

    /** Hands in what proves that the answer of a settlement is false, later and on a thread of its own. */
    void accuse(Settlement one, byte[] evidence) {
        int place = Math.max(0, one.audit().auditors().indexOf(me));
        Bytes32 node = one.node();
        if (!accused.add(node)) {
            return;
        }
        Thread.ofVirtual().name("accuser").start(() -> {
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(place * TURN_MS));
            String outcome;
            try {
                Settlement now = ledger.findSettlement(one.requestHash());
                if (now == null || now.status() == Settlement.Status.SLASHED) {
                    return;
                }
                synchronized (turn) {
                    outcome = handIn(ledger, one.requestHash(), evidence);
                }
            } catch (IOException e) {
                outcome = e.getMessage();
            } finally {
                accused.remove(node);
            }
            events.emit(new Event.Accused(one.requestHash().toString(), evidence.length, outcome));
        });
    }

    /**
     * Hands in evidence.
     *
     * @return why the ledger does not find it proven, or null where the node has lost its stake for it.
     */
    public static String handIn(LedgerClient ledger, Bytes32 requestHash, byte[] evidence) throws IOException {
        byte[] announced = Command.Accuse.hash(evidence, ledger.publicKey());
        LedgerClient.Outcome begun = ledger.submit(new Command.Accuse(requestHash, announced, evidence.length));
        if (!begun.isApplied()) {
            return begun.reason();
        }
        List<byte[]> parts = new ArrayList<>();
        for (int at = 0; at < evidence.length; at += Command.HandInEvidence.MAX_BYTES) {
            int end = Math.min(evidence.length, at + Command.HandInEvidence.MAX_BYTES);
            parts.add(Arrays.copyOfRange(evidence, at, end));
        }
        for (byte[] part : parts) {
            LedgerClient.Outcome outcome = ledger.submit(new Command.HandInEvidence(part));
            if (!outcome.isApplied()) {
                return outcome.reason();
            }
        }
        return null;
    }
}
