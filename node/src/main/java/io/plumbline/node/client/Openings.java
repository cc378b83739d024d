package io.plumbline.node.client;

import io.plumbline.node.network.Deadline;
import io.plumbline.transport.Peer;
import io.plumbline.transport.nodewire.ChallengeEncoder;
import io.plumbline.transport.nodewire.MessageHeaderEncoder;
import io.plumbline.transport.nodewire.ProceedEncoder;
import io.plumbline.verifier.audit.OpeningSource;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.PackedWords;
import java.io.IOException;
import org.agrona.ExpandableArrayBuffer;

/** Openings that nodes were challenged for, while they come in. Called by any thread. */
final class Openings {
    private final PendingReplies<IncomingOpening> pending = new PendingReplies<>();
    private final long timeoutMs;

    /** @param timeoutMs longest wait for a node's next sign of life. */
    Openings(long timeoutMs) {
        this.timeoutMs = timeoutMs;
    }

    /** What waits for a reply of {@code from} under this number; null where nothing does. */
    IncomingOpening find(Peer from, long id) {
        return pending.find(from, id);
    }

    /** Waits under a given number: for tests. */
    void put(long id, Peer peer, IncomingOpening opening) {
        pending.put(id, peer, opening);
    }

    /** Nothing waits any longer for a peer that is gone. */
    void onLost(Peer peer) {
        pending.of(peer).forEach(opening -> opening.fail(Calls.lost(peer)));
    }

    /**
     * Openings of one receipt from the node that gave it, as they come in.
     *
     * @param waitedNs for which the audit has waited for the node before.
     */
    OpeningSource of(Peer peer, Bytes32 receiptHash, Deadline deadline, long waitedNs) {
        WaitingTime waiting = new WaitingTime(waitedNs);
        return cell -> {
            long[] own = {0};
            IncomingOpening opening = new IncomingOpening(
                    peer.address(),
                    timeoutMs,
                    deadline,
                    waiting,
                    upTo -> proceed(peer, own[0], upTo),
                    () -> end(peer, own[0]));
            long id = pending.add(peer, opening);
            own[0] = id;
            ExpandableArrayBuffer buffer = new ExpandableArrayBuffer(256);
            ChallengeEncoder encoder = new ChallengeEncoder().wrapAndApplyHeader(buffer, 0, new MessageHeaderEncoder());
            encoder.correlationId(id)
                    .layer(cell.layer())
                    .from(cell.from())
                    .to(cell.to())
                    .packed((short) (PackedWords.isFast() ? 1 : 0));
            encoder.putReceiptHash(receiptHash.bytes(), 0, Bytes32.BYTES);
            peer.send(buffer, 0, MessageHeaderEncoder.ENCODED_LENGTH + encoder.encodedLength());
            if (peer.lost() != null) {
                opening.fail(Calls.lost(peer));
            }
            try {
                return opening.await();
            } catch (IOException e) {
                opening.close();
                throw e;
            }
        };
    }

    private static void proceed(Peer peer, long id, long upTo) {
        ExpandableArrayBuffer buffer = new ExpandableArrayBuffer(64);
        ProceedEncoder encoder = new ProceedEncoder().wrapAndApplyHeader(buffer, 0, new MessageHeaderEncoder());
        encoder.correlationId(id).upTo(upTo);
        peer.send(buffer, 0, MessageHeaderEncoder.ENCODED_LENGTH + encoder.encodedLength());
    }

    private void end(Peer peer, long id) {
        if (pending.remove(id)) {
            proceed(peer, id, -1);
        }
    }
}
