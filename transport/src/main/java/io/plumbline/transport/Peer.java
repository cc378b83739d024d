package io.plumbline.transport;

import io.aeron.Aeron;
import io.aeron.ExclusivePublication;
import io.aeron.Publication;
import io.plumbline.transport.guard.Hosts;
import io.plumbline.transport.sessionwire.CarryEncoder;
import io.plumbline.transport.sessionwire.EndEncoder;
import io.plumbline.transport.sessionwire.GreetEncoder;
import io.plumbline.transport.sessionwire.MessageHeaderEncoder;
import io.plumbline.transport.sessionwire.PingEncoder;
import io.plumbline.transport.sessionwire.PongEncoder;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Objects;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;
import javax.net.ssl.SSLException;
import org.agrona.DirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * The other side of a session: whoever it is has shown the key that it is known by. All but the public methods is for
 * the endpoint's thread.
 */
public final class Peer {
    /** From one sign of life of whoever began the session to the next. */
    private static final long PING_NS = TimeUnit.SECONDS.toNanos(1);

    /** Who was not heard for so long is gone. */
    private static final long SILENCE_NS = TimeUnit.SECONDS.toNanos(10);

    /** Longest wait for a peer that takes nothing. */
    private static final long STALL_NS = TimeUnit.SECONDS.toNanos(30);

    /** Whoever calls has shown its key by then. */
    private static final long STRANGER_NS = TimeUnit.SECONDS.toNanos(3);

    private static final int MESSAGES_AT_ONCE = 64;

    private static final int END_BYTES =
            MessageHeaderEncoder.ENCODED_LENGTH + EndEncoder.BLOCK_LENGTH + EndEncoder.reasonHeaderLength();

    private static final UnsafeBuffer PING = new UnsafeBuffer(new byte[MessageHeaderEncoder.ENCODED_LENGTH]);
    private static final UnsafeBuffer PONG = new UnsafeBuffer(new byte[MessageHeaderEncoder.ENCODED_LENGTH]);

    static {
        new PingEncoder().wrapAndApplyHeader(PING, 0, new MessageHeaderEncoder());
        new PongEncoder().wrapAndApplyHeader(PONG, 0, new MessageHeaderEncoder());
    }

    private final long session;
    private final String address;
    private final long host;
    private final boolean began;
    private final TlsLink link;
    private final ExclusivePublication publication;
    private final int ownPort;
    private final Executor tasks;
    private final Deque<UnsafeBuffer> queue = new ArrayDeque<>();
    private final SendRoom room = new SendRoom();
    private final AtomicLong messageIds = new AtomicLong();
    /** Parts of two messages do not mix: the other side holds one at a time. */
    private final ReentrantLock inParts = new ReentrantLock();

    private final UnsafeBuffer frame = new UnsafeBuffer(new byte[frameBytes()]);
    private int frameLength;
    private boolean hasGreeted;
    private boolean wantsPong;
    private final long sinceNs;
    private long pingedNs;
    private long heardNs;
    private long movedNs;
    private final CountDownLatch isDecided = new CountDownLatch(1);
    private String farewell;
    private String theirs;
    private volatile byte[] key;
    private volatile String lost;

    /**
     * @param session number that whoever begins has drawn.
     * @param link of this side.
     * @param own where this side sends from, and where it begins, where replies go.
     * @param began whether this side does.
     * @param tasks run by the endpoint's thread.
     */
    Peer(
            long session,
            InetAddress host,
            int port,
            TlsLink link,
            Aeron aeron,
            int streamId,
            Own own,
            boolean began,
            Executor tasks) {
        this.session = session;
        this.address = Addresses.text(host, port);
        this.host = Hosts.of(host);
        this.link = link;
        this.began = began;
        this.ownPort = own.port;
        this.hasGreeted = !began;
        this.tasks = tasks;
        this.sinceNs = System.nanoTime();
        this.heardNs = sinceNs;
        this.movedNs = sinceNs;
        this.pingedNs = sinceNs;
        // Loopback carries larger datagrams than Ethernet: worth four times the rate for openings.
        String mtu = host.isLoopbackAddress() ? "|mtu=8192" : "";
        // It sends from the address that it is reached at: that is where replies go.
        String from = Addresses.isOfInterface(own.host) ? "|interface=" + Addresses.text(own.host, 0) : "";
        this.publication = aeron.addExclusivePublication("aeron:udp?endpoint=" + address + from + mtu, streamId);
    }

