package io.plumbline.transport;

import io.plumbline.transport.sessionwire.MessageHeaderEncoder;
import io.plumbline.transport.sessionwire.PartDecoder;
import io.plumbline.transport.sessionwire.PartEncoder;
import java.util.HashMap;
import java.util.Map;
import org.agrona.DirectBuffer;
import org.agrona.ExpandableArrayBuffer;

/**
 * Messages too large to be sent at once: split by the sender, put together again by the receiver, who believes no announced length further
 * than its bytes have come, and holds no more than a bound of what is not whole yet.
 */
final class Parts {
    /** The largest message. */
    static final int MAX_MESSAGE_BYTES = 64 << 20;

    /** Messages of one session that may be on their way at once, and bytes of all sessions. */
    private static final int MAX_MESSAGES = 8;

    private static final long MAX_BYTES = 256L << 20;

    private final Map<Long, Map<Long, Whole>> bySession = new HashMap<>();
    private long bytes;

    private static final class Whole {
        private final ExpandableArrayBuffer buffer = new ExpandableArrayBuffer(4096);
        private int filled;
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
     * @throws IllegalArgumentException where the part belongs to no message that could come of it; what there was of one is forgotten.
     */
    byte[] add(long session, DirectBuffer in, int offset, int block, int version) {
        PartDecoder part = new PartDecoder().wrap(in, offset, block, version);
        long id = part.messageId();
        int position = part.position();
        int total = part.total();
        byte[] piece = VarData.copy(part::wrapBytes);
        Map<Long, Whole> wholes = bySession.computeIfAbsent(session, key -> new HashMap<>());
        Whole whole = wholes.get(id);
        boolean fits = total > 0
                && total <= MAX_MESSAGE_BYTES
                && piece.length > 0
                && (whole == null ? position == 0 && wholes.size() < MAX_MESSAGES : position == whole.filled)
                && position <= total - piece.length
                && bytes + piece.length <= MAX_BYTES;
        if (!fits) {
            drop(wholes.remove(id));
            throw new IllegalArgumentException("A part at " + position + " of " + total + " bytes fits no message.");
        }
        if (whole == null) {
            whole = new Whole();
            wholes.put(id, whole);
        }
        whole.buffer.putBytes(position, piece);
        whole.filled += piece.length;
        bytes += piece.length;
        if (whole.filled < total) {
            return null;
        }
        wholes.remove(id);
        drop(whole);
        byte[] message = new byte[total];
        whole.buffer.getBytes(0, message);
        return message;
    }

    private void drop(Whole whole) {
        if (whole != null) {
            bytes -= whole.filled;
        }
    }

    /** A session has ended: what it has not finished will not come. */
    void forget(long session) {
        Map<Long, Whole> wholes = bySession.remove(session);
        if (wholes != null) {
            wholes.values().forEach(this::drop);
        }
    }
}
