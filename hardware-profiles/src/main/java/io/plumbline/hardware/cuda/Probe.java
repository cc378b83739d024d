package io.plumbline.hardware.cuda;

import io.plumbline.inference.engine.Accelerator.Rates;
import java.util.function.LongConsumer;
import org.bytedeco.cuda.cudart.CUstream_st;

/** Measures what a GPU can do at most. */
final class Probe {
    private static final int PASSES = 5;
    private static final int BLOCKS_EACH = 16;

    /** Bytes read in a pass, where so many are free; far more than any cache holds. */
    private static final long MOST_BYTES = 4L << 30;

    private static final long LEAST_BYTES = 1 << 16;
    private static final long MOST_ROUNDS = 1 << 16;

    /** A pass that takes this long, in s, is long enough beside what a launch costs. */
    private static final double LONG = 0.01;

    private Probe() {}

    static Rates measure(Cuda cuda) {
        cuda.makeCurrent();
        CUstream_st stream = cuda.stream();
        int blocks = cuda.multiprocessors() * BLOCKS_EACH;
        long bytes = Math.min(MOST_BYTES, cuda.freeBytes() / 2) / 16 * 16;
        long from = cuda.allocate(bytes);
        long out = cuda.allocate(4L * blocks * 256);
        try (Launcher launcher = new Launcher(cuda, stream)) {
            cuda.clear(stream, from, bytes);
            cuda.await(stream);
            double read = best(LEAST_BYTES, bytes, n -> {
                launcher.kernel("probe_read").with(from).with(n / 16).with(out).run(blocks, 1, 256);
                cuda.await(stream);
            });
            double rounds = best(1, MOST_ROUNDS, n -> {
                launcher.kernel("probe_mma").with((int) n).with(out).run(blocks, 1, 128);
                cuda.await(stream);
            });
            // Four warps, eight products of 16 x 32 x 8 a round, two operations each.
            return new Rates(read, rounds * 2.0 * blocks * 4 * 8 * 16 * 32 * 8);
        } finally {
            cuda.free(from);
            cuda.free(out);
            cuda.destroy(stream);
        }
    }

    /** Units a second, at a size that takes long enough to be timed. */
    private static double best(long least, long most, LongConsumer work) {
        long n = least;
        while (seconds(work, n) < LONG && 4 * n <= most) {
            n *= 4;
        }
        double best = 0;
        for (int pass = 0; pass < PASSES; pass++) {
            best = Math.max(best, n / seconds(work, n));
        }
        return best;
    }

    private static double seconds(LongConsumer work, long n) {
        long begin = System.nanoTime();
        work.accept(n);
        return (System.nanoTime() - begin) / 1e9;
    }
}
