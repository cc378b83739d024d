package io.plumbline.transport;

import org.agrona.DirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * Copies a message's variable-length field; a length that is not there is refused before anything is allocated for
 * it.
 */
public final class VarData {
    private VarData() {}

    /** A generated decoder's {@code wrapX} method. */
    @FunctionalInterface
    public interface Field {
        void wrap(DirectBuffer view);
    }

    /**
     * @throws IndexOutOfBoundsException or {@link IllegalArgumentException} when the message ends before the field
     *     does.
     */
    public static byte[] copy(Field field) {
        UnsafeBuffer view = new UnsafeBuffer(0, 0);
        field.wrap(view);
        byte[] bytes = new byte[view.capacity()];
        view.getBytes(0, bytes);
        return bytes;
    }
}
