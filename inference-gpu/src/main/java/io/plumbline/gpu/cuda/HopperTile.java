package io.plumbline.gpu.cuda;

/**
 * Tiles of {@code gemm_hopper.cu}, and of {@code gemm4_hopper.cu} for weights of four bits, by the rows of a batch that
 * one has. Blocks of few rows wait for memory, so several
 * share a multiprocessor. Every block reads all of its rows for its weights: with more rows it has more weights, so
 * that it reads less of rows than of weights. Blocks of 256 rows have all of a multiprocessor's registers.
 */
enum HopperTile {
    ROWS_8(false, 8, 1, 6, 4),
    ROWS_16(false, 16, 1, 5, 4),
    ROWS_32(false, 32, 1, 4, 4),
    ROWS_64(false, 64, 2, 4, 2),
    ROWS_128(false, 128, 2, 3, 2),
    ROWS_256(false, 256, 2, 4, 1),
    GROUPED_16(true, 16, 1, 6, 4),
    GROUPED_32(true, 32, 1, 5, 3),
    GROUPED_64(true, 64, 2, 4, 2),
    GROUPED_128(true, 128, 2, 4, 1);

    /** A grid's second dimension, where weight rows stand, goes no further. */
    private static final int MOST_BLOCKS = 65_535;

    /** Bytes of k that a step takes. */
    static final int STEP = 128;

    /** Weight rows and threads of a group of four warps. */
    private static final int GROUP = 64;

    private static final int GROUP_THREADS = 128;

    /** Tiles begin where 1,024 divides the address. */
    private static final int ALIGNMENT = 1024;

    /** Bytes of the factors of a weight row that are in shared memory at once. */
    private static final int FACTOR_BYTES = 64;

    /** Most blocks that share a tile's k, and fewest steps that one is worth. */
    private static final int MOST_SPLITS = 8;

    private static final int LEAST_STEPS = 4;

    /** Time of a block beside its steps, in steps: its first loads, and what becomes of its sums. */
    private static final int OVERHEAD_STEPS = 4;

    /** Steps that it takes to find out which of the blocks that share a tile is last, and to read their sums. */
    private static final int SHARING_STEPS = 2;

    /** Most tiles whose k is shared, and bytes of their sums. */
    static final int MOST_SHARED_TILES = 4096;

    static final long MOST_SHARED_BYTES = 8 << 20;

    private final boolean isGrouped;
    private final int rows;
    private final int groups;
    private final int stages;
    private final int resident;

    /**
     * @param isGrouped whether weights are of four bits.
     * @param rows of a batch.
     * @param groups of four warps, each with 64 weight rows.
     * @param stages of shared memory.
     * @param resident blocks that a multiprocessor has at once.
     */
    HopperTile(boolean isGrouped, int rows, int groups, int stages, int resident) {
        this.isGrouped = isGrouped;
        this.rows = rows;
        this.groups = groups;
        this.stages = stages;
        this.resident = resident;
    }

    /**
     * The smallest that takes all of {@code rows} rows, or the largest; its weight rows cover {@code columns} of them
     * within a grid's second dimension.
     */
    static HopperTile of(boolean isGrouped, int rows, int columns) {
        HopperTile largest = null;
        for (HopperTile tile : values()) {
            if (tile.isGrouped == isGrouped) {
                largest = tile;
                if (rows <= tile.rows && columns <= MOST_BLOCKS * tile.weights()) {
                    break;
                }
            }
        }
        return largest;
    }

    int rows() {
        return rows;
    }

    /** Weight rows. */
    int weights() {
        return GROUP * groups;
    }

    int threads() {
        return GROUP_THREADS * groups;
    }

    /** Bytes of dynamic shared memory. */
    int shared() {
        return ALIGNMENT + stages * stepBytes() + (isGrouped ? FACTOR_BYTES * weights() : 0);
    }

    private int stepBytes() {
        return (isGrouped ? weights() / 2 : weights()) * STEP + rows * STEP;
    }

    /** @param after what becomes of the products: "store", "residual" or "gate". */
    String kernel(String after) {
        return (isGrouped ? "hopper4_" : "hopper_") + after + "_" + rows;
    }

    /** Bytes of the sums of {@code tiles} tiles. */
    long sumBytes(long tiles) {
        return tiles * rows * weights() * Integer.BYTES;
    }

    /**
     * How many blocks share a tile's {@code k}: as many as make all of them end soonest, each wave of blocks taking as
     * long as one. To add sums in memory takes as long as it takes to load as many bytes.
     */
    int splits(long tiles, int k, int multiprocessors) {
        int steps = (k + STEP - 1) / STEP;
        int sharing = SHARING_STEPS + (int) ((sumBytes(1) + stepBytes() - 1) / stepBytes());
        int best = 1;
        long least = Long.MAX_VALUE;
        for (int splits = 1; splits <= MOST_SPLITS; splits++) {
            boolean shared = splits > 1;
            if (shared
                    && (steps / splits < LEAST_STEPS
                            || tiles > MOST_SHARED_TILES
                            || sumBytes(tiles) > MOST_SHARED_BYTES)) {
                break;
            }
            long slots = (long) multiprocessors * resident;
            long waves = (tiles * splits + slots - 1) / slots;
            long time = waves * ((steps + splits - 1) / splits + OVERHEAD_STEPS + (shared ? sharing : 0));
            if (time < least) {
                least = time;
                best = splits;
            }
        }
        return best;
    }
}
