package io.plumbline.ledger.cluster;

import io.aeron.Publication;
import io.aeron.cluster.client.AeronCluster;
import io.aeron.cluster.client.EgressListener;
import io.aeron.logbuffer.Header;
import io.aeron.security.AuthenticationException;
import io.plumbline.ledger.order.PipelinedSequencer;
import io.plumbline.ledger.order.Query;
import io.plumbline.transport.Drivers;
import io.plumbline.transport.ledgerwire.MessageHeaderDecoder;
import io.plumbline.transport.ledgerwire.OutcomeDecoder;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.Answer;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongFunction;
import org.agrona.CloseHelper;
import org.agrona.DirectBuffer;
import org.agrona.concurrent.IdleStrategy;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * The ledger's Aeron Cluster as its full nodes see it. Many calls may be on their way at once. When the session is
 * lost or another member leads, what was not answered is sent again, which commands' own ids make safe. One thread
 * keeps the session and does all of that.
 *
 * <p>What the full node asks for itself, its votes and verdicts, goes before what it passes on {@link #forOthers}:
 * however much of that waits, no block waits for it.
 */
public final class ClusterSequencer implements PipelinedSequencer {
    private static final long CALL_TIMEOUT_NS = TimeUnit.SECONDS.toNanos(3);
    private static final long TOTAL_TIMEOUT_NS = TimeUnit.SECONDS.toNanos(30);
    private static final long KEEP_ALIVE_NS = TimeUnit.SECONDS.toNanos(1);

    /** An eighth of it is the longest reply: what an ingress passes on in one message, see Endpoint.CHUNK_BYTES. */
    private static final String EGRESS_TERM = "2m";

    private static final String CLOSED = "This session with the ledger was closed.";

    /** While answers are waited for: what a look at the session costs is little beside what a call costs. */
    private static final long LOOK_NS = 50_000;

    private final String aeronDirectory;
    private final String ingressEndpoints;
    private final String host;
    private final SessionKeys credentials;
    private final ConcurrentLinkedQueue<Call<?>> fresh = new ConcurrentLinkedQueue<>();
    private final Map<Long, Call<?>> waiting = new LinkedHashMap<>();
    private final Deque<Call<?>> unsentOwn = new ArrayDeque<>();
    private final Deque<Call<?>> unsentOfOthers = new ArrayDeque<>();
    private final IdleStrategy idle;
    private final Thread thread;
    private AeronCluster session;
    private long nextId = 1;
    private long keptAliveNs;
    private String lastHeard = "";
    private final HeardTime time = new HeardTime();
    private volatile boolean closed;

    /** Something that is asked, until it is answered. */
    private static final class Call<T> {
        private final LongFunction<UnsafeBuffer> encoder;
        private final Class<T> type;
        private final boolean isOwn;
        private final CompletableFuture<T> done = new CompletableFuture<>();
        private final long endNs = System.nanoTime() + TOTAL_TIMEOUT_NS;
        private long id;
        private long sentNs;
        private UnsafeBuffer message;

        Call(Class<T> type, boolean isOwn, LongFunction<UnsafeBuffer> encoder) {
            this.type = type;
            this.isOwn = isOwn;
            this.encoder = encoder;
        }

        void answer(Object answer) {
            if (type.isInstance(answer)) {
                done.complete(type.cast(answer));
            }
        }
    }

    /**
     * @param aeronDirectory of a running media driver.
     * @param ingressEndpoints see {@link Member#ingressEndpoints}.
     * @param host address at which replies reach this process.
     * @param keys of the full node whose session it is.
     * @param genesisHash of the ledger it is for.
     */
    public ClusterSequencer(
            String aeronDirectory, String ingressEndpoints, String host, KeyPair keys, Bytes32 genesisHash) {
        this.aeronDirectory = aeronDirectory;
        this.idle = Drivers.idle(aeronDirectory);
        this.ingressEndpoints = ingressEndpoints;
        this.host = host;
        this.credentials = new SessionKeys(keys, genesisHash);
        this.thread = Thread.ofPlatform().daemon().name("ledger-session").start(this::run);
    }

    private final class NodeResponder implements EgressListener, LedgerWire.Heard {
        private final MessageHeaderDecoder header = new MessageHeaderDecoder();

        @Override
        public void onMessage(
                long clusterSessionId, long timestamp, DirectBuffer in, int offset, int length, Header h) {
            header.wrap(in, offset);
            if (header.schemaId() == OutcomeDecoder.SCHEMA_ID) {
                int body = offset + MessageHeaderDecoder.ENCODED_LENGTH;
                LedgerWire.read(header.templateId(), in, body, header.blockLength(), header.version(), this);
            }
        }

        /** What was on its way to the one before may never have been ordered. */
        @Override
        public void onNewLeader(long clusterSessionId, long leadershipTermId, int leaderMemberId, String endpoints) {
            sendAgain();
        }

        @Override
        public void answer(long id, Answer answer) {
            time.heard(answer.timeMs());
            reply(id, answer);
        }

        @Override
        public void body(long id, long timeMs, byte[] body) {
            time.heard(timeMs);
            reply(id, body);
        }

        @Override
        public void unavailable(long id, String reason) {
            Call<?> call = waiting.remove(id);
            if (call != null) {
                call.done.completeExceptionally(new IOException("The ledger's leader gives no answer: " + reason));
            }
        }

        private void reply(long id, Object answer) {
            Call<?> call = waiting.remove(id);
            if (call != null) {
                call.answer(answer);
            }
        }
    }

    private void run() {
        while (!closed) {
            try {
                int work = work();
                if (work == 0 && !waiting.isEmpty()) {
                    LockSupport.parkNanos(LOOK_NS);
                } else {
                    idle.idle(work);
                }
            } catch (AuthenticationException e) {
                disconnect();
                fail(new IOException(
                        "The ledger's members open no session for this key: only full nodes have one.", e));
            } catch (RuntimeException e) {
                lastHeard = " Last heard: " + e.getMessage();
                disconnect();
            }
        }
        CloseHelper.quietClose(session);
        fail(new IOException(CLOSED));
    }

    private void fail(IOException why) {
        take();
        for (Collection<Call<?>> calls : List.of(unsentOwn, unsentOfOthers, waiting.values())) {
            calls.forEach(call -> call.done.completeExceptionally(why));
            calls.clear();
        }
    }

    private Deque<Call<?>> unsent(Call<?> call) {
        return call.isOwn ? unsentOwn : unsentOfOthers;
    }

    /** Of which the next call is sent. */
    private Deque<Call<?>> next() {
        return unsentOwn.isEmpty() ? unsentOfOthers : unsentOwn;
    }

    private int take() {
        int taken = 0;
        for (Call<?> call; (call = fresh.poll()) != null; taken++) {
            call.id = nextId++;
            call.message = call.encoder.apply(call.id);
            unsent(call).add(call);
        }
        return taken;
    }

    private int work() {
        int work = take();
        long now = System.nanoTime();
        expire(now);
        if (session == null || session.isClosed()) {
            disconnect();
            if (next().isEmpty()) {
                return work;
            }
            connect();
            // It took its time: what came meanwhile may go first, and what is sent now was not sent before.
            work += take();
            now = System.nanoTime();
        }
        while (!next().isEmpty()) {
            Call<?> next = next().peek();
            int longest = session.ingressPublication().maxMessageLength() - AeronCluster.SESSION_HEADER_LENGTH;
            if (next.message.capacity() > longest) {
                // It would never be taken, and hold up what waits behind it.
                next().poll()
                        .done
                        .completeExceptionally(new IOException(
                                "A call of " + next.message.capacity() + " bytes is longer than the ledger takes."));
                continue;
            }
            long position = session.offer(next.message, 0, next.message.capacity());
            if (position == Publication.CLOSED) {
                disconnect();
                return work;
            }
            if (position < 0) {
                break;
            }
            next.sentNs = now;
            waiting.put(next.id, next().poll());
            work++;
        }
        work += session.pollEgress();
        if (now - keptAliveNs > KEEP_ALIVE_NS) {
            keptAliveNs = now;
            session.sendKeepAlive();
        }
        if (!waiting.isEmpty() && now - waiting.values().iterator().next().sentNs > CALL_TIMEOUT_NS) {
            lastHeard = " It was connected, and said nothing.";
            disconnect();
        }
        return work;
    }

    private void expire(long now) {
        unsentOwn.removeIf(call -> isOver(call, now));
        unsentOfOthers.removeIf(call -> isOver(call, now));
        waiting.values().removeIf(call -> isOver(call, now));
    }

    private boolean isOver(Call<?> call, long now) {
        if (now - call.endNs < 0) {
            return false;
        }
        call.done.completeExceptionally(new IOException("The ledger at " + ingressEndpoints
                + " does not answer. Are a majority of its full nodes running?" + lastHeard));
        return true;
    }

    private void disconnect() {
        CloseHelper.quietClose(session);
        session = null;
        sendAgain();
    }

    /** Puts what was not answered before what was not sent, in the order it came in. */
    private void sendAgain() {
        List.copyOf(waiting.values()).reversed().forEach(call -> unsent(call).addFirst(call));
        waiting.clear();
    }

    private void connect() {
        session = AeronCluster.connect(new AeronCluster.Context()
                .aeronDirectoryName(aeronDirectory)
                .egressListener(new NodeResponder())
                .egressChannel("aeron:udp?endpoint=" + host + ":0|term-length=" + EGRESS_TERM)
                .ingressChannel("aeron:udp?term-length=1m")
                .ingressEndpoints(ingressEndpoints)
                .messageTimeoutNs(CALL_TIMEOUT_NS)
                .credentialsSupplier(credentials)
                .errorHandler(e -> {}));
    }

    @Override
    public CompletableFuture<Answer> submitLater(byte[] signed) {
        return submitLater(signed, true);
    }

    @Override
    public CompletableFuture<byte[]> askLater(Query query, byte[] key) {
        return askLater(query, key, true);
    }

    private CompletableFuture<Answer> submitLater(byte[] signed, boolean isOwn) {
        return begin(new Call<>(Answer.class, isOwn, id -> LedgerWire.submit(id, signed)));
    }

    private CompletableFuture<byte[]> askLater(Query query, byte[] key, boolean isOwn) {
        return begin(new Call<>(byte[].class, isOwn, id -> LedgerWire.query(id, query, key)));
    }

    /** The same session for what strangers ask: it goes behind what the full node asks itself. */
    public PipelinedSequencer forOthers() {
        return new PipelinedSequencer() {
            @Override
            public CompletableFuture<Answer> submitLater(byte[] signed) {
                return ClusterSequencer.this.submitLater(signed, false);
            }

            @Override
            public CompletableFuture<byte[]> askLater(Query query, byte[] key) {
                return ClusterSequencer.this.askLater(query, key, false);
            }

            @Override
            public long timeMs() {
                return ClusterSequencer.this.timeMs();
            }

            /** The session is the full node's, which closes it. */
            @Override
            public void close() {}
        };
    }

    private <T> CompletableFuture<T> begin(Call<T> call) {
        fresh.add(call);
        LockSupport.unpark(thread);
        if (closed) {
            call.done.completeExceptionally(new IOException(CLOSED));
        }
        return call.done;
    }

    @Override
    public long timeMs() {
        return time.nowMs();
    }

    @Override
    public void close() {
        closed = true;
        LockSupport.unpark(thread);
        try {
            thread.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
