package io.plumbline.benchmarks.jmh;

import io.plumbline.inference.language.kernels.Backend;
import io.plumbline.inference.language.kernels.IntKernels;
import io.plumbline.verifier.freivalds.MatrixKey;
import io.plumbline.verifier.freivalds.SecretInts;
import io.plumbline.verifier.numerics.WeightFormat;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.TearDown;

/**
 * One token's products of one matrix: checked by Freivalds, and computed again. The matrix is gate and up of a layer of
 * an 8B or a 70B model, or a small one.
 */
@OutputTimeUnit(TimeUnit.MICROSECONDS)
public class MatrixKeySuite extends Suite {
    /** Of the 8B model's matrix. */
    public static final int ROWS = 28_672;

    /** As {@link #ROWS}. */
    public static final int COLUMNS = 4096;

    @Param({"8B", "70B"})
    private String shape;

    private int rows;
    private int columns;

    /** Tokens in a batch: as many as a cell has. */
    public static final int TOKENS = 256;

    /** Tokens that are checked together. */
    private static final int TOGETHER = 4;

    private byte[] x;
    private int[] y;
    private byte[] inputs;
    private int[] products;
    private Arena arena;
    private MemorySegment weights;
    private IntKernels kernels;
    private MatrixKey key;

    /** Random weights and inputs, and the products that are theirs. */
    @Setup
    public void prepare() {
        switch (shape) {
            case "8B" -> size(ROWS, COLUMNS);
            case "70B" -> size(2 * ROWS, 2 * COLUMNS);
            case "small" -> size(1024, 512);
            default ->
                throw new IllegalArgumentException("There is no shape \"" + shape + "\"; there are 8B, 70B and small.");
        }
        x = symmetric(TOKENS * columns, 5);
        y = new int[TOKENS * rows];
        inputs = new byte[TOGETHER * columns];
        products = new int[TOGETHER * rows];
        arena = Arena.ofShared();
        weights = arena.allocate((long) rows * columns, 64);
        for (int n = 0; n < rows; n++) {
            MemorySegment.copy(symmetric(columns, n), 0, weights, ValueLayout.JAVA_BYTE, (long) n * columns, columns);
        }
        kernels = Backend.best().kernels().get();
        kernels.multiply(x, 0, TOKENS, columns, weights, 0, rows, y, 0, rows);
        key = makeKey();
        y[rows + 17] ^= 1;
        if (firstFalse() != 1) {
            throw new IllegalStateException("A false product is not found.");
        }
        y[rows + 17] ^= 1;
        if (firstFalse() != -1) {
            throw new IllegalStateException("True products are called false.");
        }
    }

    private void size(int ofRows, int ofColumns) {
        rows = ofRows;
        columns = ofColumns;
    }

    @TearDown
    public void free() {
        arena.close();
    }

    /** As an audit does it: products come from memory, four tokens at a time. */
    @Benchmark
    @OperationsPerInvocation(TOKENS)
    public int check() {
        return firstFalse();
    }

    private int firstFalse() {
        for (int t = 0; t < TOKENS; t += TOGETHER) {
            System.arraycopy(x, t * columns, inputs, 0, inputs.length);
            System.arraycopy(y, t * rows, products, 0, products.length);
            int bad = key.firstFalse(inputs, products, TOGETHER);
            if (bad >= 0) {
                return t + bad;
            }
        }
        return -1;
    }

    /** The same products again, batched, with the fastest kernels here. */
    @Benchmark
    @OperationsPerInvocation(TOKENS)
    public int[] again() {
        kernels.multiply(x, 0, TOKENS, columns, weights, 0, rows, y, 0, rows);
        return y;
    }

    /** A fresh key by one pass over the weights. */
    @Benchmark
    public MatrixKey makeKey() {
        MatrixKey made = new MatrixKey(rows, columns, new SecretInts());
        made.addRows(WeightFormat.INT8, 0, rows, weights, 0);
        return made;
    }
}
