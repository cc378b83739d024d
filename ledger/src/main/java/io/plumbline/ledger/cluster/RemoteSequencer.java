package io.plumbline.ledger.cluster;

import io.aeron.Aeron;
import io.plumbline.ledger.order.Query;
import io.plumbline.ledger.order.Sequencer;
import io.plumbline.transport.Drivers;
import io.plumbline.transport.Endpoint;
import io.plumbline.transport.Identity;
import io.plumbline.transport.Peer;
import io.plumbline.transport.VarData;
import io.plumbline.transport.ledgerwire.OutcomeDecoder;
import io.plumbline.transport.ledgerwire.Subject;
import io.plumbline.transport.ledgerwire.UnavailableDecoder;
import io.plumbline.transport.sessionwire.MessageHeaderDecoder;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.receipt.Answer;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongFunction;
import org.agrona.CloseHelper;
import org.agrona.DirectBuffer;
import org.agrona.ErrorHandler;
import org.agrona.concurrent.AgentRunner;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * The ledger as clients see it: by encrypted sessions with the ingresses of its full nodes, of which one is enough.
 * Where one does not answer soon, the next is asked the same as well, which commands' own ids make safe, and the
 * first answer counts.
 */
public final class RemoteSequencer implements Sequencer {
    /** Without an answer for so long, the next ingress is asked as well. */
    private static final long NEXT_DOOR_MS = 1_000;

    /** An ingress that has let one wait is not turned to for so long, while another is there. */
    private static final long SILENT_NS = TimeUnit.SECONDS.toNanos(30);

    private static final long PAUSE_MS = 100;
    private static final long TOTAL_TIMEOUT_NS = TimeUnit.SECONDS.toNanos(30);

    private final List<IngressAddress> ingresses;
    private final Aeron aeron;
    private final Endpoint endpoint;
    private final AgentRunner runner;
    /** Numbers of calls: only the full nodes that were asked can know one. */
    private final SecureRandom random = new SecureRandom();

    private final Map<Long, Call<?>> calls = new ConcurrentHashMap<>();

    /** Which ingress is asked first: one that answers, and has not been found out. */
    private final AtomicInteger ingress;

    /** When ingresses that have not answered since did not: to turn to one of them costs every caller a wait. */
    private final Map<Integer, Long> silentNs = new ConcurrentHashMap<>();

    private final ThreadLocal<Integer> answered = ThreadLocal.withInitial(() -> 0);
    private final long timeoutNs;
    private final HeardTime time = new HeardTime();

    /** Something that is asked, until one of the ingresses has answered. */
    private static final class Call<T> {
        private final Class<T> type;
        private T answer;
        private final Map<Peer, Integer> allAsked = new HashMap<>();
        private Peer asked;
        private int answeredBy;
        private boolean isRefused;
        private String why = "";

        Call(Class<T> type) {
            this.type = type;
        }

        synchronized void asks(Peer ingress, int place) {
            asked = ingress;
            allAsked.put(ingress, place);
            isRefused = false;
        }

        /** Takes a reply; one of a full node that was not asked counts for nothing. @return whether it counts. */
        synchronized boolean answer(Peer by, Object reply) {
            boolean counts = answer == null && allAsked.containsKey(by) && type.isInstance(reply);
            if (counts) {
                answer = type.cast(reply);
                answeredBy = allAsked.get(by);
                notifyAll();
            }
            return counts;
        }

        /** The next is as good. */
        synchronized void cannotAsk(String reason) {
            why = " Last heard: " + reason;
            isRefused = true;
        }

        synchronized void refuse(Peer by, String reason) {
            if (by == asked) {
                why = " Last heard, of " + by.address() + ": " + reason + ".";
                isRefused = true;
                notifyAll();
            }
        }

        /** The answer; null where the ingress that was asked last refuses, or lets one wait. */
        synchronized T await() throws InterruptedException {
            long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(NEXT_DOOR_MS);
            for (long left; answer == null && !isRefused && (left = end - System.nanoTime()) > 0; ) {
                TimeUnit.NANOSECONDS.timedWait(this, left);
            }
            return answer;
        }

        /** Which of the ingresses has answered: perhaps one that was asked before the last. */
        synchronized int answeredBy() {
            return answeredBy;
        }

        /** Whether the ingress that was asked last has said nothing. */
        synchronized boolean isSilent() {
            return answer == null && !isRefused;
        }

        synchronized String why() {
            return why;
        }
    }

    private final class NodeResponder implements Endpoint.Receiver {
        @Override
        public void onMessage(Peer from, MessageHeaderDecoder header, DirectBuffer in, int offset) {
            if (header.templateId() == UnavailableDecoder.TEMPLATE_ID) {
                UnavailableDecoder unavailable =
                        new UnavailableDecoder().wrap(in, offset, header.blockLength(), header.version());
                Call<?> call = calls.get(unavailable.correlationId());
                if (call != null) {
                    call.refuse(from, new String(VarData.copy(unavailable::wrapReason), StandardCharsets.UTF_8));
                }
            } else {
                LedgerWire.read(
                        header.templateId(), in, offset, header.blockLength(), header.version(), new Reply(from));
            }
        }

        @Override
        public void onLost(Peer peer) {
            calls.values().forEach(call -> call.refuse(peer, peer.lost()));
        }
    }

    /** What one full node replies. */
    private final class Reply implements LedgerWire.Heard {
        private final Peer from;

        Reply(Peer from) {
            this.from = from;
        }

        @Override
        public void answer(long id, Answer answer) {
            reply(id, answer.timeMs(), answer);
        }

        @Override
        public void body(long id, long timeMs, byte[] body) {
            reply(id, timeMs, body);
        }

