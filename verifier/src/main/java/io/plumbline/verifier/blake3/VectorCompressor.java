package io.plumbline.verifier.blake3;

import io.plumbline.verifier.numerics.VectorWidth;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * As many chunks at once as an int vector has lanes (16 with AVX-512, 8 with AVX2, 4 with SSE or NEON): lane i of
 * every vector belongs to chunk i, so the rounds are those of the reference with vectors in place of words. What is
 * left over goes to the scalar form.
 */
public final class VectorCompressor implements ChunkCompressor {
    private static final VectorSpecies<Integer> SPECIES = VectorWidth.full(int.class);
    private static final int LANES = SPECIES.length();
    private static final int BLOCKS = CHUNK_BYTES / Compression.BLOCK_BYTES;

    private final ScalarCompressor rest = new ScalarCompressor();

    @Override
    public void chunks(
            int[] key,
            int flags,
            MemorySegment in,
            long offset,
            int count,
            long[] counters,
            int countersOffset,
            int[] cvs,
            int cvsOffset) {
        int[] m = new int[16 * LANES];
        int[] cv = new int[8 * LANES];
        int[] low = new int[LANES];
        int[] high = new int[LANES];
        int c = 0;
        for (; c + LANES <= count; c += LANES) {
            for (int i = 0; i < LANES; i++) {
                low[i] = (int) counters[countersOffset + c + i];
                high[i] = (int) (counters[countersOffset + c + i] >>> 32);
            }
            for (int w = 0; w < 8; w++) {
                IntVector.broadcast(SPECIES, key[w]).intoArray(cv, w * LANES);
            }
            long base = offset + (long) c * CHUNK_BYTES;
            for (int b = 0; b < BLOCKS; b++) {
                transpose(in, base + (long) b * Compression.BLOCK_BYTES, m);
                int start = b == 0 ? Compression.CHUNK_START : 0;
                int end = b == BLOCKS - 1 ? Compression.CHUNK_END : 0;
                compress(cv, m, low, high, flags | start | end);
            }
            for (int i = 0; i < LANES; i++) {
                for (int w = 0; w < 8; w++) {
                    cvs[cvsOffset + (c + i) * CV_WORDS + w] = cv[w * LANES + i];
                }
            }
        }
        rest.chunks(
                key,
                flags,
                in,
                offset + (long) c * CHUNK_BYTES,
                count - c,
                counters,
                countersOffset + c,
                cvs,
                cvsOffset + c * CV_WORDS);
    }

    /** Word w of chunk i goes to lane i of vector w. */
    private static void transpose(MemorySegment in, long base, int[] m) {
        for (int i = 0; i < LANES; i++) {
            long at = base + (long) i * CHUNK_BYTES;
            for (int w = 0; w < 16; w++) {
                m[w * LANES + i] = in.get(Compression.LE_INT, at + 4L * w);
            }
        }
    }

    private static IntVector ror(IntVector v, int bits) {
        return v.lanewise(VectorOperators.ROR, bits);
    }

