package io.plumbline.gpu.cuda;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import io.plumbline.inference.language.model.LoadedModel.Matrix;
import io.plumbline.verifier.numerics.WeightFormat;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * Rows of four bits as {@code int4.cuh} has them: indices apart from codes and factors, so that both stand at whole 16
 * bytes, and indices in the order in which a GPU's lanes multiply them.
 */
final class GroupedRows {
    private static final int CODES = 16;

    /** Groups whose indices stand together, bytes of a group's, words of it, and bytes of all of theirs. */
    private static final int TOGETHER = 4;

    private static final int GROUP_BYTES = WeightFormat.GROUP / 2;
    private static final int WORDS = GROUP_BYTES / Integer.BYTES;
    private static final int BLOCK_BYTES = TOGETHER * GROUP_BYTES;
    private static final ValueLayout.OfInt WORD = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /** The low four bits of each byte: four weights that follow each other; those 16 on are in the high ones. */
    private static final int LOW_HALVES = 0x0F0F0F0F;

    private GroupedRows() {}

    /** Bytes of a row's indices. */
    static int indexBytes(int columns) {
        return (columns / 2 + BLOCK_BYTES - 1) / BLOCK_BYTES * BLOCK_BYTES;
    }

    /** Bytes of its codes and factors. */
    static int headBytes(int columns) {
        return CODES + (columns / WeightFormat.GROUP + 15) / 16 * 16;
    }

    /** Writes the indices of rows from {@code first} on, as many as {@code to} has room for. */
    static void copyIndices(Matrix matrix, long first, MemorySegment to) {
        int bytes = indexBytes(matrix.columns());
        int groups = matrix.columns() / WeightFormat.GROUP;
        long rowBytes = matrix.format().rowBytes(matrix.columns());
        MemorySegment from = matrix.weights();
        to.fill((byte) 0);
        for (int i = 0; i < to.byteSize() / bytes; i++) {
            long row = (first + i) * rowBytes;
            long at = (long) i * bytes;
            for (int g = 0; g < groups; g++) {
                long block = at + g / TOGETHER * BLOCK_BYTES + g % TOGETHER * Integer.BYTES;
                for (int t = 0; t < WORDS; t++) {
                    int word = from.get(WORD, row + (long) g * GROUP_BYTES + t * Integer.BYTES);
                    int ordered = Integer.compress(word, LOW_HALVES) | Integer.compress(word, ~LOW_HALVES) << 16;
                    to.set(WORD, block + (long) t * TOGETHER * Integer.BYTES, ordered);
                }
            }
        }
    }

    /** The same of codes and factors. */
    static void copyHeads(Matrix matrix, long first, MemorySegment to) {
        int bytes = headBytes(matrix.columns());
        int factors = matrix.columns() / WeightFormat.GROUP;
        long rowBytes = matrix.format().rowBytes(matrix.columns());
        byte[] codes = matrix.format().codes();
        to.fill((byte) 0);
        for (int i = 0; i < to.byteSize() / bytes; i++) {
            long at = (long) i * bytes;
            MemorySegment.copy(codes, 0, to, JAVA_BYTE, at, CODES);
            long from = (first + i) * rowBytes + (long) factors * GROUP_BYTES;
            MemorySegment.copy(matrix.weights(), from, to, at + CODES, factors);
        }
    }
}
