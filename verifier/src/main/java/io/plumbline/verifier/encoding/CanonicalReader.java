package io.plumbline.verifier.encoding;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Reads what {@link CanonicalWriter} wrote. A length is believed only as far as bytes are there, so no input makes it
 * allocate more than its own size. Every failure is a {@link MalformedException} that names what was read.
 */
public final class CanonicalReader {
    private final ByteBuffer in;
    private final String what;

    /** @param what the structure, for messages: "receipt", "request". */
    public CanonicalReader(byte[] bytes, String what) {
        this.in = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        this.what = what;
    }

    /** Bytes that are not what they should be. */
    public static final class MalformedException extends RuntimeException {
        private static final long serialVersionUID = 1;

        public MalformedException(String message) {
            super(message);
        }
    }

    private void need(long bytes, String field) {
        if (bytes < 0 || bytes > in.remaining()) {
            throw new MalformedException("Malformed " + what + ": " + field + " needs " + bytes + " bytes at offset "
                    + in.position() + ", " + in.remaining() + " are left.");
        }
    }

    public int getInt(String field) {
        need(4, field);
        return in.getInt();
    }

    public long getLong(String field) {
        need(8, field);
        return in.getLong();
    }

    public byte[] getFixed(int length, String field) {
        need(length, field);
        byte[] bytes = new byte[length];
        in.get(bytes);
        return bytes;
    }

    /** A key or hash: 32 bytes, without their length. */
    public Bytes32 getBytes32(String field) {
        return Bytes32.of(getFixed(Bytes32.BYTES, field));
    }

    public byte[] getBytes(String field) {
        return getFixed(getInt(field), field);
    }

    public String getText(String field) {
        String text = Utf8.decode(getBytes(field));
        if (text == null) {
            throw new MalformedException("Malformed " + what + ": " + field + " is not UTF-8.");
        }
        return text;
    }

    public int[] getInts(String field) {
        int count = getInt(field);
        need(4L * count, field);
        int[] values = new int[count];
        in.asIntBuffer().get(values);
        in.position(in.position() + 4 * count);
        return values;
    }

    /** Whether anything is left. */
    public boolean hasMore() {
        return in.hasRemaining();
    }

    /** Passes a byte string by, without a copy of it. */
    public void skipBytes(String field) {
        int length = getInt(field);
        need(length, field);
        in.position(in.position() + length);
    }

    /** Must be called last: nothing may follow. */
    public void end() {
        if (in.hasRemaining()) {
            throw new MalformedException(
                    "Malformed " + what + ": " + in.remaining() + " bytes follow its end at " + in.position() + ".");
        }
    }
}
