package io.plumbline.ledger.cluster;

import io.aeron.Publication;
import io.aeron.cluster.client.AeronCluster;
import io.aeron.cluster.client.EgressListener;
import io.aeron.exceptions.AeronException;
import io.aeron.logbuffer.Header;
import io.plumbline.ledger.order.Question;
import io.plumbline.ledger.order.Sequencer;
import io.plumbline.transport.VarData;
import io.plumbline.transport.ledgerwire.MessageHeaderDecoder;
import io.plumbline.transport.ledgerwire.MessageHeaderEncoder;
import io.plumbline.transport.ledgerwire.OutcomeDecoder;
import io.plumbline.transport.ledgerwire.QueryEncoder;
import io.plumbline.transport.ledgerwire.Subject;
import io.plumbline.transport.ledgerwire.SubmitEncoder;
import io.plumbline.transport.ledgerwire.ViewDecoder;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.receipt.Answer;
import io.plumbline.verifier.receipt.Keys;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.agrona.CloseHelper;
import org.agrona.DirectBuffer;
import org.agrona.ExpandableArrayBuffer;

/**
 * The ledger's Aeron Cluster as a client sees it. Calls wait for their answer, one at a time; a lost session is opened again, and what was sent is sent again, which
 * commands' own ids make safe. A thread of its own keeps the session alive between calls.
 */
public final class ClusterSequencer implements Sequencer {
    private static final long CALL_TIMEOUT_NS = TimeUnit.SECONDS.toNanos(3);
    private static final long TOTAL_TIMEOUT_NS = TimeUnit.SECONDS.toNanos(30);

    private final String aeronDirectory;
    private final String ingressEndpoints;
    private final String host;
    private final SessionKeys credentials;
    private final ExpandableArrayBuffer buffer = new ExpandableArrayBuffer(4096);
    private final Replies replies = new Replies();
    private final Thread keepAlive;
    private AeronCluster session;
    private long nextCorrelation = 1;
    private volatile long heardMs;
    private volatile long heardAtNs;
    private volatile boolean closed;

    /**
     * @param aeronDirectory of a running media driver.
     * @param ingressEndpoints see {@link Member#ingressEndpoints}.
     * @param host address at which replies reach this process.
     * @param keys that the session is opened with.
     * @param genesisHash of the ledger it is for.
     */
    public ClusterSequencer(
            String aeronDirectory, String ingressEndpoints, String host, Keys keys, byte[] genesisHash) {
        this.aeronDirectory = aeronDirectory;
        this.ingressEndpoints = ingressEndpoints;
        this.host = host;
        this.credentials = new SessionKeys(keys, genesisHash);
        this.keepAlive = Thread.ofPlatform().daemon().name("ledger-keep-alive").start(this::keepAlive);
    }

    private final class Replies implements EgressListener {
        private final MessageHeaderDecoder header = new MessageHeaderDecoder();
        private final OutcomeDecoder outcome = new OutcomeDecoder();
        private final ViewDecoder view = new ViewDecoder();
        private long wanted;
        private Answer gotAnswer;
        private byte[] gotBody;

        @Override
        public void onMessage(
                long clusterSessionId, long timestamp, DirectBuffer in, int offset, int length, Header h) {
            header.wrap(in, offset);
            int body = offset + MessageHeaderDecoder.ENCODED_LENGTH;
            if (header.schemaId() != OutcomeDecoder.SCHEMA_ID) {
                return;
            }
            if (header.templateId() == OutcomeDecoder.TEMPLATE_ID) {
                outcome.wrap(in, body, header.blockLength(), header.version());
                heard(outcome.timeMs());
                if (outcome.correlationId() == wanted) {
                    gotAnswer =
                            new Answer(outcome.height(), outcome.timeMs(), reasons(VarData.copy(outcome::wrapReasons)));
                }
            } else if (header.templateId() == ViewDecoder.TEMPLATE_ID) {
                view.wrap(in, body, header.blockLength(), header.version());
                heard(view.timeMs());
                if (view.correlationId() == wanted) {
                    gotBody = VarData.copy(view::wrapBody);
                }
            }
        }

