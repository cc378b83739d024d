package io.plumbline.inference.language.engine;

import io.plumbline.inference.language.kernels.IntKernels;
import io.plumbline.verifier.model.HeadRows;
import io.plumbline.verifier.model.ModelConfig;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Where keys and values stand in a page on this host's processors, ordered as {@link IntKernels} reads them. Rows are
 * written by one thread each, then read by all.
 *
 * <pre>
 * page     [layer]
 * layer    keys int16 [kvHead][block of 16][channel pair][token][2], values int8 [kvHead][quad][channel][token],
 *          key scales f32 [kvHead][token], value scales f32 [kvHead][token]
 * </pre>
 */
final class KvPageLayout {
    private static final int TOKENS = KvCache.TOKENS;
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT;
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT;

    private final ModelConfig config;
    private final long[] starts;

    KvPageLayout(ModelConfig config) {
        this.config = config;
        this.starts = new long[config.layers()];
        long at = 0;
        for (int l = 0; l < starts.length; l++) {
            // Layers with linear attention have no keys and values; others may attend to those of a layer before them.
            boolean isOwn = config.isLinear(l) || config.hasOwnKeys(l);
            starts[l] = isOwn ? at : starts[config.kvLayer(l)];
            at += KvCache.layerBytes(config, l);
        }
    }

    /** Where in a page the keys of kv head {@code g} of layer {@code layer} begin. */
    long keysAt(int layer, int g) {
        return starts[layer] + 2L * TOKENS * config.headDim(layer) * g;
    }

    /** Where in a page the values of kv head {@code g} of layer {@code layer} begin. */
    long valuesAt(int layer, int g) {
        return starts[layer] + (long) TOKENS * (2L * config.kvDim(layer) + (long) config.headDim(layer) * g);
    }

    private long scalesAt(int layer, int g) {
        return starts[layer] + (long) TOKENS * (3L * config.kvDim(layer) + 4L * g);
    }

    /** Writes the keys and values of token {@code position}, which are row {@code row} of {@code from}. */
    void put(KvCache.PageTable cache, int layer, int position, HeadRows from, int row) {
        int rowAt = row * config.kvDim(layer);
        int scaleAt = row * config.kvHeads(layer);
        MemorySegment memory = cache.page(position / TOKENS);
        int t = position % TOKENS;
        int size = config.headDim(layer);
        long block = 2L * (t / IntKernels.KEY_BLOCK * IntKernels.KEY_BLOCK * size + t % IntKernels.KEY_BLOCK * 2);
        long quad = (long) t / IntKernels.VALUE_QUAD * IntKernels.VALUE_QUAD * size + t % IntKernels.VALUE_QUAD;
        for (int g = 0; g < config.kvHeads(layer); g++) {
            long keys = keysAt(layer, g) + block;
            long values = valuesAt(layer, g) + quad;
            int at = rowAt + g * size;
            for (int c = 0; c < size; c += 2) {
                memory.set(SHORT, keys, from.k()[at + c]);
                memory.set(SHORT, keys + 2, from.k()[at + c + 1]);
                keys += 4L * IntKernels.KEY_BLOCK;
            }
            for (int c = 0; c < size; c++) {
                memory.set(ValueLayout.JAVA_BYTE, values + (long) c * IntKernels.VALUE_QUAD, from.v()[at + c]);
            }
            long scales = scalesAt(layer, g) + 4L * t;
            memory.set(FLOAT, scales, from.sk()[scaleAt + g]);
            memory.set(FLOAT, scales + 4L * TOKENS * config.kvHeads(layer), from.sv()[scaleAt + g]);
        }
    }

    /** Copies the scales of one head's keys and values, from page {@code firstPage} to before token {@code end}. */
    void scales(KvCache.PageTable cache, int layer, int g, int firstPage, int end, float[] sk, float[] sv) {
        long at = scalesAt(layer, g);
        for (int page = firstPage; page * TOKENS < end; page++) {
            int count = Math.min(TOKENS, end - page * TOKENS);
            int to = (page - firstPage) * TOKENS;
            MemorySegment memory = cache.page(page);
            MemorySegment.copy(memory, FLOAT, at, sk, to, count);
            MemorySegment.copy(memory, FLOAT, at + 4L * TOKENS * config.kvHeads(layer), sv, to, count);
        }
    }
}
