package io.plumbline.verifier.blake3;

/** A message's hash tree, of which a {@link Slice} takes the values that prove its chunks. */
public interface TreeValues {
    /** Bytes of the message. */
    long messageBytes();

    /**
     * Words of the node that spans chunks {@code index * 2^level} and on, up to {@code 2^level} of them; never of the
     * root.
     *
     * @param target receives 8 words from {@code offset}.
     */
    void copy(int level, int index, int[] target, int offset);
}
