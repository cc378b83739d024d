package io.plumbline.ledger.cluster;

import io.plumbline.ledger.order.PipelinedSequencer;
import io.plumbline.ledger.order.Query;
import io.plumbline.ledger.order.Sequencer.Answer;
import io.plumbline.ledger.state.Admission;
import io.plumbline.ledger.state.Signed;
import io.plumbline.transport.Endpoint;
import io.plumbline.transport.Peer;
import io.plumbline.transport.VarData;
import io.plumbline.transport.ledgerwire.QueryDecoder;
import io.plumbline.transport.ledgerwire.Subject;
import io.plumbline.transport.ledgerwire.SubmitDecoder;
import io.plumbline.transport.sessionwire.MessageHeaderDecoder;
import io.plumbline.verifier.encoding.CanonicalWriter;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.agrona.DirectBuffer;
import org.agrona.ExpandableArrayBuffer;

/**
 * Where clients reach the ledger: every full node has one, any will do. What is not signed as it should be is refused
 * here, before it is ordered and by other threads than the one that applies commands; the rest goes on to the
 * cluster, with the full node's own session. Each client's calls are looked at one after the other and go on in the
 * order they came in.
 */
public final class LedgerIngress implements Endpoint.Receiver {
    /**
     * KiB of all clients' calls together that are with the cluster, and of one's that may wait: a call counts as one
     * and each whole KiB of its commands. More are sent to another full node.
     */
    private static final int MAX_WAITING_KIB = 8 << 10;

    /** Questions and short commands of all clients that are with the cluster: they wait for no long ones. */
    private static final int MAX_SHORT = 1024;

    private static final int MAX_OF_ONE_KIB = 512;

    /** Bytes of the longest key that any query has, and of the longest commands: longer calls are not kept. */
    private static final int MAX_KEY_BYTES = 128;

    private static final int MAX_COMMAND_BYTES = Signed.MAX_BYTES;

    private static final long LOG_START_NS = TimeUnit.SECONDS.toNanos(5);

    private static final String BUSY = "it has as many calls on their way as it can";

    private final PipelinedSequencer cluster;
    private final Admission admission;
    private final LongSupplier logStart;
    private long started;
    private long startedNs;

    /** Fair, and a client waits for it with one call at a time: however many calls others have, its turn comes. */
    private final Semaphore room = new Semaphore(MAX_WAITING_KIB, true);

    private final Semaphore roomOfShort = new Semaphore(MAX_SHORT, true);

    private final Map<Peer, Client> clients = new ConcurrentHashMap<>();

    /** Whose calls wait, and who looks at them. */
    private static final class Client {
        private final Semaphore room = new Semaphore(MAX_OF_ONE_KIB);
        private final ExecutorService looks =
                Executors.newSingleThreadExecutor(Thread.ofVirtual().factory());
    }

    /**
     * @param cluster that orders.
     * @param admission of the full node, see {@link LedgerService#admission}.
     * @param logStart from which byte on it has the log, see {@link Member#logStart}.
     */
    public LedgerIngress(PipelinedSequencer cluster, Admission admission, LongSupplier logStart) {
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
            if (submit.commandLength() > MAX_COMMAND_BYTES) {
                unavailable(from, id, "commands have " + MAX_COMMAND_BYTES + " bytes at most");
                return;
            }
            byte[] commands = VarData.copy(submit::wrapCommand);
            int kib = 1 + (commands.length >> 10);
            serve(from, id, kib, () -> submit(commands), (buffer, answer) -> LedgerWire.outcome(buffer, id, answer));
        } else if (header.templateId() == QueryDecoder.TEMPLATE_ID) {
            QueryDecoder query = new QueryDecoder().wrap(in, offset, block, version);
            long id = query.correlationId();
            int subject = query.subjectRaw();
            if (query.keyLength() > MAX_KEY_BYTES) {
                unavailable(from, id, "a key has " + MAX_KEY_BYTES + " bytes at most");
                return;
            }
            byte[] key = VarData.copy(query::wrapKey);
            serve(
                    from,
                    id,
                    1,
                    () -> answer(from, subject, key),
                    (buffer, body) -> LedgerWire.view(buffer, id, 0, cluster.timeMs(), body));
        }
    }

    private interface Encoder<T> {
        int encode(ExpandableArrayBuffer buffer, T answer);
    }

    private <T> void serve(Peer from, long id, int kib, Supplier<CompletableFuture<T>> call, Encoder<T> encoder) {
        Client client = clients.computeIfAbsent(from, peer -> new Client());
        Semaphore its = kib == 1 ? roomOfShort : room;
        if (!client.room.tryAcquire(kib)) {
            unavailable(from, id, BUSY);
            return;
        }
        try {
            client.looks.execute(() -> {
                its.acquireUninterruptibly(kib);
                begin(call).whenComplete((answer, failure) -> {
                    its.release(kib);
                    client.room.release(kib);
                    if (failure == null) {
                        ExpandableArrayBuffer buffer = new ExpandableArrayBuffer(512);
                        int length = encoder.encode(buffer, answer);
                        if (length <= Endpoint.CHUNK_BYTES) {
                            from.offer(buffer, 0, length);
                        } else {
                            unavailable(from, id, "its answer of " + length + " bytes is longer than a message may be");
                        }
                    } else {
                        unavailable(from, id, String.valueOf(failure.getMessage()));
                    }
                });
            });
        } catch (RejectedExecutionException e) {
            // It was lost meanwhile.
            client.room.release(kib);
        }
    }

    private static <T> CompletableFuture<T> begin(Supplier<CompletableFuture<T>> call) {
        try {
            return call.get();
        } catch (RuntimeException e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    @Override
    public void onLost(Peer peer) {
        Client client = clients.remove(peer);
        if (client != null) {
            client.looks.shutdownNow();
        }
    }

    private CompletableFuture<Answer> submit(byte[] commands) {
        String refusal = admission.refusal(commands);
        return refusal == null
                ? cluster.submitLater(commands)
                : CompletableFuture.completedFuture(new Answer(0, cluster.timeMs(), List.of(refusal)));
    }

    private CompletableFuture<byte[]> answer(Peer from, int subject, byte[] key) {
        if (subject == Subject.LOG_START.value()) {
            byte[] start = new CanonicalWriter().putLong(logStart()).toBytes();
            return CompletableFuture.completedFuture(start);
        }
        if (subject >= Query.values().length) {
            throw new IllegalArgumentException("this full node does not know question " + subject);
        }
        Query asked = Query.values()[subject];
        if (asked == Query.ESCROWS && !Arrays.equals(key, from.key())) {
            // A request's hash leads to its receipt, and that to the answer: who has no part in it is not told.
            throw new IllegalArgumentException("only a node itself is told which requests wait for it");
        }
        if (asked == Query.PAYMENTS && !Arrays.equals(key, 0, Math.min(32, key.length), from.key(), 0, 32)) {
            throw new IllegalArgumentException("only an account itself is told what was paid to it");
        }
        return cluster.askLater(asked, key);
    }

    /** Asking the archive costs a session with it: what was heard a moment ago will do. */
    private synchronized long logStart() {
        long now = System.nanoTime();
        if (startedNs == 0 || now - startedNs > LOG_START_NS) {
            started = logStart.getAsLong();
            startedNs = now;
        }
        return started;
    }

    private static void unavailable(Peer to, long id, String why) {
        ExpandableArrayBuffer buffer = new ExpandableArrayBuffer(256);
        to.offer(buffer, 0, LedgerWire.unavailable(buffer, id, why));
    }
}
