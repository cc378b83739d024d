package io.plumbline.gpu.cuda;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import io.plumbline.inference.language.model.LoadedModel.Matrix;
import io.plumbline.verifier.numerics.WeightFormat;
import java.lang.foreign.MemorySegment;

/**
 * Rows of four bits as {@code gemv4.cu} reads them: indices apart from codes and factors, so that both stand at whole
 * 16 bytes.
 */
final class GroupedRows {
    private static final int CODES = 16;

    private GroupedRows() {}

    /** Bytes of a row's indices. */
    static int indexBytes(int columns) {
        return columns / 2;
    }

    /** Bytes of its codes and factors. */
    static int headBytes(int columns) {
        return CODES + (columns / WeightFormat.GROUP + 15) / 16 * 16;
    }

    /** Writes the indices of rows from {@code first} on, as many as {@code to} has room for. */
    static void copyIndices(Matrix matrix, long first, MemorySegment to) {
        int bytes = indexBytes(matrix.columns());
        long rowBytes = matrix.format().rowBytes(matrix.columns());
        for (int i = 0; i < to.byteSize() / bytes; i++) {
            MemorySegment.copy(matrix.weights(), (first + i) * rowBytes, to, (long) i * bytes, bytes);
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
            long from = (first + i) * rowBytes + indexBytes(matrix.columns());
            MemorySegment.copy(matrix.weights(), from, to, at + CODES, factors);
        }
    }
}
