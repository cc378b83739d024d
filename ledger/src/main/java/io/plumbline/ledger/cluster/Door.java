package io.plumbline.ledger.cluster;

import io.plumbline.ledger.order.Question;
import io.plumbline.ledger.order.Sequencer;
import io.plumbline.ledger.order.Sequencer.Answer;
import io.plumbline.ledger.state.Admission;
import io.plumbline.transport.Endpoint;
import io.plumbline.transport.Peer;
import io.plumbline.transport.VarData;
import io.plumbline.transport.ledgerwire.MessageHeaderEncoder;
import io.plumbline.transport.ledgerwire.QueryDecoder;
import io.plumbline.transport.ledgerwire.Subject;
import io.plumbline.transport.ledgerwire.SubmitDecoder;
import io.plumbline.transport.ledgerwire.UnavailableEncoder;
import io.plumbline.transport.sessionwire.MessageHeaderDecoder;
import io.plumbline.verifier.encoding.CanonicalWriter;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.function.LongSupplier;
import org.agrona.DirectBuffer;
import org.agrona.ExpandableArrayBuffer;

/**
 * Where clients reach the ledger: every full node has one, any will do. What is not signed as it should be is refused here, before it is ordered and by other threads than the one that
 * applies commands; the rest goes on to the cluster, with the full node's own session.
 */
public final class Door implements Endpoint.Receiver {
    /** Calls of all clients together that may wait for the cluster; more are sent to another full node. */
    private static final int MAX_WAITING = 1024;

    /** Of one client: it must not take the others' room. */
    private static final int MAX_OF_ONE = 128;

    private static final String BUSY = "it has as many calls on their way as it can";

    private final Sequencer cluster;
    private final Admission admission;
    private final LongSupplier logStart;
    private final Semaphore room = new Semaphore(MAX_WAITING);
    private final Map<Peer, Semaphore> ofOne = new ConcurrentHashMap<>();

    /**
     * @param cluster that orders; many threads ask it at once.
     * @param admission of the full node, see {@link LedgerService#admission}.
     * @param logStart from which byte on it has the log, see {@link Member#logStart}.
     */
    public Door(Sequencer cluster, Admission admission, LongSupplier logStart) {
        this.cluster = cluster;
        this.admission = admission;
        this.logStart = logStart;
    }

    /** For {@link Endpoint}. */
    public Endpoint.Protocol protocol() {
        return new Endpoint.Protocol(SubmitDecoder.SCHEMA_ID, SubmitDecoder.SCHEMA_VERSION, this);
    }

    @Override
    public void onMessage(Peer from, MessageHeaderDecoder header, DirectBuffer in, int offset) {
        int block = header.blockLength();
        int version = header.version();
        if (header.templateId() == SubmitDecoder.TEMPLATE_ID) {
            SubmitDecoder submit = new SubmitDecoder().wrap(in, offset, block, version);
            long id = submit.correlationId();
            byte[] command = VarData.copy(submit::wrapCommand);
            serve(from, id, buffer -> LedgerWire.outcome(buffer, id, submit(command)));
        } else if (header.templateId() == QueryDecoder.TEMPLATE_ID) {
            QueryDecoder query = new QueryDecoder().wrap(in, offset, block, version);
            long id = query.correlationId();
            int subject = query.subjectRaw();
            byte[] key = VarData.copy(query::wrapKey);
            serve(from, id, buffer -> LedgerWire.view(buffer, id, 0, cluster.timeMs(), answer(subject, key)));
        }
    }

    @Override
    public void onLost(Peer peer) {
        ofOne.remove(peer);
    }

    private byte[] answer(int subject, byte[] key) throws IOException {
        if (subject == Subject.LOG_START.value()) {
            return new CanonicalWriter().putLong(logStart.getAsLong()).toBytes();
        }
        if (subject >= Question.values().length) {
            throw new IOException("this full node does not know question " + subject);
        }
        return cluster.ask(Question.values()[subject], key);
    }

    private interface Reply {
        int encode(ExpandableArrayBuffer buffer) throws IOException;
    }

    private void serve(Peer from, long id, Reply reply) {
        Semaphore its = ofOne.computeIfAbsent(from, peer -> new Semaphore(MAX_OF_ONE));
        if (!its.tryAcquire()) {
            unavailable(from, id, BUSY);
            return;
        }
        if (!room.tryAcquire()) {
            its.release();
            unavailable(from, id, BUSY);
            return;
        }
        Thread.ofVirtual().start(() -> {
            try {
                ExpandableArrayBuffer buffer = new ExpandableArrayBuffer(512);
                from.send(buffer, 0, reply.encode(buffer));
            } catch (IOException | RuntimeException e) {
                unavailable(from, id, String.valueOf(e.getMessage()));
            } finally {
                room.release();
                its.release();
            }
        });
    }

    private Answer submit(byte[] commands) throws IOException {
        String refusal = admission.refusal(commands);
        return refusal == null ? cluster.submit(commands) : new Answer(0, cluster.timeMs(), List.of(refusal));
    }

    private static void unavailable(Peer to, long id, String why) {
        ExpandableArrayBuffer buffer = new ExpandableArrayBuffer(256);
        UnavailableEncoder out = new UnavailableEncoder().wrapAndApplyHeader(buffer, 0, new MessageHeaderEncoder());
        out.correlationId(id).reason(why);
        to.offer(buffer, 0, MessageHeaderEncoder.ENCODED_LENGTH + out.encodedLength());
    }
}
