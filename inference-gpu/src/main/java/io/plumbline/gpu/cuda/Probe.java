package io.plumbline.gpu.cuda;

import io.plumbline.hardware.Datasheet;
import io.plumbline.inference.language.engine.Accelerator.Rates;
import java.util.function.LongConsumer;
import org.bytedeco.cuda.cudart.CUevent_st;
import org.bytedeco.cuda.cudart.CUstream_st;

/** Measures what a GPU can do at most, by the GPU's own clock: what a launch costs the host is not in it. */
final class Probe {
    /** A kernel of compute capability 9.0, and the dynamic shared memory of its blocks in bytes: two pairs of tiles. */
    static final String WGMMA = "probe_wgmma";

    static final int WGMMA_SHARED = 1024 + 2 * (64 + 256) * 128;

    private static final int PASSES = 5;

    /** Blocks a multiprocessor: as many as are resident together on every supported GPU, so that none comes last. */
    private static final int READ_BLOCKS = 4;

    private static final int MMA_BLOCKS = 8;
    private static final int READ_THREADS = 256;
    private static final int MMA_THREADS = 128;
    private static final int WGMMA_THREADS = 256;

    /** Bytes read in a pass, where so many are free; far more than any cache holds. */
    private static final long MOST_BYTES = 4L << 30;

    private static final long LEAST_BYTES = 1 << 16;
    private static final long MOST_ROUNDS = 1 << 16;
    private static final int MOST_LAUNCHES = 1 << 10;

    /** A pass that takes this long, in s, shows what the GPU sustains. */
    private static final double LONG = 0.03;

    private final Cuda cuda;
    private final CUstream_st stream;
    private final CUevent_st begin;
    private final CUevent_st end;

    private Probe(Cuda cuda, Owned owned) {
        this.cuda = cuda;
        this.stream = owned.stream();
        this.begin = owned.timedEvent();
        this.end = owned.timedEvent();
    }

    static Rates measure(Cuda cuda) {
        cuda.makeCurrent();
        try (Owned owned = new Owned(cuda)) {
            Probe probe = new Probe(cuda, owned);
            Launcher launcher = owned.launcher(probe.stream);
            int processors = cuda.multiprocessors();
            long bytes = Math.min(MOST_BYTES, cuda.freeBytes() / 2) / 16 * 16;
            long from = owned.allocate(bytes);
            long out = owned.allocate(4L * processors * Math.max(READ_BLOCKS * READ_THREADS, MMA_BLOCKS * MMA_THREADS));
            cuda.clear(probe.stream, from, bytes);
            double read = probe.best(
                    LEAST_BYTES,
                    bytes,
                    n -> launcher.kernel("probe_read")
                            .with(from)
                            .with(n / 16)
                            .with(out)
                            .run(processors * READ_BLOCKS, 1, READ_THREADS));
            // Four warps, eight products of 16 x 32 x 8 a round, two operations each.
            double mma = 2.0
                    * processors
                    * MMA_BLOCKS
                    * 4
                    * 8
                    * 16
                    * 32
                    * 8
                    * probe.best(
                            1,
                            MOST_ROUNDS,
                            n -> launcher.kernel("probe_mma")
                                    .with((int) n)
                                    .with(out)
                                    .run(processors * MMA_BLOCKS, 1, MMA_THREADS));
            Datasheet sheet = Datasheet.of(cuda.name());
            return new Rates(
                    read,
                    mma,
                    Math.max(mma, probe.wgmma(launcher, processors, out)),
                    sheet == null ? Double.NaN : sheet.bytesPerSecond(),
                    sheet == null ? Double.NaN : sheet.int8OperationsPerSecond());
        }
    }

    /** By Hopper's own instruction; 0 where there is none. */
    private double wgmma(Launcher launcher, int processors, long out) {
        if (!cuda.has(WGMMA)) {
            return 0;
        }
        // Two times four warps, eight products of 64 x 32 x 256 a round, two operations each.
        return 2.0
                * processors
                * 2
                * 8
                * 64
                * 32
                * 256
                * best(
                        1,
                        MOST_ROUNDS,
                        n -> launcher.kernel(WGMMA)
                                .with((int) n)
                                .with(out)
                                .run(processors, 1, 1, WGMMA_THREADS, WGMMA_SHARED));
    }

    /** Units a second, at a size, and if need be a number of launches, that takes long enough. */
    private double best(long least, long most, LongConsumer work) {
        long n = least;
        int launches = 1;
        while (seconds(work, n, launches) < LONG && launches < MOST_LAUNCHES) {
            if (4 * n <= most) {
                n *= 4;
            } else {
                launches *= 2;
            }
        }
        double best = 0;
        for (int pass = 0; pass < PASSES; pass++) {
            best = Math.max(best, (double) n * launches / seconds(work, n, launches));
        }
        return best;
    }

    private double seconds(LongConsumer work, long n, int launches) {
        cuda.record(begin, stream);
        for (int i = 0; i < launches; i++) {
            work.accept(n);
        }
        cuda.record(end, stream);
        cuda.await(end);
        return cuda.milliseconds(begin, end) / 1e3;
    }
}
