package io.plumbline.gpu.cuda;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import io.plumbline.inference.language.kernels.ScalarKernels;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Random;
import org.bytedeco.cuda.cudart.CUstream_st;

/**
 * Exact products by the kernel that suits the number of rows: a warp a weight row for few, tensor cores for many. Where
 * tensor cores are not exact, or slower than plain dot products (some GPUs have cut them for int8), the latter take
 * all; so they do of weights of four bits, but on Hopper.
 */
final class Products {
    /** Rows up to which each weight row is read by a warp, and up to which tiles are narrow. */
    static final int GEMV_ROWS = 8;

    private static final int NARROW_ROWS = 64;
    private static final int WIDE = 128;
    private static final int NARROW = 32;

    /**
     * Columns that narrow tiles can cover: a grid's second dimension, where columns stand, goes no further. A
     * vocabulary may have more.
     */
    private static final int MOST_NARROW_COLUMNS = NARROW * 65_535;

    private static final int THREADS = 128;
    private static final String GATE = "gate";

    /** What multiplies more rows than one: plain dot products, {@code mma.sync}, or Hopper's {@code wgmma}. */
    enum Way {
        DOT,
        MMA,
        WGMMA
    }

    /**
     * The kernel that multiplies a number of rows, and its grid: tensor cores take rows along x, so that blocks which
     * run together share their columns, and weights are read once.
     *
     * @param z blocks that share a tile's k.
     * @param shared bytes of dynamic shared memory.
     */
    record Shape(String kernel, int x, int y, int z, int threads, int shared) {
        /**
         * @param after what becomes of the products: "store", "residual" or "gate", which has twice {@code n} weight
         *     rows.
         * @param n outputs a row.
         * @param k elements of a weight row.
         */
        static Shape of(Way way, String after, int rows, int n, int k, int multiprocessors) {
            if (rows > 1 && way == Way.WGMMA && k % 16 == 0) {
                return ofHopper(false, after, rows, n, k, multiprocessors);
            }
            if (rows <= GEMV_ROWS) {
                return ofFew("gemv_", after, rows, n);
            }
            int columns = columns(after, n);
            return rows <= NARROW_ROWS && columns <= MOST_NARROW_COLUMNS
                    ? new Shape(
                            "gemm_" + after + "_narrow", 1, blocks(columns, NARROW), 1, THREADS, Kernels.NARROW_SHARED)
                    : new Shape(
                            "gemm_" + after + "_wide",
                            blocks(rows, WIDE),
                            blocks(columns, WIDE),
                            1,
                            THREADS,
                            Kernels.WIDE_SHARED);
        }

        /** Weight rows of the products; gate and up stand in turn, eight of each. */
        private static int columns(String after, int n) {
            return after.equals(GATE) ? 2 * ((n + 7) / 8 * 8) : n;
        }

        /**
         * The kernel for weights of four bits: tensor cores take eight rows without shared memory, and Hopper's own
         * instruction takes more.
         */
        static Shape ofGrouped(Way way, String after, int rows, int n, int k, int multiprocessors) {
            if (way == Way.DOT) {
                return ofFew("gemv4_", after, rows, n);
            }
            return rows > GEMV_ROWS
                    ? ofHopper(true, after, rows, n, k, multiprocessors)
                    : new Shape("gemm4_" + after, blocks(columns(after, n), 16), 1, 1, 256, 0);
        }

        private static Shape ofHopper(boolean isGrouped, String after, int rows, int n, int k, int multiprocessors) {
            int columns = columns(after, n);
            HopperTile tile = HopperTile.of(isGrouped, rows, columns);
            int x = blocks(rows, tile.rows());
            int y = blocks(columns, tile.weights());
            int splits = tile.splits((long) x * y, k, multiprocessors);
            return new Shape(tile.kernel(after), x, y, splits, tile.threads(), tile.shared());
        }

        private static Shape ofFew(String kind, String after, int rows, int n) {
            int count = rows <= 1 ? 1 : 2 * Integer.highestOneBit(rows - 1);
            return new Shape(kind + after + "_" + count, blocks(n, 4), 1, 1, THREADS, 0);
        }

        private static int blocks(int all, int each) {
            return (all + each - 1) / each;
        }

        void run(Launcher to) {
            to.run(x, y, z, threads, shared);
        }

        /** Whether its kernel wants room for sums that blocks share. */
        private boolean isHopper() {
            return kernel.startsWith("hopper");
        }
    }

    private final Way way;
    private final int multiprocessors;
    private final long sums;
    private final long arrived;