        private List<String> reasons(byte[] bytes) {
            CanonicalReader in = new CanonicalReader(bytes, "outcome");
            List<String> reasons = new ArrayList<>();
            for (int n = in.getInt("reasons"); n > 0; n--) {
                String reason = in.getText("reason");
                reasons.add(reason.isEmpty() ? null : reason);
            }
            return reasons;
        }
    }

    private void heard(long ms) {
        heardMs = ms;
        heardAtNs = System.nanoTime();
    }

    private void keepAlive() {
        while (!closed) {
            try {
                Thread.sleep(1000);
                synchronized (this) {
                    if (session != null && !session.isClosed()) {
                        session.sendKeepAlive();
                        session.pollEgress();
                    }
                }
            } catch (InterruptedException e) {
                return;
            } catch (AeronException e) {
                synchronized (this) {
                    CloseHelper.quietClose(session);
                    session = null;
                }
            }
        }
    }

    @Override
    public Answer submit(byte[] signed) throws IOException {
        return call(
                correlation -> {
                    SubmitEncoder encoder =
                            new SubmitEncoder().wrapAndApplyHeader(buffer, 0, new MessageHeaderEncoder());
                    encoder.correlationId(correlation).putCommand(signed, 0, signed.length);
                    return encoder.encodedLength();
                },
                () -> replies.gotAnswer);
    }

    @Override
    public byte[] ask(Question question, byte[] key) throws IOException {
        return call(
                correlation -> {
                    QueryEncoder encoder = new QueryEncoder().wrapAndApplyHeader(buffer, 0, new MessageHeaderEncoder());
                    encoder.correlationId(correlation)
                            .subject(Subject.get((short) question.ordinal()))
                            .putKey(key, 0, key.length);
                    return encoder.encodedLength();
                },
                () -> replies.gotBody);
    }

    /** The ledger's clock as it was last heard, and the time since: a host's own clock may be wrong. */
    @Override
    public long timeMs() {
        return heardAtNs == 0
                ? System.currentTimeMillis()
                : heardMs + TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - heardAtNs);
    }

    private interface Encoder {
        int encode(long correlation);
    }

    private interface Reply<T> {
        T poll();
    }

    private synchronized <T> T call(Encoder encoder, Reply<T> reply) throws IOException {
        long end = System.nanoTime() + TOTAL_TIMEOUT_NS;
        RuntimeException last = null;
        while (System.nanoTime() < end && !closed) {
            try {
                connect();
                replies.wanted = nextCorrelation++;
                replies.gotAnswer = null;
                replies.gotBody = null;
                int length = MessageHeaderEncoder.ENCODED_LENGTH + encoder.encode(replies.wanted);
                T result = exchange(length, reply);
                if (result != null) {
                    return result;
                }
            } catch (AeronException e) {
                last = e;
            }
            CloseHelper.quietClose(session);
            session = null;
        }
        throw new IOException(
                "The ledger at " + ingressEndpoints + " does not answer. Are a majority of its full nodes running?"
                        + (last == null ? "" : " Last heard: " + last.getMessage()),
                last);
    }

    private <T> T exchange(int length, Reply<T> reply) {
        long deadline = System.nanoTime() + CALL_TIMEOUT_NS;
        boolean sent = false;
        while (System.nanoTime() < deadline) {
            if (!sent) {
                long position = session.offer(buffer, 0, length);
                sent = position > 0;
                if (position == Publication.CLOSED) {
                    return null;
                }
            }
            session.pollEgress();
            T result = reply.poll();
            if (result != null) {
                return result;
            }
            if (session.isClosed()) {
                return null;
            }
            LockSupport.parkNanos(50_000);
        }
        return null;
    }

    private void connect() {
        if (session == null || session.isClosed()) {
            session = AeronCluster.connect(new AeronCluster.Context()
                    .aeronDirectoryName(aeronDirectory)
                    .egressListener(replies)
                    .egressChannel("aeron:udp?endpoint=" + host + ":0|term-length=64k")
                    .ingressChannel("aeron:udp?term-length=1m")
                    .ingressEndpoints(ingressEndpoints)
                    .messageTimeoutNs(CALL_TIMEOUT_NS)
                    .credentialsSupplier(credentials)
                    .errorHandler(e -> {}));
        }
    }

    @Override
    public void close() {
        closed = true;
        keepAlive.interrupt();
        synchronized (this) {
            CloseHelper.quietClose(session);
        }
    }
}
