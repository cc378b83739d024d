package io.plumbline.transport;

import io.aeron.Aeron;
import io.aeron.FragmentAssembler;
import io.aeron.Image;
import io.aeron.Subscription;
import io.aeron.exceptions.AeronException;
import io.aeron.logbuffer.FragmentHandler;
import io.aeron.logbuffer.Header;
import io.plumbline.transport.sessionwire.CarryDecoder;
import io.plumbline.transport.sessionwire.EndDecoder;
import io.plumbline.transport.sessionwire.GreetDecoder;
import io.plumbline.transport.sessionwire.MessageHeaderDecoder;
import io.plumbline.transport.sessionwire.PartDecoder;
import io.plumbline.transport.sessionwire.PingDecoder;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import javax.net.ssl.SSLException;
import org.agrona.DirectBuffer;
import org.agrona.concurrent.Agent;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * One side of sessions, as a duty-cycle agent: whoever begins one knows the key of the other, both show their own
 * (TLS 1.3), and whole messages go either way, with back-pressure, until one side ends it or is not heard any more.
 *
 * <p>Each session has a number, drawn by whoever begins it, and its records travel in Aeron messages, one publication
 * each way: so they are in order and none is lost while both processes live. Replies go to the host that a session's
 * frames come from, and to no other. All Aeron and TLS calls are made by the agent's thread.
 */
public final class Endpoint implements Agent, AutoCloseable {
    /** Bytes of one piece of an opening, and of a message that is sent in parts. */
    public static final int CHUNK_BYTES = 256 << 10;

    /** The largest message. */
    public static final int MAX_MESSAGE_BYTES = Parts.MAX_MESSAGE_BYTES;

    /** An opening's piece with what stands around it is not split again. */
    static final int SLACK_BYTES = 1 << 10;

    private static final int STREAM_ID = 1001;
    private static final int FRAGMENTS_PER_POLL = 16;
    private static final long GIVE_UP_NS = TimeUnit.SECONDS.toNanos(10);

    /** From one look at what has become overdue to the next. */
    private static final long LOOK_NS = TimeUnit.MILLISECONDS.toNanos(250);

    private static final int MAX_REASON_CHARS = 200;
    private static final String CLOSED = "This endpoint is closed.";

    private final Aeron aeron;
    private final InetAddress host;
    private final Identity identity;
    private final Subscription subscription;
    private final Map<Integer, Protocol> protocols = new HashMap<>();
    private final FragmentAssembler assembler = new FragmentAssembler(this::onFrame);
    private final FragmentHandler fragments = this::onFragment;
    private final Map<Long, Peer> bySession = new LinkedHashMap<>();
    private final Map<String, Peer> called = new ConcurrentHashMap<>();
    private final Places places = new Places();
    private final ConcurrentLinkedQueue<Runnable> tasks = new ConcurrentLinkedQueue<>();
    private final SecureRandom random = new SecureRandom();
    private final MessageHeaderDecoder header = new MessageHeaderDecoder();
    private final GreetDecoder greet = new GreetDecoder();
    private final CarryDecoder carry = new CarryDecoder();
    private final Parts parts = new Parts();
    private final ByteBuffer plain = ByteBuffer.allocate(Peer.frameBytes());
    private final ByteBuffer sealed = ByteBuffer.allocate(Peer.frameBytes());
    private long lookedNs;
    private volatile long dropped;
    private volatile int sessions;
    private volatile Thread thread;
    private volatile boolean isClosed;

    /** Hears messages of one schema, on the agent's thread. */
    @FunctionalInterface
    public interface Receiver {
        /**
         * Takes a message. Where it throws, the message was not what the schema says, and its sender's session is
         * ended.
         *
         * @param from who sent it; replies may be sent to it.
         * @param header decoded message header, whose layout all schemas share.
         * @param buffer holds the message's body at {@code offset} and nothing after it; valid only during the call.
         */
        void onMessage(Peer from, MessageHeaderDecoder header, DirectBuffer buffer, int offset);

