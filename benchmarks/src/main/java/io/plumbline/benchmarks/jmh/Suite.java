package io.plumbline.benchmarks.jmh;

import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * A suite as all are: mean time of an operation, five forks, since what the compiler did to one fork is seen between
 * several alone, and an empty baseline, which is what measuring itself costs.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(5)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public abstract class Suite {
    /** Does nothing. */
    @Benchmark
    public void empty() {}

    /** The same bytes in every run. */
    static byte[] bytes(int count, long seed) {
        byte[] bytes = new byte[count];
        new Random(seed).nextBytes(bytes);
        return bytes;
    }

    /** Inputs and weights as kernels take them: -127 to 127. */
    static byte[] symmetric(int count, long seed) {
        byte[] bytes = bytes(count, seed);
        for (int i = 0; i < count; i++) {
            bytes[i] = bytes[i] == Byte.MIN_VALUE ? 0 : bytes[i];
        }
        return bytes;
    }

    /** Numbers as activations have them: normal, of deviation 1. */
    static float[] floats(int count, long seed) {
        Random random = new Random(seed);
        float[] floats = new float[count];
        for (int i = 0; i < count; i++) {
            floats[i] = (float) random.nextGaussian();
        }
        return floats;
    }
}