    private Products(Way way, int multiprocessors, long sums, long arrived) {
        this.way = way;
        this.multiprocessors = multiprocessors;
        this.sums = sums;
        this.arrived = arrived;
    }

    /** By a given way, to be given room by {@link #in} before it multiplies. */
    static Products by(Way way, Cuda cuda) {
        return new Products(way, cuda.multiprocessors(), 0, 0);
    }

    /**
     * The same way with room of its own to work in, zeros between launches: those of one stream share it, those of two
     * may not.
     *
     * @param stream in which that room is cleared.
     */
    Products in(Cuda cuda, Owned owned, CUstream_st stream) {
        if (way != Way.WGMMA) {
            return this;
        }
        long zeros = owned.allocate(workingBytes());
        cuda.clear(stream, zeros, workingBytes());
        return new Products(way, multiprocessors, zeros, zeros + HopperTile.MOST_SHARED_BYTES);
    }

    /** Bytes that {@link #in} takes at most. */
    static long workingBytes() {
        return HopperTile.MOST_SHARED_BYTES + 4L * HopperTile.MOST_SHARED_TILES;
    }

    /** What takes more rows than one. */
    Way way() {
        return way;
    }

    /** {@code y[r][i] = sum x[r][j] * w[i][j]}, int32, for {@code n} weight rows of {@code k}. */
    void store(Launcher to, long x, int rows, DeviceMatrix w, int n, int k, long y) {
        for (int r = 0; r < rows; r += slice(rows, w)) {
            int count = Math.min(slice(rows, w), rows - r);
            Shape shape = shape("store", count, w, n, k);
            begin(to, shape, x + (long) r * k, count, w, n, k).with(y + 4L * r * n);
            shape.run(to);
        }
    }

    /** Adds to {@code h} what {@link #store} gives, dequantized by the rows' scales and the weight rows'. */
    void residual(Launcher to, long x, int rows, DeviceMatrix w, int n, int k, long scale, long rowScale, long h) {
        for (int r = 0; r < rows; r += slice(rows, w)) {
            int count = Math.min(slice(rows, w), rows - r);
            Shape shape = shape("residual", count, w, n, k);
            begin(to, shape, x + (long) r * k, count, w, n, k)
                    .with(scale + 4L * r)
                    .with(rowScale)
                    .with(h + 4L * r * n);
            shape.run(to);
        }
    }

    /**
     * silu of the first {@code n} weight rows' products times the next {@code n}'s, and each row's largest magnitude,
     * cleared before.
     */
    void gate(
            Launcher to, long x, int rows, DeviceMatrix w, int n, int k, long scale, long rowScale, long h, long most) {
        for (int r = 0; r < rows; r += slice(rows, w)) {
            int count = Math.min(slice(rows, w), rows - r);
            Shape shape = shape(GATE, count, w, n, k);
            begin(to, shape, x + (long) r * k, count, w, n, k)
                    .with(scale + 4L * r)
                    .with(rowScale)
                    .with(h + 4L * r * n)
                    .with(most + 4L * r);
            shape.run(to);
        }
    }

    /** Rows that one launch takes. */
    private int slice(int rows, DeviceMatrix w) {
        return way == Way.WGMMA || way == Way.MMA && !w.isGrouped() ? rows : GEMV_ROWS;
    }

    private Shape shape(String after, int rows, DeviceMatrix w, int n, int k) {
        return w.isGrouped()
                ? Shape.ofGrouped(way, after, rows, n, k, multiprocessors)
                : Shape.of(way, after, rows, n, k, multiprocessors);
    }

    private Launcher begin(Launcher to, Shape shape, long x, int rows, DeviceMatrix w, int n, int k) {
        long products = (shape.kernel().contains(GATE) ? 2L : 1L) * n * k;
        long bytes = w.isGrouped() ? products * 17 / 32 : products;
        to.kernel(shape.kernel())
                .counted(rows + " rows, " + n + "x" + k, bytes, 2 * products * rows)
                .with(x)
                .with(rows)
                .with(w.weights());
        if (w.isGrouped()) {
            to.with(w.heads());
        }
        to.with(n).with(k);
        return shape.isHopper() ? to.with(sums).with(arrived) : to;
    }

