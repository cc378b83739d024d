package io.plumbline.transport;

import io.aeron.Aeron;
import io.aeron.ExclusivePublication;
import io.aeron.FragmentAssembler;
import io.aeron.Publication;
import io.aeron.Subscription;
import io.aeron.logbuffer.Header;
import io.plumbline.transport.nodewire.HelloDecoder;
import io.plumbline.transport.nodewire.HelloEncoder;
import io.plumbline.transport.nodewire.MessageHeaderDecoder;
import io.plumbline.transport.nodewire.MessageHeaderEncoder;
import io.plumbline.transport.nodewire.PartDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.agrona.DirectBuffer;
import org.agrona.concurrent.Agent;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * One side of node-wire sessions, as a duty-cycle agent: receives whole messages and sends what others hand it, with back-pressure. A
 * session's first message is a Hello that says where replies go; a message of a session without one comes from nobody.
 *
 * <p>All Aeron calls are made by the agent's thread. {@link Peer#send} may be called by any other thread and blocks while
 * {@link #MAX_QUEUED_BYTES} wait to be sent.
 */
public final class Endpoint implements Agent, AutoCloseable {
    /** Bytes that may wait to be sent, over all peers. */
    public static final int MAX_QUEUED_BYTES = 8 << 20;

    /** Bytes of one piece of an opening, and of a message that is sent in parts. */
    public static final int CHUNK_BYTES = 256 << 10;

    /** The largest message. */
    public static final int MAX_MESSAGE_BYTES = Parts.MAX_MESSAGE_BYTES;

    /** An opening's piece with what stands around it is not split again. */
    private static final int SLACK_BYTES = 1 << 10;

    private static final int STREAM_ID = 1001;
    private static final int FRAGMENTS_PER_POLL = 16;
    private static final long GIVE_UP_NS = TimeUnit.SECONDS.toNanos(10);

    private final Aeron aeron;
    private final String host;
    private final Subscription subscription;
    private final Receiver receiver;
    private final FragmentAssembler assembler = new FragmentAssembler(this::onFrame);
    private final Map<Integer, Peer> bySession = new HashMap<>();
    private final Map<String, Peer> byAddress = new HashMap<>();
    private final ConcurrentLinkedQueue<Runnable> tasks = new ConcurrentLinkedQueue<>();
    private final Semaphore room = new Semaphore(MAX_QUEUED_BYTES);
    private volatile long dropped;
    private final MessageHeaderDecoder header = new MessageHeaderDecoder();
    private final HelloDecoder hello = new HelloDecoder();
    private final UnsafeBuffer message = new UnsafeBuffer(0, 0);
    private final Parts parts = new Parts();
    private final AtomicLong messageIds = new AtomicLong();

    /** Hears every message but Hello, on the agent's thread. */
    @FunctionalInterface
    public interface Receiver {
        /**
         * @param from who sent it; replies may be sent to it. Null where the session began without a Hello.
         * @param header decoded message header.
         * @param buffer holds the message's body at {@code offset}; valid only during the call.
         */
        void onMessage(Peer from, MessageHeaderDecoder header, DirectBuffer buffer, int offset);
    }

    /**
     * @param host address to listen on and to be reached at.
     * @param port UDP port, or 0 for any free one.
     */
    public Endpoint(Aeron aeron, String host, int port, Receiver receiver) {
        this.aeron = aeron;
        this.host = host;
        this.receiver = receiver;
        this.subscription = aeron.addSubscription(
                "aeron:udp?endpoint=" + host + ":" + port,
                STREAM_ID,
                null,
                image -> tasks.add(() -> parts.forget(image.sessionId())));
    }

    /** The port it listens on. Waits until the driver has bound it. */
    public int port() {
        long deadline = System.nanoTime() + GIVE_UP_NS;
        String resolved;
        while ((resolved = subscription.resolvedEndpoint()) == null) {
            if (System.nanoTime() > deadline) {
                throw new IllegalStateException("The media driver has not bound " + subscription.channel() + ".");
            }
            Thread.onSpinWait();
        }
        return Integer.parseInt(resolved.substring(resolved.lastIndexOf(':') + 1));
    }

    /** Someone to send to. */
    public final class Peer {
        private final String address;
        private final ExclusivePublication publication;
        private final Deque<UnsafeBuffer> queue = new ArrayDeque<>();
        private long blockedSince;

        private Peer(String address) {
            this.address = address;
            // Loopback carries larger datagrams than Ethernet: worth four times the rate for openings.
            boolean loopback = address.startsWith("localhost:") || address.startsWith("127.");
            this.publication = aeron.addExclusivePublication(
                    "aeron:udp?endpoint=" + address + (loopback ? "|mtu=8192" : ""), STREAM_ID);
        }

        /**
         * Copies and queues a message; waits while too much is queued.
         *
         * @throws IllegalArgumentException where it is larger than {@link #MAX_MESSAGE_BYTES}.
         */
        public void send(DirectBuffer buffer, int offset, int length) {
            if (length <= CHUNK_BYTES + SLACK_BYTES) {
                queue(buffer, offset, length);
            } else {
                Parts.split(messageIds.getAndIncrement(), buffer, offset, length, CHUNK_BYTES, this::queue);
            }
        }

        private void queue(DirectBuffer buffer, int offset, int length) {
            UnsafeBuffer copy = new UnsafeBuffer(new byte[length]);
            copy.putBytes(0, buffer, offset, length);
            room.acquireUninterruptibly(length);
            tasks.add(() -> queue.add(copy));
        }

        public String address() {
            return address;
        }

        private int drain() {
            int sent = 0;
            while (!queue.isEmpty()) {
                UnsafeBuffer next = queue.peek();
                long position = publication.offer(next, 0, next.capacity());
                if (position < 0 && !giveUp(position)) {
                    break;
                }
                blockedSince = 0;
                queue.poll();
                room.release(next.capacity());
                sent++;
            }
            return sent;
        }

        /** Back-pressure and a peer not there yet are waited for, up to a bound; then the message is dropped. */
        private boolean giveUp(long result) {
            if (result == Publication.CLOSED || result == Publication.MAX_POSITION_EXCEEDED) {
                return true;
            }
            long now = System.nanoTime();
            if (blockedSince == 0) {
                blockedSince = now;
            }
            return now - blockedSince > GIVE_UP_NS;
        }
    }

    /** A peer to which Hello is said first. May be called by any thread but the agent's. */
    public Peer connect(String peerHost, int peerPort) {
        String address = peerHost + ":" + peerPort;
        java.util.concurrent.CompletableFuture<Peer> opened = new java.util.concurrent.CompletableFuture<>();
        int replyPort = port();
        tasks.add(() -> {
            try {
                opened.complete(open(address, replyPort));
            } catch (RuntimeException e) {
                opened.completeExceptionally(e);
            }
        });
        return opened.join();
    }

    private Peer open(String address, int replyPort) {
        Peer known = byAddress.get(address);
        if (known != null) {
            return known;
        }
        Peer peer = new Peer(address);
        byAddress.put(address, peer);
        UnsafeBuffer buffer = new UnsafeBuffer(new byte[64 + host.length() * 4]);
        HelloEncoder encoder = new HelloEncoder().wrapAndApplyHeader(buffer, 0, new MessageHeaderEncoder());
        encoder.port(replyPort).host(host);
        int length = MessageHeaderEncoder.ENCODED_LENGTH + encoder.encodedLength();
        room.acquireUninterruptibly(length);
        UnsafeBuffer copy = new UnsafeBuffer(new byte[length]);
        copy.putBytes(0, buffer, 0, length);
        peer.queue.add(copy);
        return peer;
    }

    /** A message that is not what its header says is dropped: a stranger's mistake is not this side's. */
    private void onFrame(DirectBuffer buffer, int offset, int length, Header aeronHeader) {
        try {
            onMessage(buffer, offset, length, aeronHeader.sessionId(), false);
        } catch (IndexOutOfBoundsException | IllegalArgumentException e) {
            dropped++;
        }
    }

    /** Malformed messages that were dropped. */
    public long dropped() {
        return dropped;
    }

    private void onMessage(DirectBuffer buffer, int offset, int length, int session, boolean isWhole) {
        if (length < MessageHeaderDecoder.ENCODED_LENGTH) {
            return;
        }
        // Nothing beyond the message can be read through this.
        message.wrap(buffer, offset, length);
        header.wrap(message, 0);
        if (header.schemaId() != HelloDecoder.SCHEMA_ID || header.version() > HelloDecoder.SCHEMA_VERSION) {
            return;
        }
        int body = MessageHeaderDecoder.ENCODED_LENGTH;
        if (header.templateId() == HelloDecoder.TEMPLATE_ID) {
            hello.wrap(message, body, header.blockLength(), header.version());
            int port = hello.port();
            String peerHost = new String(VarData.copy(hello::wrapHost), StandardCharsets.UTF_8);
            // An address becomes part of a channel: nothing but a host name and a port may.
            if (port > 0 && port < 65_536 && peerHost.matches("[A-Za-z0-9.:\\[\\]-]{1,255}")) {
                String address = peerHost + ":" + port;
                bySession.put(session, byAddress.computeIfAbsent(address, Peer::new));
            }
            return;
        }
        if (header.templateId() == PartDecoder.TEMPLATE_ID) {
            // What was put together of parts is no part again.
            byte[] whole = isWhole ? null : parts.add(session, message, body, header.blockLength(), header.version());
            if (whole != null) {
                onMessage(new UnsafeBuffer(whole), 0, whole.length, session, true);
            }
            return;
        }
        receiver.onMessage(bySession.get(session), header, message, body);
    }

    @Override
    public int doWork() {
        int work = 0;
        Runnable task;
        while ((task = tasks.poll()) != null) {
            task.run();
            work++;
        }
        for (Peer peer : byAddress.values()) {
            work += peer.drain();
        }
        return work + subscription.poll(assembler, FRAGMENTS_PER_POLL);
    }

    @Override
    public String roleName() {
        return "node-wire";
    }

    @Override
    public void onClose() {
        close();
    }

    @Override
    public void close() {
        subscription.close();
        byAddress.values().forEach(peer -> peer.publication.close());
    }
}
