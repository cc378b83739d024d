package io.plumbline.verifier.audit;

import io.plumbline.verifier.blake3.ChunkSet;
import io.plumbline.verifier.blake3.Slice;
import io.plumbline.verifier.model.Manifest;
import io.plumbline.verifier.numerics.WeightFormat;
import java.lang.foreign.MemorySegment;

/**
 * One matrix row whose product a node gave wrong, with the proof that it is the model's: with it anyone confirms the
 * lie by as many multiply-adds as the row has elements.
 *
 * @param tensor of the row.
 * @param row index in that tensor.
 * @param slice of the tensor that holds the row.
 */
public record WrongRow(String tensor, int row, byte[] slice) {
    /** The slice that holds one row of a tensor. */
    static Slice slice(Manifest.Tensor tensor, int row) {
        long from = (long) row * tensor.rowBytes();
        return new Slice(null, tensor.bytes(), new ChunkSet().addBytes(from, from + tensor.rowBytes()));
    }

    /** The row's elements, proven to be the model's; null where they are not. */
    MemorySegment proven(Manifest manifest) {
        Manifest.Tensor of = manifest.tensor(tensor);
        if (row < 0 || row >= of.shape()[0] || of.format() == null) {
            return null;
        }
        Slice.Proven proven = slice(of, row).verify(MemorySegment.ofArray(slice), of.hash());
        return proven == null ? null : proven.bytes((long) row * of.rowBytes(), of.rowBytes());
    }

    /** The product of a row's {@code columns} elements with {@code x} from {@code offset}. */
    static long product(WeightFormat format, MemorySegment row, int columns, byte[] x, int offset) {
        short[] elements = new short[columns];
        format.widen(row, 0, columns, elements);
        long sum = 0;
        for (int i = 0; i < columns; i++) {
            sum += elements[i] * x[offset + i];
        }
        return sum;
    }
}