    private static void compress(int[] cv, int[] m, int[] low, int[] high, int flags) {
        IntVector v0 = IntVector.fromArray(SPECIES, cv, 0 * LANES);
        IntVector v1 = IntVector.fromArray(SPECIES, cv, 1 * LANES);
        IntVector v2 = IntVector.fromArray(SPECIES, cv, 2 * LANES);
        IntVector v3 = IntVector.fromArray(SPECIES, cv, 3 * LANES);
        IntVector v4 = IntVector.fromArray(SPECIES, cv, 4 * LANES);
        IntVector v5 = IntVector.fromArray(SPECIES, cv, 5 * LANES);
        IntVector v6 = IntVector.fromArray(SPECIES, cv, 6 * LANES);
        IntVector v7 = IntVector.fromArray(SPECIES, cv, 7 * LANES);
        IntVector v8 = IntVector.broadcast(SPECIES, Compression.iv(0));
        IntVector v9 = IntVector.broadcast(SPECIES, Compression.iv(1));
        IntVector v10 = IntVector.broadcast(SPECIES, Compression.iv(2));
        IntVector v11 = IntVector.broadcast(SPECIES, Compression.iv(3));
        IntVector v12 = IntVector.fromArray(SPECIES, low, 0);
        IntVector v13 = IntVector.fromArray(SPECIES, high, 0);
        IntVector v14 = IntVector.broadcast(SPECIES, Compression.BLOCK_BYTES);
        IntVector v15 = IntVector.broadcast(SPECIES, flags);
        for (int[] s : Compression.SCHEDULE) {
            v0 = v0.add(v4).add(IntVector.fromArray(SPECIES, m, s[0] * LANES));
            v1 = v1.add(v5).add(IntVector.fromArray(SPECIES, m, s[2] * LANES));
            v2 = v2.add(v6).add(IntVector.fromArray(SPECIES, m, s[4] * LANES));
            v3 = v3.add(v7).add(IntVector.fromArray(SPECIES, m, s[6] * LANES));
            v12 = ror(v12.lanewise(VectorOperators.XOR, v0), 16);
            v13 = ror(v13.lanewise(VectorOperators.XOR, v1), 16);
            v14 = ror(v14.lanewise(VectorOperators.XOR, v2), 16);
            v15 = ror(v15.lanewise(VectorOperators.XOR, v3), 16);
            v8 = v8.add(v12);
            v9 = v9.add(v13);
            v10 = v10.add(v14);
            v11 = v11.add(v15);
            v4 = ror(v4.lanewise(VectorOperators.XOR, v8), 12);
            v5 = ror(v5.lanewise(VectorOperators.XOR, v9), 12);
            v6 = ror(v6.lanewise(VectorOperators.XOR, v10), 12);
            v7 = ror(v7.lanewise(VectorOperators.XOR, v11), 12);
            v0 = v0.add(v4).add(IntVector.fromArray(SPECIES, m, s[1] * LANES));
            v1 = v1.add(v5).add(IntVector.fromArray(SPECIES, m, s[3] * LANES));
            v2 = v2.add(v6).add(IntVector.fromArray(SPECIES, m, s[5] * LANES));
            v3 = v3.add(v7).add(IntVector.fromArray(SPECIES, m, s[7] * LANES));
            v12 = ror(v12.lanewise(VectorOperators.XOR, v0), 8);
            v13 = ror(v13.lanewise(VectorOperators.XOR, v1), 8);
            v14 = ror(v14.lanewise(VectorOperators.XOR, v2), 8);
            v15 = ror(v15.lanewise(VectorOperators.XOR, v3), 8);
            v8 = v8.add(v12);
            v9 = v9.add(v13);
            v10 = v10.add(v14);
            v11 = v11.add(v15);
            v4 = ror(v4.lanewise(VectorOperators.XOR, v8), 7);
            v5 = ror(v5.lanewise(VectorOperators.XOR, v9), 7);
            v6 = ror(v6.lanewise(VectorOperators.XOR, v10), 7);
            v7 = ror(v7.lanewise(VectorOperators.XOR, v11), 7);
            v0 = v0.add(v5).add(IntVector.fromArray(SPECIES, m, s[8] * LANES));
            v1 = v1.add(v6).add(IntVector.fromArray(SPECIES, m, s[10] * LANES));
            v2 = v2.add(v7).add(IntVector.fromArray(SPECIES, m, s[12] * LANES));
            v3 = v3.add(v4).add(IntVector.fromArray(SPECIES, m, s[14] * LANES));
            v15 = ror(v15.lanewise(VectorOperators.XOR, v0), 16);
            v12 = ror(v12.lanewise(VectorOperators.XOR, v1), 16);
            v13 = ror(v13.lanewise(VectorOperators.XOR, v2), 16);
            v14 = ror(v14.lanewise(VectorOperators.XOR, v3), 16);
            v10 = v10.add(v15);
            v11 = v11.add(v12);
            v8 = v8.add(v13);
            v9 = v9.add(v14);
            v5 = ror(v5.lanewise(VectorOperators.XOR, v10), 12);
            v6 = ror(v6.lanewise(VectorOperators.XOR, v11), 12);
            v7 = ror(v7.lanewise(VectorOperators.XOR, v8), 12);
            v4 = ror(v4.lanewise(VectorOperators.XOR, v9), 12);
            v0 = v0.add(v5).add(IntVector.fromArray(SPECIES, m, s[9] * LANES));
            v1 = v1.add(v6).add(IntVector.fromArray(SPECIES, m, s[11] * LANES));
            v2 = v2.add(v7).add(IntVector.fromArray(SPECIES, m, s[13] * LANES));
            v3 = v3.add(v4).add(IntVector.fromArray(SPECIES, m, s[15] * LANES));
            v15 = ror(v15.lanewise(VectorOperators.XOR, v0), 8);
            v12 = ror(v12.lanewise(VectorOperators.XOR, v1), 8);
            v13 = ror(v13.lanewise(VectorOperators.XOR, v2), 8);
            v14 = ror(v14.lanewise(VectorOperators.XOR, v3), 8);
            v10 = v10.add(v15);
            v11 = v11.add(v12);
            v8 = v8.add(v13);
            v9 = v9.add(v14);
            v5 = ror(v5.lanewise(VectorOperators.XOR, v10), 7);
            v6 = ror(v6.lanewise(VectorOperators.XOR, v11), 7);
            v7 = ror(v7.lanewise(VectorOperators.XOR, v8), 7);
            v4 = ror(v4.lanewise(VectorOperators.XOR, v9), 7);
        }
        v0.lanewise(VectorOperators.XOR, v8).intoArray(cv, 0 * LANES);
        v1.lanewise(VectorOperators.XOR, v9).intoArray(cv, 1 * LANES);
        v2.lanewise(VectorOperators.XOR, v10).intoArray(cv, 2 * LANES);
        v3.lanewise(VectorOperators.XOR, v11).intoArray(cv, 3 * LANES);
        v4.lanewise(VectorOperators.XOR, v12).intoArray(cv, 4 * LANES);
        v5.lanewise(VectorOperators.XOR, v13).intoArray(cv, 5 * LANES);
        v6.lanewise(VectorOperators.XOR, v14).intoArray(cv, 6 * LANES);
        v7.lanewise(VectorOperators.XOR, v15).intoArray(cv, 7 * LANES);
    }
}
