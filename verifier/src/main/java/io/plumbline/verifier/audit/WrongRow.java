package io.plumbline.verifier.audit;

import io.plumbline.verifier.blake3.ChunkSet;
import io.plumbline.verifier.blake3.Slice;
import io.plumbline.verifier.model.Manifest;
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
        if (row < 0 || row >= of.shape()[0] || !of.dtype().equals("I8")) {
            return null;
        }
        Slice.Proven proven = slice(of, row).verify(MemorySegment.ofArray(slice), of.hash());
        return proven == null ? null : proven.bytes((long) row * of.rowBytes(), of.rowBytes());
    }

    /** The row's product with {@code x} from {@code offset}. */
    static long product(MemorySegment row, byte[] x, int offset) {
        long sum = 0;
        for (int i = 0; i < row.byteSize(); i++) {
            sum += row.get(java.lang.foreign.ValueLayout.JAVA_BYTE, i) * x[offset + i];
        }
        return sum;
    }
}