    /**
     * Tries every way on this GPU. Hopper's own instruction is taken wherever it is exact: {@code mma.sync} reaches two
     * thirds of it there.
     *
     * @throws CudaException when not even plain dot products equal the specification: nothing exact can run here.
     */
    static Products choose(Cuda cuda) {
        try (Owned owned = new Owned(cuda)) {
            Launcher launcher = owned.launcher(owned.stream());
            int[] expected = expected();
            if (!isExact(cuda, launcher, Way.DOT, expected, SMALL_ROWS)) {
                throw new CudaException(
                        "int8 dot products on " + cuda.name()
                                + " do not equal the specification: nothing exact can run there. Replace the GPU, or report it.");
            }
            Way way = Way.DOT;
            if (isExact(cuda, launcher, Way.MMA, expected, NARROW_ROWS, SMALL_ROWS)) {
                // Where 16 does not divide k, Hopper's rows go by mma too.
                if (cuda.has(HopperTile.ROWS_8.kernel("store"))
                        && isExact(cuda, launcher, Way.WGMMA, expected, WGMMA_ROWS)) {
                    way = Way.WGMMA;
                } else if (time(cuda, launcher, Way.MMA) <= time(cuda, launcher, Way.DOT)) {
                    way = Way.MMA;
                }
            }
            return by(way, cuda);
        }
    }

    private static boolean isExact(Cuda cuda, Launcher to, Way way, int[] expected, int... rows) {
        for (int count : rows) {
            int[] exact = Arrays.copyOf(expected, count * SMALL_N);
            if (!Arrays.equals(exact, trial(cuda, to, way, count, SMALL_N, SMALL_K, 0))) {
                return false;
            }
        }
        return true;
    }

    /** Of the trial: odd, and long enough for blocks to share a tile's k. */
    private static final int SMALL_ROWS = 200;

    private static final int SMALL_N = 40;
    private static final int SMALL_K = 1104;

    /** One number for each tile of {@link HopperTile}. */
    private static final int[] WGMMA_ROWS = {7, 9, 17, 33, 65, SMALL_ROWS};

    private static final int TIMED_ROWS = 128;
    private static final int TIMED = 256;
    private static final int ROUNDS = 3;
    private static final int REPEATED = 200;

    /** What takes longer than this at once need not be repeated to be timed, in ns. */
    private static final long LONG = 20_000_000;

    private static byte[] random(int seed, int n) {
        byte[] values = new byte[n];
        new Random(seed).nextBytes(values);
        for (int i = 0; i < n; i++) {
            values[i] = values[i] == -128 ? 127 : values[i];
        }
        return values;
    }

    private static int[] expected() {
        int[] y = new int[SMALL_ROWS * SMALL_N];
        MemorySegment w = MemorySegment.ofArray(random(2, SMALL_N * SMALL_K));
        new ScalarKernels()
                .multiply(random(1, SMALL_ROWS * SMALL_K), 0, SMALL_ROWS, SMALL_K, w, 0, SMALL_N, y, 0, SMALL_N);
        return y;
    }

    /** Products of random matrices, {@code again} times more. */
    private static int[] trial(Cuda cuda, Launcher to, Way way, int rows, int n, int k, int again) {
        // Rows in eights: the last launch may read, not use, what lies behind.
        int padded = (rows + 7) / 8 * 8;
        try (Owned owned = new Owned(cuda)) {
            MemorySegment up = owned.pinned((long) padded * k + (long) n * k);
            MemorySegment down = owned.pinned(4L * rows * n);
            long device = owned.allocate(up.byteSize());
            long y = owned.allocate(down.byteSize());
            MemorySegment.copy(random(1, padded * k), 0, up, JAVA_BYTE, 0, padded * k);
            MemorySegment.copy(random(2, n * k), 0, up, JAVA_BYTE, (long) padded * k, n * k);
            cuda.upload(to.stream(), device, up);
            Products products = by(way, cuda).in(cuda, owned, to.stream());
            for (int i = 0; i <= again; i++) {
                products.store(to, device, rows, new DeviceMatrix(device + (long) padded * k), n, k, y);
            }
            cuda.download(to.stream(), down, y);
            cuda.await(to.stream());
            return down.toArray(JAVA_INT);
        }
    }

    private static long time(Cuda cuda, Launcher to, Way way) {
        long once = time(cuda, to, way, 0);
        if (once > LONG) {
            return once;
        }
        long best = Long.MAX_VALUE;
        for (int round = 0; round < ROUNDS; round++) {
            best = Math.min(best, time(cuda, to, way, REPEATED));
        }
        return best;
    }

    private static long time(Cuda cuda, Launcher to, Way way, int again) {
        long begin = System.nanoTime();
        trial(cuda, to, way, TIMED_ROWS, TIMED, TIMED, again);
        return System.nanoTime() - begin;
    }
}
