package io.plumbline.transport;

import io.plumbline.transport.sessionwire.MessageHeaderDecoder;
import io.plumbline.transport.sessionwire.PartDecoder;
import java.util.ArrayList;
import java.util.List;
import org.agrona.concurrent.UnsafeBuffer;

/** Parts of a message as they go over the network, for tests that feed them to what puts them together. */
public final class PartsWire {
    private PartsWire() {}

    /** All frames of a message, one after the other in one array, each behind its length in one byte. */
    public static List<byte[]> frames(byte[] message) {
        List<byte[]> frames = new ArrayList<>();
        Parts.split(3, new UnsafeBuffer(message), 0, Math.min(300, message.length), 100, (buffer, offset, length) -> {
            byte[] frame = new byte[length];
            buffer.getBytes(offset, frame);
            frames.add(frame);
        });
        int bytes = frames.stream().mapToInt(frame -> 1 + frame.length).sum();
        UnsafeBuffer all = new UnsafeBuffer(new byte[bytes]);
        int at = 0;
        for (byte[] frame : frames) {
            all.putByte(at, (byte) frame.length);
            all.putBytes(at + 1, frame);
            at += 1 + frame.length;
        }
        return List.of(all.byteArray());
    }

    /** Feeds such frames to one receiver. */
    public static void parse(byte[] bytes) {
        Parts parts = new Parts();
        for (int at = 0; at < bytes.length; ) {
            int length = Math.min(bytes[at] & 0xFF, bytes.length - at - 1);
            UnsafeBuffer frame = new UnsafeBuffer(bytes, at + 1, length);
            at += 1 + length;
            if (length < MessageHeaderDecoder.ENCODED_LENGTH) {
                continue;
            }
            MessageHeaderDecoder header = new MessageHeaderDecoder().wrap(frame, 0);
            try {
                if (header.templateId() == PartDecoder.TEMPLATE_ID) {
                    parts.add(1, frame, MessageHeaderDecoder.ENCODED_LENGTH, header.blockLength(), header.version(), 0);
                }
            } catch (IndexOutOfBoundsException | IllegalArgumentException e) {
                // The endpoint drops such a message.
            }
        }
        parts.forget(1);
    }

    /** What comes of the frames of {@link #frames}: null where no message does. */
    public static byte[] together(byte[] frames) {
        Parts parts = new Parts();
        byte[] whole = null;
        for (int at = 0; at < frames.length; ) {
            int length = frames[at] & 0xFF;
            UnsafeBuffer frame = new UnsafeBuffer(frames, at + 1, length);
            MessageHeaderDecoder header = new MessageHeaderDecoder().wrap(frame, 0);
            whole = parts.add(1, frame, MessageHeaderDecoder.ENCODED_LENGTH, header.blockLength(), header.version(), 0);
            at += 1 + length;
        }
        return whole;
    }
}
