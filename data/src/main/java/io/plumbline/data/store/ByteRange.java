package io.plumbline.data.store;

/**
 * A range of a blob's bytes.
 *
 * @param from inclusive.
 * @param to exclusive, not before {@code from}.
 */
public record ByteRange(long from, long to) {
    public ByteRange {
        if (from < 0 || to < from) {
            throw new IllegalArgumentException("Not a range of bytes: " + from + " to " + to + ".");
        }
    }

    public long length() {
        return to - from;
    }
}
