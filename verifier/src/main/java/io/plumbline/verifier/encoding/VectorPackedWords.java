package io.plumbline.verifier.encoding;

import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/** Blocks of {@link PackedWords} by the Vector API; of its own, so that nothing loads it where that is missing. */
final class VectorPackedWords {
    private static final VectorSpecies<Integer> SPECIES = IntVector.SPECIES_PREFERRED.length() > PackedWords.LANES
            ? IntVector.SPECIES_512
            : IntVector.SPECIES_PREFERRED;

    private static final int STEP = 4 * SPECIES.length();
    private static final int ROW = 4 * PackedWords.LANES;

    private VectorPackedWords() {}

    static int width(byte[] in, int at) {
        MemorySegment from = MemorySegment.ofArray(in);
        IntVector all = IntVector.zero(SPECIES);
        for (int i = 0; i < PackedWords.BLOCK_BYTES; i += STEP) {
            all = all.or(folded(from, at + i));
        }
        return 32 - Integer.numberOfLeadingZeros(all.reduceLanes(VectorOperators.OR));
    }

    static void packBlock(byte[] in, int at, int width, byte[] out, int outAt) {
        MemorySegment from = MemorySegment.ofArray(in);
        MemorySegment to = MemorySegment.ofArray(out);
        for (int lane = 0; lane < ROW; lane += STEP) {
            IntVector filled = IntVector.zero(SPECIES);
            for (int row = 0; row < PackedWords.ROWS && width > 0; row++) {
                IntVector words = folded(from, at + row * ROW + lane);
                int shift = row * width & 31;
                filled = filled.or(words.lanewise(VectorOperators.LSHL, shift));
                if (shift + width >= 32) {
                    filled.intoMemorySegment(to, outAt + (row * width >>> 5) * ROW + lane, LITTLE_ENDIAN);
                    filled = shift + width > 32
                            ? words.lanewise(VectorOperators.LSHR, 32 - shift)
                            : IntVector.zero(SPECIES);
                }
            }
        }
    }

    static void unpackBlock(byte[] in, int at, int width, byte[] out, int outAt) {
        MemorySegment from = MemorySegment.ofArray(in);
        MemorySegment to = MemorySegment.ofArray(out);
        int mask = -1 >>> 32 - width;
        for (int row = 0; row < PackedWords.ROWS; row++) {
            int begin = at + (row * width >>> 5) * ROW;
            int shift = row * width & 31;
            for (int lane = 0; lane < ROW; lane += STEP) {
                IntVector words = IntVector.fromMemorySegment(SPECIES, from, begin + lane, LITTLE_ENDIAN)
                        .lanewise(VectorOperators.LSHR, shift);
                if (shift + width > 32) {
                    words = words.or(IntVector.fromMemorySegment(SPECIES, from, begin + ROW + lane, LITTLE_ENDIAN)
                            .lanewise(VectorOperators.LSHL, 32 - shift));
                }
                words = words.and(mask);
                words.lanewise(VectorOperators.LSHR, 1)
                        .lanewise(VectorOperators.XOR, words.and(1).neg())
                        .intoMemorySegment(to, outAt + row * ROW + lane, LITTLE_ENDIAN);
            }
        }
    }

    /** Small for small magnitudes. */
    private static IntVector folded(MemorySegment from, int at) {
        IntVector words = IntVector.fromMemorySegment(SPECIES, from, at, LITTLE_ENDIAN);
        return words.lanewise(VectorOperators.LSHL, 1)
                .lanewise(VectorOperators.XOR, words.lanewise(VectorOperators.ASHR, 31));
    }
}
