package io.plumbline.inference.language.engine;

import io.plumbline.verifier.model.ModelConfig;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.function.Supplier;

/**
 * Memory for keys and values, in pages of {@link #TOKENS} tokens for all layers, shared by sequences that begin
 * alike. Pages are made when first needed and used again; their number is bounded. How a page is laid out is its
 * executor's affair: {@link KvPageLayout} on this host's processors.
 */
public final class KvCache implements AutoCloseable {
    /** Tokens in a page. */
    public static final int TOKENS = 64;

    private final int most;
    private final Supplier<MemorySegment> memory;
    private final Runnable release;
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

    /**
     * @param most pages that may be in use at once.
     * @param memory makes a page; a device's is an address alone.
     * @param release gives all memory back.
     */
    public KvCache(int most, Supplier<MemorySegment> memory, Runnable release) {
        this.most = most;
        this.memory = memory;
        this.release = release;
    }

    /** Pages in this host's memory. */
    public static KvCache ofHost(ModelConfig config, int most) {
        Arena arena = Arena.ofAuto();
        return new KvCache(most, () -> arena.allocate(pageBytes(config), 64), () -> {});
    }

    /** Bytes of one page. */
    public static long pageBytes(ModelConfig config) {
        return config.layers() * layerBytes(config);
    }

    /** Bytes of one layer's part of a page: 12-bit keys in two bytes, values in one, and their scales. */
    public static long layerBytes(ModelConfig config) {
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
            page = new Page(memory.get());
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

    /** Keys and values of one sequence: a list of pages. */
    public final class PageTable implements AutoCloseable {
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

        /** Memory of page {@code index}. */
        public MemorySegment page(int index) {
            return pages.get(index).memory;
        }

        /** Pages it has. */
        public int count() {
            return pages.size();
        }

        /** Gives all pages back. */
        @Override
        public void close() {
            pages.forEach(KvCache.this::release);
            pages.clear();
        }
    }

    /** A sequence without pages yet. */
    public PageTable sequence() {
        return new PageTable();
    }

    /** Gives the memory back; sequences must not be used any more. */
    @Override
    public void close() {
        release.run();
    }
}