    /** Where this side is reached. */
    record Own(InetAddress host, int port) {}

    /** Bytes of a frame around the largest message that is sent whole. */
    static int frameBytes() {
        return TlsLink.sealedBytes(Endpoint.CHUNK_BYTES + Endpoint.SLACK_BYTES) + 512;
    }

    /** "host:port" that it is reached at. */
    public String address() {
        return address;
    }

    /** A number for the host that it is at: an IPv4 address, or the /64 of an IPv6 one. A key costs nothing. */
    public long host() {
        return host;
    }

    /** A name for the session that no other has. */
    public String name() {
        return address + "/" + Long.toHexString(session);
    }

    /** Its Ed25519 key, which it has shown to have; null before. What it sends comes after. */
    public byte[] key() {
        return key == null ? null : key.clone();
    }

    /**
     * Waits until the other side has shown its key, or is lost. May be called by any other thread than the endpoint's.
     *
     * @return whether it has shown its key within {@code ms} and is not lost.
     */
    public boolean awaitOpen(long ms) throws InterruptedException {
        return isDecided.await(ms, TimeUnit.MILLISECONDS) && lost == null;
    }

    /** Why the session has ended; null while it has not. */
    public String lost() {
        return lost;
    }

    /**
     * Copies and queues a message; waits while too much is queued. May be called by any other thread than the
     * endpoint's. What is sent to a peer that is lost is dropped.
     *
     * @throws IllegalArgumentException where it is larger than {@link Endpoint#MAX_MESSAGE_BYTES}.
     */
    public void send(DirectBuffer buffer, int offset, int length) {
        if (length <= Endpoint.CHUNK_BYTES + Endpoint.SLACK_BYTES) {
            sendPart(buffer, offset, length);
        } else {
            inParts.lock();
            try {
                long id = messageIds.getAndIncrement();
                Parts.split(id, buffer, offset, length, Endpoint.CHUNK_BYTES, this::sendPart);
            } finally {
                inParts.unlock();
            }
        }
    }

    private void sendPart(DirectBuffer buffer, int offset, int length) {
        if (lost == null) {
            room.take(length);
            queue(buffer, offset, length);
        }
    }

    /**
     * Like {@link #send} for a short message, but never waits. @return false where too much is queued: it is dropped.
     */
    public boolean offer(DirectBuffer buffer, int offset, int length) {
        Objects.checkFromIndexSize(0, length, Endpoint.CHUNK_BYTES);
        boolean fits = room.tryTake(length);
        if (fits) {
            queue(buffer, offset, length);
        }
        return fits;
    }

    private void queue(DirectBuffer buffer, int offset, int length) {
        UnsafeBuffer copy = new UnsafeBuffer(new byte[length]);
        copy.putBytes(0, buffer, offset, length);
        tasks.execute(() -> {
            if (lost == null) {
                queue.add(copy);
            } else {
                room.giveBack(length);
            }
        });
    }

    long session() {
        return session;
    }

    boolean isInitiator() {
        return began;
    }

    boolean isOpen() {
        return key != null;
    }

    /** Takes a frame's records. @return false where the other side has ended the session. */
    boolean receive(ByteBuffer records, ByteBuffer plain) throws SSLException {
        heardNs = System.nanoTime();
        boolean goesOn = link.open(records, plain);
        noteKey();
        return goesOn;
    }

    private void noteKey() throws SSLException {
        if (key == null && link.isOpen()) {
            key = link.peerKey();
            isDecided.countDown();
        }
    }

    /** The reason that goes with the end of the session. */
    void tell(String reason) {
        farewell = reason;
    }

    /** It has said why it will end the session. */
    void hear(String reason) {
        theirs = reason;
    }

    /** Why the other side has ended the session, as far as it has said. */
    String farewell() {
        return "it has ended the session" + (theirs == null ? "" : ": " + theirs);
    }

    /** It has asked whether this side is there. */
    void pong() {
        wantsPong = true;
    }