        /** A session has ended: nothing more comes of it, and what was sent last may not have arrived. */
        default void onLost(Peer peer) {
            // Many wait for nothing.
        }
    }

    /** Messages of a schema up to a version, and who hears them. */
    public record Protocol(int schemaId, int version, Receiver receiver) {}

    /**
     * @param host address to listen on and to be reached at, or a name for it.
     * @param port UDP port, or 0 for any free one.
     * @param identity that this side shows.
     * @throws IllegalArgumentException where the host's name cannot be resolved.
     */
    public Endpoint(Aeron aeron, String host, int port, Identity identity, Protocol... protocols) {
        this.aeron = aeron;
        this.host = Addresses.resolve(host);
        this.identity = identity;
        for (Protocol protocol : protocols) {
            this.protocols.put(protocol.schemaId, protocol);
        }
        this.subscription = aeron.addSubscription(
                "aeron:udp?endpoint=" + Addresses.text(this.host, port),
                STREAM_ID,
                image -> task(() -> {
                    places.add(image, System.nanoTime());
                    makeRoom();
                }),
                image -> task(() -> {
                    places.remove(image);
                    assembler.freeSessionBuffer(image.sessionId());
                }));
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

    /**
     * The session with whoever has {@code key} at an address, which is begun where there is none. What is sent waits
     * until the other side has shown that key; where it does not, the session is lost. May be called by any thread
     * but the agent's.
     *
     * @param peerHost address, or a name, which is resolved on the caller's thread: none that a stranger has given.
     * @param key Ed25519, 32 bytes.
     * @throws IllegalArgumentException where there can be nobody: the name cannot be resolved, or the address is none
     *     that can be sent to.
     */
    public Peer connect(String peerHost, int peerPort, byte[] key) {
        if (peerPort < 1 || peerPort > 65_535) {
            throw new IllegalArgumentException(peerHost + ":" + peerPort + " has no port from 1 to 65535.");
        }
        String name = peerHost + ":" + peerPort + " " + HexFormat.of().formatHex(key);
        Peer known = called.get(name);
        if (known != null && known.lost() == null) {
            return known;
        }
        InetAddress address = Addresses.resolve(peerHost);
        CompletableFuture<Peer> opened = new CompletableFuture<>();
        Peer.Own own = new Peer.Own(host, port());
        task(() -> {
            try {
                opened.complete(open(name, address, peerPort, key, own));
            } catch (AeronException e) {
                opened.completeExceptionally(new IllegalArgumentException(
                        peerHost + ":" + peerPort + " cannot be sent to: " + e.getMessage(), e));
            } catch (SSLException | RuntimeException e) {
                opened.completeExceptionally(e);
            }
        });
        if (isClosed) {
            // There may be no agent any more to run it.
            opened.completeExceptionally(new IllegalStateException(CLOSED));
        }
        try {
            return opened.join();
        } catch (java.util.concurrent.CompletionException e) {
            throw e.getCause() instanceof RuntimeException why ? why : e;
        }
    }

    private Peer open(String name, InetAddress address, int port, byte[] key, Peer.Own own) throws SSLException {
        Peer known = called.get(name);
        if (known != null && known.lost() == null) {
            return known;
        }
        if (isClosed) {
            throw new IllegalStateException(CLOSED);
        }
        TlsLink link = identity.to(key);
        link.begin();
        Peer peer = new Peer(random.nextLong(), address, port, link, aeron, STREAM_ID, own, true, this::task);
        bySession.put(peer.session(), peer);
        called.put(name, peer);
        return peer;
    }

    /** What comes of a sender whose place was taken is not put together first. */
    private void onFragment(DirectBuffer buffer, int offset, int length, Header aeronHeader) {
        Image image = (Image) aeronHeader.context();
        places.add(image, System.nanoTime());
        if (places.isThere(image)) {
            assembler.onFragment(buffer, offset, length, aeronHeader);
        }
    }

    /** A frame that is not what its header says is dropped: a stranger's mistake is not this side's. */
    private void onFrame(DirectBuffer buffer, int offset, int length, Header aeronHeader) {
        Image image = (Image) aeronHeader.context();
        try {
            // Nothing beyond the frame can be read through this.
            UnsafeBuffer frame = new UnsafeBuffer(buffer, offset, length);
            header.wrap(frame, 0);
            boolean isKnown =
                    header.schemaId() == GreetDecoder.SCHEMA_ID && header.version() <= GreetDecoder.SCHEMA_VERSION;
            int body = MessageHeaderDecoder.ENCODED_LENGTH;
            if (isKnown && header.templateId() == GreetDecoder.TEMPLATE_ID) {
                onGreet(image, greet.wrap(frame, body, header.blockLength(), header.version()));
            } else if (isKnown && header.templateId() == CarryDecoder.TEMPLATE_ID) {
                carry.wrap(frame, body, header.blockLength(), header.version());
                Peer peer = bySession.get(carry.session());
                if (peer != null && places.isOf(image, peer)) {
                    receive(peer, VarData.copy(carry::wrapRecords));
                }
            }
        } catch (IndexOutOfBoundsException | IllegalArgumentException | AeronException e) {
            dropped++;
        }
    }

    /** Sessions that there are. */
    public int sessions() {
        return sessions;
    }

    /** Bytes of messages that have not come as a whole. */
    long heldBytes() {
        return parts.bytes();
    }

    /** Malformed messages that were dropped. */
    public long dropped() {
        return dropped;
    }

    /** A publication carries one session. Whoever greets twice by it loses both. */
    private void onGreet(Image image, GreetDecoder from) {
        long session = from.session();
        int port = from.port();
        byte[] records = VarData.copy(from::wrapRecords);
        Peer before = places.peer(image);
        if (before != null) {
            lose(before, "it has greeted twice");
            return;
        }
        InetAddress address = Places.addressOf(image.sourceIdentity());
        boolean isSound = port > 0 && port < 65_536 && TlsLink.isHandshake(records);
        if (isSound && !bySession.containsKey(session) && places.isThere(image)) {
            Peer.Own own = new Peer.Own(host, 0);
            Peer peer = new Peer(session, address, port, identity.from(), aeron, STREAM_ID, own, false, this::task);
            bySession.put(session, peer);
            places.take(image, peer);
            receive(peer, records);
        } else {
            vacate(List.of(image));
        }
    }

    /** Nothing more is heard by these, and what was not put together yet is dropped. */
    private void vacate(List<Image> images) {
        for (Image image : images) {
            places.vacate(image);
            assembler.freeSessionBuffer(image.sessionId());
        }
    }

    private void receive(Peer peer, byte[] records) {
        plain.clear();
        boolean wasOpen = peer.isOpen();
        try {
            if (!peer.receive(ByteBuffer.wrap(records), plain)) {
                lose(peer, peer.farewell());
            }
        } catch (SSLException e) {
            lose(peer, reason(e));
        } catch (RuntimeException e) {
            // Whatever a stranger's bytes do to the handshake, they do to this session only.
            lose(peer, String.valueOf(e));
        }
        if (peer.isOpen() && !wasOpen) {
            makeRoom();
        }
        plain.flip();
        // Nothing more comes of a session that has ended: what was held of it is forgotten by now.
        if (plain.hasRemaining() && peer.isOpen() && bySession.get(peer.session()) == peer) {
            byte[] message = Arrays.copyOf(plain.array(), plain.limit());
            try {
                onMessage(peer, new UnsafeBuffer(message), false);
            } catch (RuntimeException e) {
                dropped++;
                end(peer, "it has sent what cannot be read: " + e.getMessage());
            }
        }
    }

    private static String reason(Throwable e) {
        Throwable cause = e;
        while (cause.getCause() != null) {
            cause = cause.getCause();
        }
        return String.valueOf(cause.getMessage());
    }

    private void onMessage(Peer peer, UnsafeBuffer message, boolean isWhole) {
        header.wrap(message, 0);
        int body = MessageHeaderDecoder.ENCODED_LENGTH;
        if (header.schemaId() == PartDecoder.SCHEMA_ID) {
            if (header.templateId() == PingDecoder.TEMPLATE_ID) {
                peer.pong();
            } else if (header.templateId() == PartDecoder.TEMPLATE_ID && !isWhole) {
                // What was put together of parts is no part again.
                onPart(peer, message, body);
            } else if (header.templateId() == EndDecoder.TEMPLATE_ID) {
                EndDecoder end = new EndDecoder().wrap(message, body, header.blockLength(), header.version());
                String reason = new String(VarData.copy(end::wrapReason), StandardCharsets.UTF_8);
                peer.hear(reason.substring(0, Math.min(reason.length(), MAX_REASON_CHARS))
                        .replaceAll("\\p{C}", "?"));
            }
            return;
        }
        Protocol protocol = protocols.get(header.schemaId());
        if (protocol != null && header.version() <= protocol.version) {
            protocol.receiver.onMessage(peer, header, message, body);
        }
    }

    private void onPart(Peer peer, UnsafeBuffer message, int body) {
        byte[] whole =
                parts.add(peer.session(), message, body, header.blockLength(), header.version(), System.nanoTime());
        if (whole != null) {
            onMessage(peer, new UnsafeBuffer(whole), true);
        }
        end(parts.greediest(), "it holds the most of what all have not finished sending, which is too much");
    }

    /** The same of what parts of messages are held of; null for none. */
    private void end(Long session, String why) {
        Peer peer = session == null ? null : bySession.get(session);
        if (peer != null) {
            end(peer, why);
        } else if (session != null) {
            parts.forget(session);
        }
    }

    /** Ends a session for what the other side did, and tells it. */
    private void end(Peer peer, String why) {
        peer.tell(why.substring(0, Math.min(why.length(), MAX_REASON_CHARS)));
        lose(peer, why);
    }

    private void lose(Peer peer, String why) {
        if (bySession.remove(peer.session()) != null) {
            peer.lose(why, sealed);
            called.values().remove(peer);
            parts.forget(peer.session());
            vacate(places.images(peer));
            protocols.values().forEach(protocol -> protocol.receiver.onLost(peer));
        }
    }

    /** Whoever is let in may cost another its place. */
    private void makeRoom() {
        Image surplus = places.surplus();
        if (surplus == null) {
            return;
        }
        Peer peer = places.peer(surplus);
        if (peer == null) {
            vacate(List.of(surplus));
        } else {
            end(peer, "its host holds the most places, and others have come");
        }
    }

    /** Has the agent's thread do something, soon: it may be idle. */
    private void task(Runnable task) {
        tasks.add(task);
        LockSupport.unpark(thread);
    }

    @Override
    public void onStart() {
        thread = Thread.currentThread();
    }

    @Override
    public int doWork() {
        int work = 0;
        Runnable task;
        while ((task = tasks.poll()) != null) {
            task.run();
            work++;
        }
        work += subscription.poll(fragments, FRAGMENTS_PER_POLL);
        Peer ended = null;
        String why = null;
        for (Peer peer : bySession.values()) {
            try {
                work += peer.send(sealed);
                why = peer.silence();
            } catch (SSLException e) {
                why = reason(e);
            }
            if (why != null) {
                ended = peer;
                break;
            }
        }
        if (ended != null) {
            lose(ended, why);
        }
        long nowNs = System.nanoTime();
        if (nowNs - lookedNs > LOOK_NS) {
            lookedNs = nowNs;
            sessions = bySession.size();
            vacate(places.overdue(nowNs));
            end(parts.overdue(nowNs), "it has taken too long over a message");
        }
        return work;
    }

    @Override
    public String roleName() {
        return "sessions";
    }

    @Override
    public void onClose() {
        close();
    }

    @Override
    public void close() {
        if (!isClosed) {
            isClosed = true;
            List.copyOf(bySession.values()).forEach(peer -> lose(peer, "this side has ended the session"));
            subscription.close();
        }
    }
}