        private void reply(long id, long timeMs, Object answer) {
            Call<?> call = calls.get(id);
            if (call != null && call.answer(from, answer)) {
                time.heard(timeMs);
            }
        }
    }

    /**
     * @param aeronDirectory of a running media driver.
     * @param host address at which replies reach this process.
     * @param keys that this side shows.
     * @param ingresses of the full nodes; which one is asked first is for the key to say, so that not all ask the same.
     */
    public RemoteSequencer(String aeronDirectory, String host, KeyPair keys, List<IngressAddress> ingresses) {
        this(aeronDirectory, host, keys, ingresses, e -> {});
    }

    /** @param errors hears what goes wrong with its client of the driver; callers hear that nobody answers. */
    public RemoteSequencer(
            String aeronDirectory, String host, KeyPair keys, List<IngressAddress> ingresses, ErrorHandler errors) {
        this(aeronDirectory, host, keys, ingresses, TOTAL_TIMEOUT_NS, errors);
    }

    /** With another longest wait for an answer. */
    public RemoteSequencer(
            String aeronDirectory, String host, KeyPair keys, List<IngressAddress> ingresses, long timeoutNs) {
        this(aeronDirectory, host, keys, ingresses, timeoutNs, e -> {});
    }

    private RemoteSequencer(
            String aeronDirectory,
            String host,
            KeyPair keys,
            List<IngressAddress> ingresses,
            long timeoutNs,
            ErrorHandler errors) {
        this.timeoutNs = timeoutNs;
        this.ingresses = List.copyOf(ingresses);
        this.ingress = new AtomicInteger(Math.floorMod(keys.publicKey().hashCode(), ingresses.size()));
        this.aeron = Drivers.connect(aeronDirectory, errors);
        this.endpoint = new Endpoint(
                aeron,
                host,
                0,
                new Identity(keys::sign, keys.publicKey().bytes()),
                new Endpoint.Protocol(OutcomeDecoder.SCHEMA_ID, OutcomeDecoder.SCHEMA_VERSION, new NodeResponder()));
        this.runner = new AgentRunner(Drivers.idle(aeronDirectory), errors, null, endpoint);
        AgentRunner.startOnThread(runner);
    }

    @Override
    public Answer submit(byte[] signed) throws IOException {
        return call(Answer.class, id -> LedgerWire.submit(id, signed));
    }

    @Override
    public byte[] ask(Query query, byte[] key) throws IOException {
        return call(byte[].class, id -> LedgerWire.query(id, query, key));
    }

    /** From which byte on a full node has the log. */
    long logStart() throws IOException {
        byte[] body = call(byte[].class, id -> LedgerWire.query(id, Subject.LOG_START, new byte[0]));
        return new CanonicalReader(body, "log start").getLong("position");
    }

    private <T> T call(Class<T> type, LongFunction<UnsafeBuffer> encoder) throws IOException {
        Call<T> call = new Call<>(type);
        long id = random.nextLong();
        while (calls.putIfAbsent(id, call) != null) {
            id = random.nextLong();
        }
        UnsafeBuffer message = encoder.apply(id);
        long end = System.nanoTime() + timeoutNs;
        int first = ingress.get();
        try {
            for (int attempt = 0; System.nanoTime() - end < 0; attempt++) {
                int asked = (first + attempt) % ingresses.size();
                if (attempt > 0 && asked == first) {
                    // None of them would: not at once again.
                    TimeUnit.MILLISECONDS.sleep(PAUSE_MS);
                }
                ask(call, asked, message);
                T answer = call.await();
                if (answer != null) {
                    int by = call.answeredBy();
                    silentNs.remove(by);
                    answered.set(by);
                    // Not where it has been distrusted meanwhile: an answer on its way would bring a liar back.
                    ingress.compareAndSet(first, by);
                    return answer;
                }
                if (call.isSilent()) {
                    silentNs.put(asked, System.nanoTime());
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("Interrupted while the ledger was asked.", e);
        } finally {
            calls.remove(id);
        }
        throw new IOException("The ledger does not answer at "
                + ingresses.stream().map(IngressAddress::address).toList()
                + ". Are a majority of its full nodes running?" + call.why());
    }

    private void ask(Call<?> call, int place, UnsafeBuffer message) {
        IngressAddress at = ingresses.get(place);
        Peer peer;
        try {
            peer = endpoint.connect(at.host(), at.port(), at.key().bytes());
        } catch (IllegalArgumentException e) {
            call.cannotAsk(e.getMessage());
            return;
        }
        call.asks(peer, place);
        // Never waits: there are other ingresses.
        if (!peer.offer(message, 0, message.capacity())) {
            call.refuse(peer, "too much waits to be sent there");
        } else if (peer.lost() != null) {
            call.refuse(peer, peer.lost());
        }
    }

    @Override
    public void distrust() {
        distrust(asked());
    }

    @Override
    public int asked() {
        return ingress.get();
    }

    @Override
    public int answered() {
        return answered.get();
    }

    @Override
    public int fullNodes() {
        return ingresses.size();
    }

    @Override
    public void prefer(int one, int over) {
        ingress.compareAndSet(over, one);
    }

    @Override
    public void distrust(int asked) {
        int next = (asked + 1) % ingresses.size();
        for (int i = 1; i < ingresses.size(); i++) {
            int one = (asked + i) % ingresses.size();
            if (!isSilent(one)) {
                next = one;
                break;
            }
        }
        ingress.compareAndSet(asked, next);
    }

    private boolean isSilent(int one) {
        Long since = silentNs.get(one);
        return since != null && System.nanoTime() - since < SILENT_NS;
    }

    @Override
    public long timeMs() {
        return time.nowMs();
    }

    @Override
    public void close() {
        CloseHelper.closeAll(runner, aeron);
    }
}
