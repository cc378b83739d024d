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
    private final Supplier<LayerStates> stateMemory;

    /** Pages that a sequence's states count as. */
    private final int statePages;

    private final Runnable release;
    private final Deque<Page> free = new ArrayDeque<>();
    private final Deque<LayerStates> freeStates = new ArrayDeque<>();
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
        this(most, memory, 0, () -> null, release);
    }

    private KvCache(
            int most,
            Supplier<MemorySegment> memory,
            int statePages,
            Supplier<LayerStates> stateMemory,
            Runnable release) {
        this.most = most;
        this.memory = memory;
        this.statePages = statePages;
        this.stateMemory = stateMemory;
        this.release = release;
    }

    /** Pages in this host's memory. */
    public static KvCache ofHost(ModelConfig config, int most) {
        Arena arena = Arena.ofAuto();
        return new KvCache(
                most,
                () -> arena.allocate(pageBytes(config), 64),
                statePages(config),
                () -> new LayerStates(config, arena.allocate(LayerStates.bytes(config), 64)),
                () -> {});
    }

    /** Bytes of one page. */
    public static long pageBytes(ModelConfig config) {
        long bytes = 0;
        for (int layer = 0; layer < config.layers(); layer++) {
            bytes += layerBytes(config, layer);
        }
        return bytes;
    }

    /**
     * Bytes of one layer's part of a page: 12-bit keys in two bytes, values in one, and their scales; 0 of a layer that
     * has none of its own.
     */
    public static long layerBytes(ModelConfig config, int layer) {
        return config.hasOwnKeys(layer) ? (long) TOKENS * config.kvHeads(layer) * (3L * config.headDim(layer) + 8) : 0;
    }

    /** Pages that {@code tokens} tokens need. */
    public static int pagesFor(int tokens) {
        return (tokens + TOKENS - 1) / TOKENS;
    }

    /** Bytes of the states of one sequence, before a step and after it; 0 where no layer has linear attention. */
    public static long stateBytes(ModelConfig config) {
        return 2 * LayerStates.bytes(config);
    }

    /** Pages that the states of a sequence's layers with linear attention count as; 0 where none has it. */
    static int statePages(ModelConfig config) {
        long page = pageBytes(config);
        return Math.toIntExact((LayerStates.bytes(config) + page - 1) / page);
    }

    /** Pages that a sequence of so many tokens needs, its states among them: those before a step and those after it. */
    public static int pagesFor(ModelConfig config, int tokens) {
        return pagesFor(tokens) + 2 * statePages(config);
    }

    /** Memory for the states of a sequence; null where no layer has any. */
    synchronized LayerStates takeStates() {
        if (statePages == 0) {
            return null;
        }
        if (used + statePages > most) {
            throw new IllegalStateException("All " + most + " pages of keys, values and states are in use.");
        }
        used += statePages;
        LayerStates states = freeStates.poll();
        return states == null ? stateMemory.get() : states;
    }

    synchronized void release(LayerStates states) {
        if (states != null) {
            used -= statePages;
            states.position(LayerStates.NOWHERE);
            freeStates.push(states);
        }
    }

    /** Pages that a sequence's states are counted as. */
    int statePages() {
        return statePages;
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

    /** Keys and values of one sequence: a list of pages; and its states, where layers have linear attention. */
    public final class PageTable implements AutoCloseable {
        private final List<Page> pages = new ArrayList<>();
        private LayerStates before;
        private LayerStates after;

        /** Takes pages so that {@code tokens} tokens fit, and memory for states. */
        public void reserve(int tokens) {
            reserveStates();
            while (pages.size() < pagesFor(tokens)) {
                pages.add(take());
            }
        }

        /** Takes memory for states, which are those before the first token. */
        void reserveStates() {
            if (before == null && statePages > 0) {
                before = takeStates();
                after = takeStates();
                before.clear();
            }
        }

        /**
         * Makes the states before token {@code first} those that the next step begins with: where one failed they still
         * are.
         *
         * @throws IllegalStateException where these states are not there.
         */
        void beginStates(int first) {
            if (statePages == 0) {
                return;
            }
            if (before.position() != first) {
                LayerStates other = before;
                before = after;
                after = other;
            }
            if (before.position() != first) {
                throw new IllegalStateException("The states before token " + first + " are not there.");
            }
            after.position(LayerStates.NOWHERE);
        }

        /** The states that were written are those before token {@code next}. */
        void endStates(int next) {
            if (statePages > 0) {
                after.position(next);
            }
        }

        /** The states that a step begins with; null where there are none. */
        LayerStates before() {
            return before;
        }

        /** The states that it writes. */
        LayerStates after() {
            return after;
        }

        /** The states before token {@code position}, or null where they are not there. */
        LayerStates statesAt(int position) {
            if (before != null && before.position() == position) {
                return before;
            }
            return after != null && after.position() == position ? after : null;
        }

        /** Begins with the states that another sequence has reached. They are copied. */
        void startWith(LayerStates reached) {
            reserveStates();
            before.copyFrom(reached);
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

        /** Pages that it has taken of the memory that there is. */
        int taken() {
            return pages.size() + (before == null ? 0 : 2 * statePages);
        }

        /** Pages it has. */
        public int count() {
            return pages.size();
        }

        /** Gives all pages and states back. */
        @Override
        public void close() {
            pages.forEach(KvCache.this::release);
            pages.clear();
            KvCache.this.release(before);
            KvCache.this.release(after);
            before = null;
            after = null;
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
