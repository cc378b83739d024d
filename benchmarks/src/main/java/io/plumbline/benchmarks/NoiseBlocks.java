package io.plumbline.benchmarks;

import io.plumbline.inference.language.gguf.GgufType;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.SplittableRandom;

/**
 * Random blocks of the packed types of GGUF, with scales that make their values as large as weights are: whether others
 * unpack the same values of them is what is asked, not whose they are.
 */
final class NoiseBlocks {
    private final GgufType type;
    private final SplittableRandom random = new SplittableRandom(5);

    NoiseBlocks(GgufType type) {
        this.type = type;
    }

    /** A row of blocks, about as large as {@code row} is. */
    byte[] pack(float[] row) {
        double squares = 0;
        for (float value : row) {
            squares += value * value;
        }
        double deviation = Math.sqrt(squares / row.length);
        int blockBytes = type.blockBytes();
        byte[] bytes = new byte[row.length / type.blockElements() * blockBytes];
        random.nextBytes(bytes);
        ByteBuffer out = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        for (int at = 0; at < bytes.length; at += blockBytes) {
            // By the standard deviation of what the scale multiplies, and so that the mean is 0.
            switch (type) {
                case Q4_0 -> put(out, at, deviation / 4.6);
                case Q4_1 -> put(out, at, deviation / 4.6, -7.5 * deviation / 4.6);
                case Q5_0 -> put(out, at, deviation / 9.2);
                case Q5_1 -> put(out, at, deviation / 9.2, -15.5 * deviation / 9.2);
                case Q4_K -> put(out, at, deviation / 300, 7.5 * deviation / 300);
                case Q5_K -> put(out, at, deviation / 650, 15.5 * deviation / 650);
                case Q6_K -> put(out, at + blockBytes - 2, deviation / 1370);
                default -> throw new IllegalArgumentException(type + " has no blocks of noise.");
            }
        }
        return bytes;
    }

    private static void put(ByteBuffer out, int at, double... halves) {
        for (int i = 0; i < halves.length; i++) {
            out.putShort(at + 2 * i, Float.floatToFloat16((float) halves[i]));
        }
    }
}
