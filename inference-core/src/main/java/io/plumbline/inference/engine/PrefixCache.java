package io.plumbline.inference.engine;

import io.plumbline.verifier.model.ModelConfig;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;

/**
 * Pages of keys and values that later requests may begin with: those whose tokens, from the very first, are the same. Beside each page
 * stand the chaining values of its records, so that nothing is hashed twice, and the residuals after the last layer, for the final
 * record of a token says what was chosen after it and differs between a prompt and an answer. Least recently used pages go first.
 *
 * <p>Whether a prompt's beginning was seen before shows in how long its answer takes: a node that serves strangers to each other should
 * know that.
 */
final class PrefixCache {
    private final ModelConfig config;
    private final KeyValuePages pages;
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

    private record Entry(long id, KeyValuePages.Page page, int[] cvs, float[] h, boolean[] chose) {}

    /** The page that a job is filling. */
    static final class Draft {
        private final long parent;
        private final int[] cvs;
        private final float[] h;
        private final boolean[] chose = new boolean[KeyValuePages.TOKENS];

        private Draft(long parent, int stepWords, int hidden) {
            this.parent = parent;
            this.cvs = new int[KeyValuePages.TOKENS * stepWords];
            this.h = new float[KeyValuePages.TOKENS * hidden];
        }
    }

    PrefixCache(ModelConfig config, KeyValuePages pages) {
        this.config = config;
        this.pages = pages;
    }

    private Key key(long parent, Job job, int first) {
        int[] tokens = new int[KeyValuePages.TOKENS];
        for (int i = 0; i < tokens.length; i++) {
            tokens[i] = job.token(first + i);
        }
        return new Key(parent, tokens);
    }

    /** Lets a new job begin with the pages that are known; at least one prompt token is left to run. */
    void begin(Job job) {
        int usable = (job.rowsWanted() - 1) / KeyValuePages.TOKENS;
        long parent = 0;
        List<KeyValuePages.Page> shared = new ArrayList<>();
        List<Entry> found = new ArrayList<>();
        for (int p = 0; p < usable; p++) {
            Entry entry = entries.get(key(parent, job, p * KeyValuePages.TOKENS));
            if (entry == null) {
                break;
            }
            parent = entry.id();
            shared.add(entry.page());
            found.add(entry);
        }
        int tokens = shared.size() * KeyValuePages.TOKENS;
        job.draft(new Draft(parent, job.trace().hasher().stepWords(), config.hidden()));
        if (tokens == 0) {
            return;
        }
        job.cache().startWith(shared);
        TraceWriter trace = job.trace();
        trace.begin(0, tokens);
        for (int t = 0; t < tokens; t++) {
            Entry entry = found.get(t / KeyValuePages.TOKENS);
            int i = t % KeyValuePages.TOKENS;
            trace.hasher().putStep(t, entry.cvs(), i * trace.hasher().stepWords());
            if (entry.chose()[i]) {
                trace.last(t, entry.h(), i * config.hidden(), job.token(t), -1, 0f);
            }
        }
        trace.end();
        job.advance(tokens);
        reusedTokens += tokens;
    }

    /** Takes note of rows that a job has just computed, its trace block still open; a full page is kept. */
    void record(Job job, float[] h, int row, int count, boolean lastChose) {
        if (job.draft() == null) {
            return;
        }
        int words = job.trace().hasher().stepWords();
        int hidden = config.hidden();
        for (int i = 0; i < count; i++) {
            int t = job.position() + i;
            int at = t % KeyValuePages.TOKENS;
            Draft draft = job.draft();
            job.trace().hasher().copyStep(t, draft.cvs, at * words);
            System.arraycopy(h, (row + i) * hidden, draft.h, at * hidden, hidden);
            draft.chose[at] = lastChose && i == count - 1;
            if (at == KeyValuePages.TOKENS - 1) {
                keep(job, draft, t / KeyValuePages.TOKENS, words);
            }
        }
    }

    private void keep(Job job, Draft draft, int page, int words) {
        Key key = key(draft.parent, job, page * KeyValuePages.TOKENS);
        Entry entry = entries.get(key);
        if (entry == null) {
            KeyValuePages.Page memory = job.cache().pages().get(page);
            pages.share(memory);
            entry = new Entry(++lastId, memory, draft.cvs, draft.h, draft.chose);
            entries.put(key, entry);
        }
        job.draft(new Draft(entry.id(), words, config.hidden()));
    }

    /** Lets the least recently used pages go until {@code needed} are free, or none is left. */
    void makeRoom(int needed) {
        var oldest = entries.values().iterator();
        while (pages.available() < needed && oldest.hasNext()) {
            Entry entry = oldest.next();
            oldest.remove();
            pages.release(entry.page());
        }
    }

    /** Tokens that did not have to be computed, since the start. */
    long reusedTokens() {
        return reusedTokens;
    }
}
