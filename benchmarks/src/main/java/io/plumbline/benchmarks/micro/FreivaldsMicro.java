package io.plumbline.benchmarks.micro;

import io.plumbline.inference.language.kernels.Backend;
import io.plumbline.inference.language.kernels.IntKernels;
import io.plumbline.verifier.freivalds.MatrixKey;
import io.plumbline.verifier.freivalds.SecretInts;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * One token's products of one matrix: checked by Freivalds, and computed again. The matrix is gate and up of an 8B
 * model's layer.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 7, time = 1)
public class FreivaldsMicro {
    public static final int ROWS = 28_672;
    public static final int COLUMNS = 4096;

    /** Tokens in a batch: as many as a cell has. */
    public static final int TOKENS = 256;

    /** Tokens that are checked together. */
    private static final int TOGETHER = 4;

    private final byte[] x = new byte[TOKENS * COLUMNS];
    private final int[] y = new int[TOKENS * ROWS];
    private final byte[] inputs = new byte[TOGETHER * COLUMNS];
    private final int[] products = new int[TOGETHER * ROWS];
    private Arena arena;
    private MemorySegment weights;
    private IntKernels kernels;
    private MatrixKey key;

    /** Random weights and inputs, and the products that are theirs. */
    @Setup
    public void prepare() {
        Random random = new Random(5);
        arena = Arena.ofShared();
        weights = arena.allocate((long) ROWS * COLUMNS, 64);
        fill(random, x);
        byte[] row = new byte[COLUMNS];
        for (int n = 0; n < ROWS; n++) {
            fill(random, row);
            MemorySegment.copy(row, 0, weights, ValueLayout.JAVA_BYTE, (long) n * COLUMNS, COLUMNS);
        }
        kernels = Backend.best().kernels().get();
        kernels.multiply(x, TOKENS, COLUMNS, weights, 0, ROWS, y, 0, ROWS);
        key = makeKey();
        y[ROWS + 17] ^= 1;
        if (firstFalse() != 1) {
            throw new IllegalStateException("A false product is not found.");
        }
        y[ROWS + 17] ^= 1;
        if (firstFalse() != -1) {
            throw new IllegalStateException("True products are called false.");
        }
    }

    private static void fill(Random random, byte[] bytes) {
        random.nextBytes(bytes);
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = bytes[i] == Byte.MIN_VALUE ? 0 : bytes[i];
        }
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
            System.arraycopy(x, t * COLUMNS, inputs, 0, inputs.length);
            System.arraycopy(y, t * ROWS, products, 0, products.length);
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
        kernels.multiply(x, TOKENS, COLUMNS, weights, 0, ROWS, y, 0, ROWS);
        return y;
    }

    /** A fresh key by one pass over the weights. */
    @Benchmark
    public MatrixKey makeKey() {
        MatrixKey made = new MatrixKey(ROWS, COLUMNS, new SecretInts());
        made.addRows(0, ROWS, weights, 0);
        return made;
    }
}
