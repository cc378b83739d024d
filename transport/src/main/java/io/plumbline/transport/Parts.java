package io.plumbline.transport;

import io.plumbline.transport.sessionwire.MessageHeaderEncoder;
import io.plumbline.transport.sessionwire.PartDecoder;
import io.plumbline.transport.sessionwire.PartEncoder;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.agrona.DirectBuffer;
import org.agrona.ExpandableArrayBuffer;

/**
 * Messages too large to be sent at once: split by the sender, put together again by the receiver, who believes no
 * announced length further than its bytes have come, and holds no more than a bound of what is not whole yet, of each
 * session and of all.
 */
final class Parts {
    /** The largest message, and what one session may have on its way. */
    static final int MAX_MESSAGE_BYTES = 64 << 20;

    /** Messages of one session that may be on their way at once. */
    private static final int MAX_MESSAGES = 8;

    /** Bytes of all sessions: a share of the heap, and room for one message at least. */
    static final long MAX_BYTES = Math.clamp(Runtime.getRuntime().maxMemory() / 4, MAX_MESSAGE_BYTES, 256L << 20);

    /** A message must come within this and as long as its bytes take at the slowest rate. */
    private static final long SLACK_NS = TimeUnit.SECONDS.toNanos(30);

    private static final long SLOWEST_BYTES_A_SECOND = 512 << 10;

    private final Map<Long, Held> bySession = new HashMap<>();
    private long bytes;

    /** What has come of one session's messages. */
    private static final class Held {
        private final Map<Long, Whole> wholes = new HashMap<>();
        private long bytes;
    }

    private static final class Whole {
        private final ExpandableArrayBuffer buffer = new ExpandableArrayBuffer(4096);
        private final long dueNs;
        private int filled;

        Whole(long dueNs) {
            this.dueNs = dueNs;
        }
    }

    /** What takes a part. */
    @FunctionalInterface
    interface Send {
        void send(DirectBuffer buffer, int offset, int length);
    }

    static void split(long messageId, DirectBuffer message, int offset, int length, int partBytes, Send send) {
        if (length > MAX_MESSAGE_BYTES) {
            throw new IllegalArgumentException(
                    "A message has " + length + " bytes; " + MAX_MESSAGE_BYTES + " are the most. Send less at once.");
        }
        ExpandableArrayBuffer buffer = new ExpandableArrayBuffer(partBytes + 64);
        for (int at = 0; at < length; at += partBytes) {
            PartEncoder part = new PartEncoder().wrapAndApplyHeader(buffer, 0, new MessageHeaderEncoder());
            part.messageId(messageId).position(at).total(length);
            part.putBytes(message, offset + at, Math.min(partBytes, length - at));
            send.send(buffer, 0, MessageHeaderEncoder.ENCODED_LENGTH + part.encodedLength());
        }
    }

    /**
     * Takes a part.
     *
     * @return the message when this was its last part, else null.
     * @throws IllegalArgumentException where the part belongs to no message that could come of it.
     */
    byte[] add(long session, DirectBuffer in, int offset, int block, int version, long nowNs) {
        PartDecoder part = new PartDecoder().wrap(in, offset, block, version);
        long id = part.messageId();
        int position = part.position();
        int total = part.total();
        byte[] piece = VarData.copy(part::wrapBytes);
        Held held = bySession.computeIfAbsent(session, key -> new Held());
        Whole whole = held.wholes.get(id);
        boolean fits = total > 0
                && total <= MAX_MESSAGE_BYTES
                && piece.length > 0
                && (whole == null ? position == 0 : position == whole.filled)
                && position <= total - piece.length;
        if (!fits) {
            throw new IllegalArgumentException("A part at " + position + " of " + total + " bytes fits no message.");
        }
        if (held.bytes + piece.length > MAX_MESSAGE_BYTES || whole == null && held.wholes.size() == MAX_MESSAGES) {
            throw new IllegalArgumentException("More than " + MAX_MESSAGE_BYTES + " bytes or " + MAX_MESSAGES
                    + " messages are on their way at once.");
        }
        if (whole == null) {
            whole = new Whole(nowNs + SLACK_NS + total * TimeUnit.SECONDS.toNanos(1) / SLOWEST_BYTES_A_SECOND);
            held.wholes.put(id, whole);
        }
        whole.buffer.putBytes(position, piece);
        whole.filled += piece.length;
        held.bytes += piece.length;
        bytes += piece.length;
        if (whole.filled < total) {
            return null;
        }
        held.wholes.remove(id);
        held.bytes -= total;
        bytes -= total;
        byte[] message = new byte[total];
        whole.buffer.getBytes(0, message);
        return message;
    }

    /**
     * The session that has to go for more bytes to be held: the one that holds most of them. Null while there is
     * room.
     */
    Long greediest() {
        if (bytes <= MAX_BYTES) {
            return null;
        }
        return bySession.entrySet().stream()
                .max((a, b) -> Long.compare(a.getValue().bytes, b.getValue().bytes))
                .orElseThrow()
                .getKey();
    }

    /** A session of which a message should have come by now; null where there is none. */
    Long overdue(long nowNs) {
        for (Map.Entry<Long, Held> entry : bySession.entrySet()) {
            for (Whole whole : entry.getValue().wholes.values()) {
                if (nowNs - whole.dueNs > 0) {
                    return entry.getKey();
                }
            }
        }
        return null;
    }

    /** Held of all sessions. */
    long bytes() {
        return bytes;
    }

    /** A session has ended: what it has not finished will not come. */
    void forget(long session) {
        Held held = bySession.remove(session);
        if (held != null) {
            bytes -= held.bytes;
        }
    }
}
