package io.plumbline.gpu.cuda;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import io.plumbline.inference.language.kernels.ScalarKernels;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Random;

/**
 * int8 products by the kernel that suits the number of rows: a warp a weight row for few, tensor cores for many.
 * Where tensor cores are not exact, or slower than plain dot products (some GPUs have cut them for int8), the latter
 * take all.
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

    /**
     * The kernel that multiplies a number of rows, and its grid: tensor cores take rows along x, so that blocks which
     * run together share their columns, and weights are read once.
     *
     * @param shared bytes of dynamic shared memory.
     */
    record Shape(String kernel, int x, int y, int shared) {
        /**
         * @param after what becomes of the products: "store", "residual" or "gate", which has twice {@code n} weight
         *     rows.
         * @param n outputs a row.
         */
        static Shape of(String after, int rows, int n) {
            if (rows <= GEMV_ROWS) {
                int count = rows <= 1 ? 1 : 2 * Integer.highestOneBit(rows - 1);
                return new Shape("gemv_" + after + "_" + count, (n + 3) / 4, 1, 0);
            }
            int columns = after.equals(GATE) ? 2 * ((n + 7) / 8 * 8) : n;
            return rows <= NARROW_ROWS && columns <= MOST_NARROW_COLUMNS
                    ? new Shape("gemm_" + after + "_narrow", 1, blocks(columns, NARROW), Kernels.NARROW_SHARED)
                    : new Shape(
                            "gemm_" + after + "_wide", blocks(rows, WIDE), blocks(columns, WIDE), Kernels.WIDE_SHARED);
        }

        private static int blocks(int all, int each) {
            return (all + each - 1) / each;
        }

        void run(Launcher to) {
            to.run(x, y, 1, THREADS, shared);
        }
    }

    private final boolean tensorCores;

    private Products(boolean tensorCores) {
        this.tensorCores = tensorCores;
    }

    /** By a given way, to compare them. */
    static Products by(boolean tensorCores) {
        return new Products(tensorCores);
    }

    /** Whether many rows go through tensor cores. */
    boolean tensorCores() {
        return tensorCores;
    }

    /** {@code y[r][i] = sum x[r][j] * w[i][j]}, int32, for {@code n} weight rows of {@code k}. */
    void store(Launcher to, long x, int rows, long w, int n, int k, long y) {
        for (int r = 0; r < rows; r += slice(rows)) {
            int count = Math.min(slice(rows), rows - r);
            Shape shape = Shape.of("store", count, n);
            begin(to, shape, x + (long) r * k, count, w, n, k).with(y + 4L * r * n);
            shape.run(to);
        }
    }

    /** Adds to {@code h} what {@link #store} gives, dequantized by the rows' scales and the weight rows'. */
    void residual(Launcher to, long x, int rows, long w, int n, int k, long scale, long rowScale, long h) {
        for (int r = 0; r < rows; r += slice(rows)) {
            int count = Math.min(slice(rows), rows - r);
            Shape shape = Shape.of("residual", count, n);
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
    void gate(Launcher to, long x, int rows, long w, int n, int k, long scale, long rowScale, long h, long most) {
        for (int r = 0; r < rows; r += slice(rows)) {
            int count = Math.min(slice(rows), rows - r);
            Shape shape = Shape.of(GATE, count, n);
            begin(to, shape, x + (long) r * k, count, w, n, k)
                    .with(scale + 4L * r)
                    .with(rowScale)
                    .with(h + 4L * r * n)
                    .with(most + 4L * r);
            shape.run(to);
        }
    }

    /** Rows that one launch takes. */
    private int slice(int rows) {
        return tensorCores ? rows : GEMV_ROWS;
    }

    private static Launcher begin(Launcher to, Shape shape, long x, int rows, long w, int n, int k) {
        return to.kernel(shape.kernel()).with(x).with(rows).with(w).with(n).with(k);
    }

    /**
     * Tries every way on this GPU.
     *
     * @throws CudaException when not even plain dot products equal the specification: nothing exact can run here.
     */
    static Products choose(Cuda cuda) {
        try (Owned owned = new Owned(cuda)) {
            Launcher launcher = owned.launcher(owned.stream());
            int[] expected = expected();
            if (!Arrays.equals(expected, trial(cuda, launcher, by(false), SMALL_ROWS, SMALL_N, SMALL_K, 0))) {
                throw new CudaException(
                        "int8 dot products on " + cuda.name()
                                + " do not equal the specification: nothing exact can run there. Replace the GPU, or report it.");
            }
            for (int rows : new int[] {NARROW_ROWS, SMALL_ROWS}) {
                int[] exact = Arrays.copyOf(expected, rows * SMALL_N);
                if (!Arrays.equals(exact, trial(cuda, launcher, by(true), rows, SMALL_N, SMALL_K, 0))) {
                    return by(false);
                }
            }
            return by(time(cuda, launcher, by(true)) <= time(cuda, launcher, by(false)));
        }
    }

    private static final int SMALL_ROWS = 72;
    private static final int SMALL_N = 40;
    private static final int SMALL_K = 208;
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
                .multiply(random(1, SMALL_ROWS * SMALL_K), SMALL_ROWS, SMALL_K, w, 0, SMALL_N, y, 0, SMALL_N);
        return y;
    }

    /** Products of random matrices, {@code again} times more. */
    private static int[] trial(Cuda cuda, Launcher to, Products products, int rows, int n, int k, int again) {
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
            for (int i = 0; i <= again; i++) {
                products.store(to, device, rows, device + (long) padded * k, n, k, y);
            }
            cuda.download(to.stream(), down, y);
            cuda.await(to.stream());
            return down.toArray(JAVA_INT);
        }
    }

    private static long time(Cuda cuda, Launcher to, Products products) {
        long once = time(cuda, to, products, 0);
        if (once > LONG) {
            return once;
        }
        long best = Long.MAX_VALUE;
        for (int round = 0; round < ROUNDS; round++) {
            best = Math.min(best, time(cuda, to, products, REPEATED));
        }
        return best;
    }

    private static long time(Cuda cuda, Launcher to, Products products, int again) {
        long begin = System.nanoTime();
        trial(cuda, to, products, TIMED_ROWS, TIMED, TIMED, again);
        return System.nanoTime() - begin;
    }
}
