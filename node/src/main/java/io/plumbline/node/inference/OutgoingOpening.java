package io.plumbline.node.inference;

import io.plumbline.transport.Endpoint;
import io.plumbline.transport.Peer;
import io.plumbline.transport.nodewire.MessageHeaderEncoder;
import io.plumbline.transport.nodewire.OpeningChunkEncoder;
import io.plumbline.transport.nodewire.PackedChunkEncoder;
import io.plumbline.transport.nodewire.SealedEncoder;
import io.plumbline.verifier.encoding.PackedWords;
import java.util.concurrent.TimeUnit;
import org.agrona.DirectBuffer;
import org.agrona.ExpandableArrayBuffer;

/** An opening on its way to a full node, sent as far as that one has asked for. */
public final class OutgoingOpening {
    /** Longest wait for a full node that has stopped asking. */
    private static final long TIMEOUT_NS = TimeUnit.SECONDS.toNanos(60);

    /**
     * Beside {@link #TIMEOUT_NS} it may take a second for so many bytes: whoever asks for one byte each minute would
     * keep its place for ever. Auditors, by whom the node is paid, may take longer.
     */
    static final int LEAST_BYTES_A_S = 64 << 10;

    static final int LEAST_BYTES_A_S_OF_AUDITORS = 16 << 10;

    private final To to;
    private final long timeoutNs;
    private final long id;
    private final byte[] seal;
    private final byte[] bytes;
    private final boolean packed;
    private long granted;
    private boolean isOver;
    private final long lastsNs;
    private long endNs;

    /** Sends a message, as {@link Peer#send} does. */
    interface To {
        void send(DirectBuffer buffer, int offset, int length);
    }

    public OutgoingOpening(Peer peer, long id, byte[] seal, byte[] bytes) {
        this(peer, id, seal, bytes, false, LEAST_BYTES_A_S_OF_AUDITORS);
    }

    /**
     * @param packed whether words may be packed: whoever asks says that it understands them.
     * @param leastBytesASecond the slowest that it is sent, unpacked, with a minute for the beginning.
     */
    OutgoingOpening(Peer peer, long id, byte[] seal, byte[] bytes, boolean packed, int leastBytesASecond) {
        this(peer::send, id, seal, bytes, packed, leastBytesASecond, TIMEOUT_NS);
    }

    /** With another way to send, and another longest wait: for tests. */
    OutgoingOpening(To to, long id, byte[] seal, byte[] bytes, boolean packed, int leastBytesASecond, long timeoutNs) {
        this.timeoutNs = timeoutNs;
        this.lastsNs = timeoutNs + TimeUnit.SECONDS.toNanos(bytes.length) / leastBytesASecond;
        this.to = to;
        this.id = id;
        this.seal = seal;
        this.bytes = bytes;
        this.packed = packed && PackedWords.isFast();
    }

    /** On the transport's thread: {@code upTo} bytes may be sent, or with -1 no more are wanted. */
    public synchronized void proceed(long upTo) {
        isOver |= upTo < 0;
        granted = Math.max(granted, upTo);
        notifyAll();
    }

    /** Sends all of it; returns when that is done, or nobody asks any more. */
    public void run() {
        endNs = System.nanoTime() + lastsNs;
        ExpandableArrayBuffer buffer = new ExpandableArrayBuffer(seal.length + 64);
        SealedEncoder sealed = new SealedEncoder().wrapAndApplyHeader(buffer, 0, new MessageHeaderEncoder());
        sealed.correlationId(id).putSeal(seal, 0, seal.length);
        to.send(buffer, 0, MessageHeaderEncoder.ENCODED_LENGTH + sealed.encodedLength());
        for (int at = 0; at < bytes.length; ) {
            long until = await(at);
            if (until <= at) {
                return;
            }
            int length = (int) Math.min(Math.min(until, bytes.length) - at, Endpoint.CHUNK_BYTES);
            int encoded = packed ? packed(buffer, at, length) : plain(buffer, at, length);
            to.send(buffer, 0, MessageHeaderEncoder.ENCODED_LENGTH + encoded);
            at += length;
        }
    }

    private int plain(ExpandableArrayBuffer buffer, int at, int length) {
        OpeningChunkEncoder chunk = new OpeningChunkEncoder().wrapAndApplyHeader(buffer, 0, new MessageHeaderEncoder());
        return chunk.correlationId(id).position(at).putBytes(bytes, at, length).encodedLength();
    }

    /** Packed, where that is shorter: committed values are floats, and stay as long as they are. */
    private int packed(ExpandableArrayBuffer buffer, int at, int length) {
        byte[] words = new byte[PackedWords.mostBytes(length)];
        int shorter = PackedWords.pack(bytes, at, length, words, 0);
        if (shorter >= length) {
            return plain(buffer, at, length);
        }
        PackedChunkEncoder chunk = new PackedChunkEncoder().wrapAndApplyHeader(buffer, 0, new MessageHeaderEncoder());
        chunk.correlationId(id).position(at).length(length);
        return chunk.putBytes(words, 0, shorter).encodedLength();
    }

    /** How far may be sent, once that is beyond {@code position}; less when the wait is over. */
    private synchronized long await(long position) {
        long nowNs = System.nanoTime();
        long end = nowNs + Math.min(timeoutNs, endNs - nowNs);
        if (end - nowNs <= 0) {
            return 0;
        }
        while (granted <= position && !isOver) {
            long left = end - System.nanoTime();
            if (left <= 0) {
                return 0;
            }
            try {
                TimeUnit.NANOSECONDS.timedWait(this, left);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return 0;
            }
        }
        return isOver ? 0 : granted;
    }
}