    /**
     * Sends what there is to send.
     *
     * @param sealed to work in.
     * @return frames sent.
     * @throws SSLException where the session cannot go on.
     */
    int send(ByteBuffer sealed) throws SSLException {
        int sent = 0;
        while (sent < MESSAGES_AT_ONCE && (frameLength > 0 || fill(sealed))) {
            long position = publication.offer(frame, 0, frameLength);
            if (position == Publication.CLOSED || position == Publication.MAX_POSITION_EXCEEDED) {
                throw new SSLException("its channel is closed");
            }
            if (position < 0) {
                break;
            }
            frameLength = 0;
            movedNs = System.nanoTime();
            sent++;
        }
        return sent;
    }

    /** Makes the next frame; false where there is nothing to send. */
    private boolean fill(ByteBuffer sealed) throws SSLException {
        ByteBuffer own = link.records();
        noteKey();
        if (own.hasRemaining()) {
            encode(own);
            return true;
        }
        UnsafeBuffer message = key == null ? null : next();
        if (message == null) {
            return false;
        }
        sealed.clear();
        link.seal(ByteBuffer.wrap(message.byteArray()), sealed);
        encode(sealed.flip());
        return true;
    }

    /** A sign of life when it is time for one, else what waits. */
    private UnsafeBuffer next() {
        if (farewell != null) {
            byte[] reason = farewell.getBytes(StandardCharsets.UTF_8);
            farewell = null;
            UnsafeBuffer end = new UnsafeBuffer(new byte[END_BYTES + reason.length]);
            new EndEncoder()
                    .wrapAndApplyHeader(end, 0, new MessageHeaderEncoder())
                    .putReason(reason, 0, reason.length);
            return end;
        }
        if (wantsPong) {
            wantsPong = false;
            return PONG;
        }
        if (began && System.nanoTime() - pingedNs > PING_NS) {
            pingedNs = System.nanoTime();
            return PING;
        }
        UnsafeBuffer message = queue.poll();
        if (message != null) {
            room.giveBack(message.capacity());
        }
        return message;
    }

    private void encode(ByteBuffer records) {
        movedNs = System.nanoTime();
        MessageHeaderEncoder header = new MessageHeaderEncoder();
        UnsafeBuffer bytes = new UnsafeBuffer(records, records.position(), records.remaining());
        if (hasGreeted) {
            CarryEncoder carry = new CarryEncoder().wrapAndApplyHeader(frame, 0, header);
            carry.session(session).putRecords(bytes, 0, bytes.capacity());
            frameLength = MessageHeaderEncoder.ENCODED_LENGTH + carry.encodedLength();
        } else {
            hasGreeted = true;
            GreetEncoder greet = new GreetEncoder().wrapAndApplyHeader(frame, 0, header);
            greet.session(session).port(ownPort).putRecords(bytes, 0, bytes.capacity());
            frameLength = MessageHeaderEncoder.ENCODED_LENGTH + greet.encodedLength();
        }
    }

    /** Why it is taken for lost now; null where it is not. */
    String silence() {
        long nowNs = System.nanoTime();
        if (key == null && !began && nowNs - sinceNs > STRANGER_NS) {
            return "it has shown no key in time";
        }
        // It may say that it is there, and take nothing: what waits for it is memory.
        if (frameLength > 0 && nowNs - movedNs > STALL_NS) {
            return "it took nothing of what was sent to it for " + TimeUnit.NANOSECONDS.toSeconds(STALL_NS) + " s";
        }
        if (nowNs - heardNs < SILENCE_NS) {
            return null;
        }
        return key == null
                ? "nobody there answers"
                : "it was not heard for " + TimeUnit.NANOSECONDS.toSeconds(SILENCE_NS) + " s";
    }

    /**
     * Says why the session has ended, tells the other side as far as that can be done at once, and drops what waits.
     */
    void lose(String why, ByteBuffer sealed) {
        if (lost == null) {
            lost = why;
            isDecided.countDown();
            queue.forEach(message -> room.giveBack(message.capacity()));
            queue.clear();
            try {
                send(sealed);
                link.close();
                send(sealed);
            } catch (SSLException e) {
                // It is over anyway.
            }
            publication.close();
        }
    }
}
