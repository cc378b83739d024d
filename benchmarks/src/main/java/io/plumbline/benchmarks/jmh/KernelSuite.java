package io.plumbline.benchmarks.jmh;

import io.plumbline.inference.language.kernels.IntKernels;
import io.plumbline.verifier.numerics.WeightFormat;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.TearDown;

/**
 * The integer products of a layer, per row of inputs: a matrix's of int8 and of four bits, with one row, as in decode,
 * and with 32, as in prefill, and one head's attention over 1,024 tokens.
 */
public class KernelSuite extends Suite {
    private static final int ROWS = 32;
    private static final int HEAD = 128;
    private static final int TOKENS = 1024;

    /** See {@link Forms#backend}. */
    @Param({"scalar", "vector", "best"})
    private String form;

    /** Rows and columns of the matrix. */
    @Param({"512", "4096"})
    private int width;

    private IntKernels kernels;
    private Arena arena;
    private MemorySegment weights;
    private MemorySegment fourBits;
    private MemorySegment keys;
    private byte[] inputs;
    private int[] products;
    private final short[] query = new short[HEAD];
    private final short[] shares = new short[TOKENS];
    private final int[] scores = new int[TOKENS];
    private final int[] high = new int[HEAD];
    private final int[] low = new int[HEAD];

    /** Random weights and inputs. */
    @Setup
    public void prepare() {
        kernels = Forms.backend(form).kernels().get();
        arena = Arena.ofShared();
        weights = arena.allocate((long) width * width, 64).copyFrom(MemorySegment.ofArray(symmetric(width * width, 1)));
        byte[] grouped = symmetric(width * WeightFormat.INT4_NORMAL.rowBytes(width), 5);
        fourBits = arena.allocate(grouped.length, 64).copyFrom(MemorySegment.ofArray(grouped));
        keys = arena.allocate(2L * TOKENS * HEAD, 64).copyFrom(MemorySegment.ofArray(cached()));
        inputs = symmetric(ROWS * width, 3);
        products = new int[ROWS * width];
        byte[] small = symmetric(TOKENS, 4);
        for (int i = 0; i < TOKENS; i++) {
            shares[i] = (short) (Math.abs(small[i]) << 7);
        }
        for (int i = 0; i < HEAD; i++) {
            query[i] = (short) (small[i] << 4);
        }
    }

    /** Keys or values of a head: of 12 bits each. */
    private static short[] cached() {
        byte[] random = symmetric(TOKENS * HEAD, 2);
        short[] cached = new short[random.length];
        for (int i = 0; i < cached.length; i++) {
            cached[i] = (short) (random[i] << 4);
        }
        return cached;
    }

    @TearDown
    public void free() {
        arena.close();
    }

    @Benchmark
    public int[] multiplyOne() {
        kernels.multiply(inputs, 0, 1, width, weights, 0, width, products, 0, width);
        return products;
    }

    @Benchmark
    @OperationsPerInvocation(ROWS)
    public int[] multiplyMany() {
        kernels.multiply(inputs, 0, ROWS, width, weights, 0, width, products, 0, width);
        return products;
    }

    @Benchmark
    public int[] multiplyOneInt4() {
        kernels.multiplyGrouped(inputs, 0, 1, width, fourBits, WeightFormat.INT4_NORMAL, 0, width, products, 0, width);
        return products;
    }

    @Benchmark
    @OperationsPerInvocation(ROWS)
    public int[] multiplyManyInt4() {
        kernels.multiplyGrouped(
                inputs, 0, ROWS, width, fourBits, WeightFormat.INT4_NORMAL, 0, width, products, 0, width);
        return products;
    }

    @Benchmark
    public int[] scores() {
        kernels.scores(query, 0, HEAD, 1, keys, 0, HEAD, TOKENS / IntKernels.KEY_BLOCK, scores, 0, TOKENS);
        return scores;
    }

    @Benchmark
    public int[] values() {
        kernels.values(shares, 0, TOKENS, 1, keys, 0, HEAD, TOKENS / IntKernels.VALUE_QUAD, high, low, 0, HEAD);
        return high;
    }
}
