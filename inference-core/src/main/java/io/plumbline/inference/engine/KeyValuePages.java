package io.plumbline.inference.engine;

import io.plumbline.inference.kernels.IntKernels;
import io.plumbline.verifier.model.ModelConfig;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/**
 * Memory for keys and values, in pages of {@link #TOKENS} tokens for all layers, shared by sequences that begin alike. Pages are made
 * when first needed and used again; their number is bounded.
 *
 * <pre>
 * page     [layer]
 * layer    keys int16 [kvHead][block of 16][channel pair][token][2], values int8 [kvHead][quad][channel][token],
 *          key scales f32 [kvHead][token], value scales f32 [kvHead][token]
 * </pre>
 */
public final class KeyValuePages {
    /** Tokens in a page. */
    public static final int TOKENS = 64;

    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT;
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT;

    private final ModelConfig config;
    private final int most;
    private final Arena arena = Arena.ofAuto();
    private final Deque<Page> free = new ArrayDeque<>();
    private int used;

    /** One page. Counted: it returns to the pool when its last owner lets go. */
    static final class Page {
        private final MemorySegment memory;
        private int owners;

        private Page(MemorySegment memory) {
            this.memory = memory;
        }

        MemorySegment memory() {
            return memory;
        }
    }

    /** @param most pages that may be in use at once. */
    public KeyValuePages(ModelConfig config, int most) {
        this.config = config;
        this.most = most;
    }

    /** As many pages as {@code bytes} hold. */
    public static KeyValuePages ofBytes(ModelConfig config, long bytes) {
        return new KeyValuePages(config, (int) Math.min(Integer.MAX_VALUE, bytes / pageBytes(config)));
    }

    /** Bytes of one page. */
    public static long pageBytes(ModelConfig config) {
        return config.layers() * layerBytes(config);
    }

    private static long layerBytes(ModelConfig config) {
        return (long) TOKENS * config.kvHeads() * (3L * config.headDim() + 8);
    }

    /** Pages that {@code tokens} tokens need. */
    public static int pagesFor(int tokens) {
        return (tokens + TOKENS - 1) / TOKENS;
    }

    synchronized Page take() {
        if (used == most) {
            throw new IllegalStateException("All " + most + " pages of keys and values are in use.");
        }
        Page page = free.poll();
        if (page == null) {
            page = new Page(arena.allocate(pageBytes(config), 64));
        }
        used++;
        page.owners = 1;
        return page;
    }

    synchronized void share(Page page) {
        page.owners++;
    }

    synchronized void release(Page page) {
        if (--page.owners == 0) {
            used--;
            free.push(page);
        }
    }

    /** Pages that may still be taken. */
    public synchronized int available() {
        return most - used;
    }

    /** Pages in all. */
    public int capacity() {
        return most;
    }

    /** Keys and values of one sequence: a list of pages. Rows are written by one thread each, then read by all. */
    public final class Sequence implements AutoCloseable {
        private final List<Page> pages = new ArrayList<>();

        /** Takes pages so that {@code tokens} tokens fit. */
        public void reserve(int tokens) {
            while (pages.size() < pagesFor(tokens)) {
                pages.add(take());
            }
        }

        /** Begins with pages that another sequence filled. They are not written again. */
        void startWith(List<Page> shared) {
            for (Page page : shared) {
                share(page);
                pages.add(page);
            }
        }

        List<Page> pages() {
            return pages;
        }

        MemorySegment page(int index) {
            return pages.get(index).memory;
        }

        /** Where in a page the keys of kv head {@code g} of layer {@code layer} begin. */
        long keysAt(int layer, int g) {
            return layer * layerBytes(config) + 2L * TOKENS * config.headDim() * g;
        }

        /** Where in a page the values of kv head {@code g} of layer {@code layer} begin. */
        long valuesAt(int layer, int g) {
            return layer * layerBytes(config) + (long) TOKENS * (2L * config.kvDim() + (long) config.headDim() * g);
        }

        private long scalesAt(int layer, int g) {
            return layer * layerBytes(config) + (long) TOKENS * (3L * config.kvDim() + 4L * g);
        }

        /**
         * Writes the rows of token {@code position}.
         *
         * @param k kvDim 12-bit keys from {@code offset}, {@code v} int8 values; {@code sk}, {@code sv} a scale a head from {@code sOffset}.
         */
        public void put(int layer, int position, short[] k, byte[] v, int offset, float[] sk, float[] sv, int sOffset) {
            MemorySegment memory = page(position / TOKENS);
            int t = position % TOKENS;
            int size = config.headDim();
            long block = 2L * (t / IntKernels.KEY_BLOCK * IntKernels.KEY_BLOCK * size + t % IntKernels.KEY_BLOCK * 2);
            long quad = (long) t / IntKernels.VALUE_QUAD * IntKernels.VALUE_QUAD * size + t % IntKernels.VALUE_QUAD;
            for (int g = 0; g < config.kvHeads(); g++) {
                long keys = keysAt(layer, g) + block;
                long values = valuesAt(layer, g) + quad;
                int from = offset + g * size;
                for (int c = 0; c < size; c += 2) {
                    memory.set(SHORT, keys, k[from + c]);
                    memory.set(SHORT, keys + 2, k[from + c + 1]);
                    keys += 4L * IntKernels.KEY_BLOCK;
                }
                for (int c = 0; c < size; c++) {
                    memory.set(ValueLayout.JAVA_BYTE, values + (long) c * IntKernels.VALUE_QUAD, v[from + c]);
                }
                long scales = scalesAt(layer, g) + 4L * t;
                memory.set(FLOAT, scales, sk[sOffset + g]);
                memory.set(FLOAT, scales + 4L * TOKENS * config.kvHeads(), sv[sOffset + g]);
            }
        }

        /** Copies the scales of the first {@code n} tokens' keys and values of one head. */
        void scales(int layer, int g, int n, float[] sk, float[] sv) {
            for (int t = 0; t < n; t += TOKENS) {
                int count = Math.min(TOKENS, n - t);
                MemorySegment memory = page(t / TOKENS);
                long at = scalesAt(layer, g);
                MemorySegment.copy(memory, FLOAT, at, sk, t, count);
                MemorySegment.copy(memory, FLOAT, at + 4L * TOKENS * config.kvHeads(), sv, t, count);
            }
        }

        /** Gives all pages back. */
        @Override
        public void close() {
            pages.forEach(KeyValuePages.this::release);
            pages.clear();
        }
    }

    /** A sequence without pages yet. */
    public Sequence sequence() {
        return new Sequence();
    }
}
