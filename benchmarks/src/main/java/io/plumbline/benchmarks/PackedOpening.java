package io.plumbline.benchmarks;

import io.plumbline.transport.Endpoint;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.encoding.PackedWords;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/**
 * A cell's opening, packed chunk by chunk as a node sends it.
 *
 * @param bytes that are sent.
 * @param msPacking time of the node for all of it, one thread.
 * @param msUnpacking of the auditor.
 */
record PackedOpening(long bytes, Readings msPacking, Readings msUnpacking) {
    private static final int WARM_ROUNDS = 20;

    static PackedOpening of(MemorySegment opening, int rounds) {
        byte[] bytes = opening.toArray(ValueLayout.JAVA_BYTE);
        byte[] packed = new byte[PackedWords.mostBytes(bytes.length) + bytes.length / Endpoint.CHUNK_BYTES + 1];
        byte[] unpacked = new byte[bytes.length];
        int[] lengths = new int[bytes.length / Endpoint.CHUNK_BYTES + 1];
        double[] packing = new double[rounds];
        double[] unpacking = new double[rounds];
        for (int i = -WARM_ROUNDS; i < rounds; i++) {
            long begin = System.nanoTime();
            int to = 0;
            for (int at = 0, chunk = 0; at < bytes.length; at += Endpoint.CHUNK_BYTES, chunk++) {
                lengths[chunk] = PackedWords.pack(bytes, at, length(bytes, at), packed, to);
                to += lengths[chunk];
            }
            long middle = System.nanoTime();
            int from = 0;
            for (int at = 0, chunk = 0; at < bytes.length; at += Endpoint.CHUNK_BYTES, chunk++) {
                unpack(packed, from, lengths[chunk], unpacked, at, length(bytes, at));
                from += lengths[chunk];
            }
            long end = System.nanoTime();
            if (i >= 0) {
                packing[i] = (middle - begin) / 1e6;
                unpacking[i] = (end - middle) / 1e6;
            }
        }
        if (!Arrays.equals(bytes, unpacked)) {
            throw new IllegalStateException("An opening is not the same again once it was packed.");
        }
        return new PackedOpening(sent(bytes, lengths), new Readings(packing), new Readings(unpacking));
    }

    private static int length(byte[] bytes, int at) {
        return Math.min(Endpoint.CHUNK_BYTES, bytes.length - at);
    }

    private static long sent(byte[] bytes, int[] lengths) {
        long sum = 0;
        for (int at = 0, chunk = 0; at < bytes.length; at += Endpoint.CHUNK_BYTES, chunk++) {
            sum += Math.min(lengths[chunk], length(bytes, at));
        }
        return sum;
    }

    private static void unpack(byte[] packed, int from, int length, byte[] out, int at, int to) {
        try {
            PackedWords.unpack(packed, from, length, out, at, to);
        } catch (MalformedException e) {
            throw new IllegalStateException(e);
        }
    }
}
