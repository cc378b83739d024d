package io.plumbline.benchmarks.jmh;

import io.plumbline.verifier.freivalds.MatrixKey;
import io.plumbline.verifier.freivalds.SecretInts;
import io.plumbline.verifier.numerics.WeightFormat;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Setup;

/**
 * One token's products of all matrices of an 8B model's layer, checked by keys as they are here and by keys in a prime
 * field. Both have the same matrices, inputs and products, which fit the second cache.
 */
@OutputTimeUnit(TimeUnit.MICROSECONDS)
public class LayerProductsSuite extends Suite {
    /** Outputs and inputs: query, key, value, output projection, gate, up, down. */
    private static final int[][] SHAPES = {
        {4096, 4096}, {1024, 4096}, {1024, 4096}, {4096, 4096}, {14_336, 4096}, {14_336, 4096}, {4096, 14_336}
    };

    /** Tokens that are checked together. */
    private static final int TOKENS = 4;

    private final List<Products> matrices = new ArrayList<>();

    /** A matrix's keys, and its inputs and products for each token. */
    private record Products(MatrixKey ring, PrimeFieldKey field, byte[] x, int[] y) {
        boolean holdByRing() {
            return ring.firstFalse(x, y, TOKENS) < 0;
        }

        boolean holdByField() {
            boolean hold = true;
            for (int t = 0; t < TOKENS; t++) {
                hold &= field.holds(x, t * (x.length / TOKENS), y, t * (y.length / TOKENS));
            }
            return hold;
        }
    }

    /** Random weights and inputs, and the products that are theirs. */
    @Setup
    public void prepare() {
        SplittableRandom random = new SplittableRandom(7);
        for (int[] shape : SHAPES) {
            matrices.add(random(shape[0], shape[1], random));
        }
        if (!ring() || !field()) {
            throw new IllegalStateException("True products are called false.");
        }
        for (Products one : matrices) {
            one.y[0] ^= 1;
            if (ring() || field()) {
                throw new IllegalStateException("A false product is not found.");
            }
            one.y[0] ^= 1;
        }
    }

    private static Products random(int n, int k, SplittableRandom random) {
        MatrixKey ring = new MatrixKey(n, k, new SecretInts());
        PrimeFieldKey field = new PrimeFieldKey(n, k, random);
        byte[] x = symmetric(TOKENS * k, random);
        int[] y = new int[TOKENS * n];
        for (int i = 0; i < n; i++) {
            byte[] row = symmetric(k, random);
            ring.addRows(WeightFormat.INT8, i, 1, MemorySegment.ofArray(row), 0);
            field.addRow(i, row);
            for (int t = 0; t < TOKENS; t++) {
                for (int j = 0; j < k; j++) {
                    y[t * n + i] += row[j] * x[t * k + j];
                }
            }
        }
        return new Products(ring, field, x, y);
    }

    /** Bytes from -127 to 127, as quantized inputs and weights have. */
    private static byte[] symmetric(int count, SplittableRandom random) {
        byte[] bytes = new byte[count];
        for (int i = 0; i < count; i++) {
            bytes[i] = (byte) random.nextInt(-127, 128);
        }
        return bytes;
    }

    /** In Z/2^64, two rounds: a false product passes with 2^-64. */
    @Benchmark
    @OperationsPerInvocation(TOKENS)
    public boolean ring() {
        boolean hold = true;
        for (Products one : matrices) {
            hold &= one.holdByRing();
        }
        return hold;
    }

    /** In a prime field, one round: with 2^-32. */
    @Benchmark
    @OperationsPerInvocation(TOKENS)
    public boolean field() {
        boolean hold = true;
        for (Products one : matrices) {
            hold &= one.holdByField();
        }
        return hold;
    }
}
