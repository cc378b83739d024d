package io.plumbline.inference.language.engine;

import io.plumbline.verifier.model.DeltaRule;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;

/**
 * Pages of keys and values that later requests may begin with: those whose tokens, from the very first, are the same.
 * Beside each page stand the digests of its tokens' records, as a prompt has them, so that nothing is hashed twice.
 * Least recently used pages go first.
 *
 * <p>Whether a prompt's beginning was seen before shows in how long its answer takes: a node that serves strangers to
 * each other should know that.
 */
final class PrefixCache {
    private final Executor executor;
    private final KvCache pages;
    private final LinkedHashMap<Key, Entry> entries = new LinkedHashMap<>(16, 0.75f, true);
    private long lastId;
    private long reusedTokens;

    /** A page by its own tokens and the page before it. */
    private record Key(long parent, int[] tokens) {
        @Override
        public boolean equals(Object other) {
            return other instanceof Key key && key.parent == parent && Arrays.equals(key.tokens, tokens);
        }

        @Override
        public int hashCode() {
            return 31 * Long.hashCode(parent) + Arrays.hashCode(tokens);
        }
    }

    /** @param states before the token behind the page; null where they are not kept, or the model has none. */
    private record Entry(long id, KvCache.Page page, int[] digests, LayerStates states) {}

    /** The page that a job is filling. */
    static final class OpenPage {
        private final long parent;
        private final int[] digests;

        private OpenPage(long parent, int digestWords) {
            this.parent = parent;
            this.digests = new int[KvCache.TOKENS * digestWords];
        }
    }

    PrefixCache(Executor executor, KvCache pages) {
        this.executor = executor;
        this.pages = pages;
    }

    private Key key(long parent, Sequence job, int first) {
        int[] tokens = new int[KvCache.TOKENS];
        for (int i = 0; i < tokens.length; i++) {
            tokens[i] = job.token(first + i);
        }
        return new Key(parent, tokens);
    }

    /** Lets a new job begin with the pages that are known; at least one prompt token is left to run. */
    void begin(Sequence job) {
        // Before any page is found: what makes room might be among them.
        makeRoom(2 * pages.statePages());
        job.cache().reserveStates();
        int usable = (job.rowsWanted() - 1) / KvCache.TOKENS;
        long parent = 0;
        List<KvCache.Page> shared = new ArrayList<>();
        List<Entry> found = new ArrayList<>();
        for (int p = 0; p < usable; p++) {
            Entry entry = entries.get(key(parent, job, p * KvCache.TOKENS));
            if (entry == null) {
                break;
            }
            parent = entry.id();
            shared.add(entry.page());
            found.add(entry);
        }
        parent = trim(shared, found, parent);
        int tokens = shared.size() * KvCache.TOKENS;
        job.openPage(new OpenPage(parent, job.trace().hasher().digestWords()));
        if (tokens == 0) {
            return;
        }
        job.cache().startWith(shared);
        LayerStates states = found.getLast().states();
        if (states != null) {
            job.cache().startWith(states);
        }
        TraceWriter trace = job.trace();
        trace.begin(0, tokens);
        int words = trace.hasher().digestWords();
        for (int t = 0; t < tokens; t++) {
            int[] digests = found.get(t / KvCache.TOKENS).digests();
            trace.hasher().putDigest(t, digests, t % KvCache.TOKENS * words);
        }
        trace.end(TraceFolder.after(executor, tokens));
        job.advance(tokens);
        reusedTokens += tokens;
    }

    /** Where layers have states, a job begins at the last page behind which they are kept; returns that page's id. */
    private long trim(List<KvCache.Page> shared, List<Entry> found, long last) {
        if (pages.statePages() == 0) {
            return last;
        }
        while (!found.isEmpty() && found.getLast().states() == null) {
            found.removeLast();
            shared.removeLast();
        }
        return found.isEmpty() ? 0 : found.getLast().id();
    }

    /**
     * Takes note of rows that a job has just computed, before their trace block holds a choice; a full page is kept.
     */
    void record(Sequence job, int count) {
        if (job.openPage() == null) {
            return;
        }
        int words = job.trace().hasher().digestWords();
        for (int t = job.position(); t < job.position() + count; t++) {
            int at = t % KvCache.TOKENS;
            job.trace().hasher().copyDigest(t, job.openPage().digests, at * words);
            if (at == KvCache.TOKENS - 1) {
                keep(job, job.openPage(), t / KvCache.TOKENS, words);
            }
        }
    }

    private void keep(Sequence job, OpenPage open, int page, int words) {
        int position = (page + 1) * KvCache.TOKENS;
        if (pages.statePages() > 0 && DeltaRule.blockStart(position) == position) {
            // Before the page is found, which might be what makes room.
            makeRoom(pages.statePages());
        }
        Key key = key(open.parent, job, page * KvCache.TOKENS);
        Entry entry = entries.get(key);
        if (entry == null) {
            KvCache.Page memory = job.cache().pages().get(page);
            pages.share(memory);
            entry = new Entry(++lastId, memory, open.digests, null);
            entries.put(key, entry);
        }
        if (entry.states() == null) {
            LayerStates states = keptStates(job, position);
            if (states != null) {
                entry = new Entry(entry.id(), entry.page(), entry.digests(), states);
                entries.put(key, entry);
            }
        }
        job.openPage(new OpenPage(entry.id(), words));
    }

    /**
     * A copy of the states that a job has reached before token {@code position}, where that begins a block and there is
     * memory for it; else null. Elsewhere states are not kept: they are large beside a page.
     */
    private LayerStates keptStates(Sequence job, int position) {
        LayerStates reached = job.cache().statesAt(position);
        if (reached == null || DeltaRule.blockStart(position) != position) {
            return null;
        }
        if (pages.available() < pages.statePages()) {
            return null;
        }
        LayerStates kept = pages.takeStates();
        kept.copyFrom(reached);
        return kept;
    }

    /** Lets the least recently used pages go until {@code needed} are free, or none is left. */
    void makeRoom(int needed) {
        var oldest = entries.values().iterator();
        while (pages.available() < needed && oldest.hasNext()) {
            Entry entry = oldest.next();
            oldest.remove();
            pages.release(entry.page());
            pages.release(entry.states());
        }
    }

    /** Tokens that did not have to be computed, since the start. */
    long reusedTokens() {
        return reusedTokens;
    }
}
