package io.plumbline.gpu.cuda;

import java.util.Map;
import java.util.TreeMap;

/**
 * Every kernel of this build by name, with the dynamic shared memory that it is launched with. All are loaded, and
 * opted in to what they need, when a GPU is opened: nothing is loaded while a stream is being captured.
 */
final class Kernels {
    /** Stages of tiles in shared memory that products on tensor cores go through. */
    private static final int STAGES = 4;

    /** Bytes behind each row of a tile, so that the eight rows of a fragment fall into different banks. */
    private static final int PADDING = 16;

    /** Bytes for {@code gemm_*_wide}: 128 rows and 128 columns, 64 bytes a step. */
    static final int WIDE_SHARED = STAGES * (128 + 128) * (64 + PADDING);

    /** Bytes for {@code gemm_*_narrow}: 64 rows and 32 columns, 128 bytes a step. */
    static final int NARROW_SHARED = STAGES * (64 + 32) * (128 + PADDING);

    /**
     * Most query heads: {@code attend_finish} holds a float for each in the 48 KiB that every block has, beside its
     * own 1 KiB.
     */
    static final int MOST_HEADS = 8192;

    /** Elements of the largest head: what attention holds of it stands in shared memory. */
    static final int MOST_HEAD_DIM = 256;

    /** Query heads that a block of decoding attention takes. */
    static final int HEADS_AT_ONCE = 8;

    /** Keys of a context that one block of {@code attend_short_*} takes. */
    static final int SHORT_CONTEXT = 1024;

    private static final Map<String, Integer> DYNAMIC_SHARED = all();

    private static final Map<String, Integer> HOPPER = hopperKernels();

    private Kernels() {}

    /** Bytes of dynamic shared memory by the name of the kernel. */
    static Map<String, Integer> dynamicShared() {
        return DYNAMIC_SHARED;
    }

    /** Those of compute capability 9.0 alone, which are a program of their own. */
    static Map<String, Integer> hopper() {
        return HOPPER;
    }

    private static Map<String, Integer> hopperKernels() {
        Map<String, Integer> all = new TreeMap<>();
        for (HopperTile tile : HopperTile.values()) {
            for (String after : new String[] {"store", "residual", "gate"}) {
                all.put(tile.kernel(after), tile.shared());
            }
        }
        for (int size : new int[] {64, 128}) {
            all.put("attend_hopper_" + size, hopperAttentionShared(size));
        }
        all.put(Probe.WGMMA, Probe.WGMMA_SHARED);
        return Map.copyOf(all);
    }

    /** Bytes for {@code attend_tiles_*} of heads padded to {@code size} channels: 64, 128 or 256. */
    static int attentionShared(int size) {
        int pages = size <= 128 ? 2 : 1;
        return 128 * (size + PADDING) + 10_240 + pages * (128 * (size + PADDING) + 80 * size + 512);
    }

    /** For {@code shared} heads a kv head, of {@code size} channels: the smaller has more blocks a multiprocessor. */
    static String shortAttention(int shared, int size) {
        return shared <= 4 && size <= 128 ? "attend_short_4" : "attend_short_8";
    }

    /** Bytes for it: a number for each key of each head, where heads are made before. */
    static int shortAttentionShared(int shared, int threads) {
        return Math.max(4 * SHORT_CONTEXT * Math.min(HEADS_AT_ONCE, shared), threads / 32 * 1024);
    }

    /**
     * Bytes for {@code attend_hopper_*} of heads padded to {@code size} channels, 64 or 128: queries, and four pages of
     * keys and values.
     */
    static int hopperAttentionShared(int size) {
        return 1024 + 256 * size + 4 * 192 * size;
    }

    private static Map<String, Integer> all() {
        Map<String, Integer> all = new TreeMap<>();
        for (String name : new String[] {
            "answer_rows",
            "attend_scores",
            "attend_values",
            "embed_rows",
            "final_records",
            "find_logits",
            "hash_records",
            "hash_rows",
            "norm_quantize",
            "probe_mma",
            "probe_read",
            "quantize_known",
            "quantize_rows",
            "reduce_subtrees",
            "split_heads_128",
            "split_heads_256",
            "trace_records"
        }) {
            all.put(name, 0);
        }
        all.put("attend_finish", 4 * MOST_HEADS);
        all.put("attend_short_4", 4 * SHORT_CONTEXT * 4);
        all.put("attend_short_8", 4 * SHORT_CONTEXT * HEADS_AT_ONCE);
        for (int size : new int[] {64, 128, 256}) {
            all.put("attend_tiles_" + size, attentionShared(size));
        }
        for (String after : new String[] {"store", "residual", "gate"}) {
            all.put("gemm_" + after + "_narrow", NARROW_SHARED);
            all.put("gemm_" + after + "_wide", WIDE_SHARED);
            all.put("gemm4_" + after, 0);
            for (int rows = 1; rows <= Products.GEMV_ROWS; rows *= 2) {
                all.put("gemv_" + after + "_" + rows, 0);
                all.put("gemv4_" + after + "_" + rows, 0);
            }
        }
        return Map.copyOf(all);
    }
}
