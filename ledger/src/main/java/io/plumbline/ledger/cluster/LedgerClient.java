package io.plumbline.ledger.cluster;

import io.aeron.Publication;
import io.aeron.cluster.client.AeronCluster;
import io.aeron.cluster.client.EgressListener;
import io.aeron.exceptions.AeronException;
import io.aeron.logbuffer.Header;
import io.plumbline.ledger.state.Case;
import io.plumbline.ledger.state.Command;
import io.plumbline.ledger.state.LedgerState.Account;
import io.plumbline.ledger.state.LedgerState.Node;
import io.plumbline.transport.ledgerwire.MessageHeaderDecoder;
import io.plumbline.transport.ledgerwire.MessageHeaderEncoder;
import io.plumbline.transport.ledgerwire.OutcomeDecoder;
import io.plumbline.transport.ledgerwire.QueryEncoder;
import io.plumbline.transport.ledgerwire.Subject;
import io.plumbline.transport.ledgerwire.SubmitEncoder;
import io.plumbline.transport.ledgerwire.ViewDecoder;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.ledger.CertifiedEntry;
import io.plumbline.verifier.ledger.LedgerHashes.Kind;
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
 * Talks to the ledger: submits signed commands and reads the state. Calls wait for their answer, one at a time; a lost session is
 * opened again, and a command whose fate is unknown is sent again, which its own id makes safe. A thread of its own keeps the session
 * alive between calls.
 */
public final class LedgerClient implements AutoCloseable {
    private static final long CALL_TIMEOUT_NS = TimeUnit.SECONDS.toNanos(3);
    private static final long TOTAL_TIMEOUT_NS = TimeUnit.SECONDS.toNanos(30);

    private final String aeronDirectory;
    private final String ingressEndpoints;
    private final String host;
    private final ExpandableArrayBuffer buffer = new ExpandableArrayBuffer(4096);
    private final Replies replies = new Replies();
    private final Thread keepAlive;
    private AeronCluster session;
    private long nextCorrelation = 1;
    private volatile boolean closed;

    /** What became of a command: no reason means it was applied, at this height. */
    public record Outcome(long height, String reason) {
        public boolean isApplied() {
            return reason.isEmpty();
        }
    }

    /**
     * @param aeronDirectory of a running media driver.
     * @param ingressEndpoints see {@link Member#ingressEndpoints}.
     * @param host address at which replies reach this process.
     */
    public LedgerClient(String aeronDirectory, String ingressEndpoints, String host) {
        this.aeronDirectory = aeronDirectory;
        this.ingressEndpoints = ingressEndpoints;
        this.host = host;
        this.keepAlive = Thread.ofPlatform().daemon().name("ledger-keep-alive").start(this::keepAlive);
    }

    private static final class Replies implements EgressListener {
        private final MessageHeaderDecoder header = new MessageHeaderDecoder();
        private final OutcomeDecoder outcome = new OutcomeDecoder();
        private final ViewDecoder view = new ViewDecoder();
        private long wanted;
        private Outcome gotOutcome;
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
                if (outcome.correlationId() == wanted) {
                    gotOutcome = new Outcome(outcome.height(), outcome.reason());
                }
            } else if (header.templateId() == ViewDecoder.TEMPLATE_ID) {
                view.wrap(in, body, header.blockLength(), header.version());
                if (view.correlationId() == wanted) {
                    gotBody = new byte[view.bodyLength()];
                    view.getBody(gotBody, 0, gotBody.length);
                }
            }
        }
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

    /** Submits a command signed by {@code keys} and waits until it was applied or refused. */
    public Outcome submit(Command command, Keys keys) throws IOException {
        byte[] bytes = Command.Signed.of(command, keys).encode();
        Outcome outcome = call(
                correlation -> {
                    SubmitEncoder encoder =
                            new SubmitEncoder().wrapAndApplyHeader(buffer, 0, new MessageHeaderEncoder());
                    encoder.correlationId(correlation).putCommand(bytes, 0, bytes.length);
                    return encoder.encodedLength();
                },
                () -> replies.gotOutcome);
        // Sent twice after a lost reply: the first copy was applied.
        return outcome.reason().equals("this command was applied before") ? new Outcome(outcome.height(), "") : outcome;
    }

    private byte[] query(Subject subject, byte[] key) throws IOException {
        return call(
                correlation -> {
                    QueryEncoder encoder = new QueryEncoder().wrapAndApplyHeader(buffer, 0, new MessageHeaderEncoder());
                    encoder.correlationId(correlation).subject(subject).putKey(key, 0, key.length);
                    return encoder.encodedLength();
                },
                () -> replies.gotBody);
    }

    /** Money of one key. */
    public Account account(byte[] key) throws IOException {
        CanonicalReader in = new CanonicalReader(query(Subject.ACCOUNT, key), "account");
        return new Account(in.getLong("balance"), in.getLong("stake"));
    }

    /** The case of a request, or null. */
    public Case findCase(byte[] requestHash) throws IOException {
        byte[] body = query(Subject.CASE, requestHash);
        return body.length == 0 ? null : Case.decode(body);
    }

    /** Inference nodes that are registered and not slashed. */
    public List<Node> nodes() throws IOException {
        CanonicalReader in = new CanonicalReader(query(Subject.NODES, new byte[0]), "nodes");
        List<Node> nodes = new ArrayList<>();
        for (int n = in.getInt("count"); n > 0; n--) {
            nodes.add(new Node(
                    in.getFixed(32, "key"),
                    in.getFixed(32, "model id"),
                    in.getLong("price"),
                    in.getText("host"),
                    in.getInt("port"),
                    false));
        }
        return nodes;
    }

    /** An entry as of the last certified block, with its proof; null where there is no such block yet. Nobody has checked it. */
    public CertifiedEntry prove(Kind kind, byte[] id) throws IOException {
        byte[] key = new byte[1 + id.length];
        key[0] = (byte) kind.ordinal();
        System.arraycopy(id, 0, key, 1, id.length);
        byte[] body = query(Subject.PROOF, key);
        return body.length == 0 ? null : CertifiedEntry.decode(body);
    }

    /** The state root. */
    public byte[] root() throws IOException {
        return query(Subject.ROOT, new byte[0]);
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
                replies.gotOutcome = null;
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
                "The ledger at " + ingressEndpoints + " does not answer. Are a majority of its full nodes running?",
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
                    .ingressChannel("aeron:udp?term-length=64k")
                    .ingressEndpoints(ingressEndpoints)
                    .messageTimeoutNs(CALL_TIMEOUT_NS)
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
