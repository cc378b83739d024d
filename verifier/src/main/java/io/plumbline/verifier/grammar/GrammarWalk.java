package io.plumbline.verifier.grammar;

import java.util.Arrays;
import java.util.BitSet;
import java.util.IdentityHashMap;
import java.util.Map;

/**
 * Follows one text through a grammar, token by token, and says which tokens may come next. The places of a text at
 * which the same may follow share what was found out about them. One thread at a time.
 */
public final class GrammarWalk implements PermittedTokens {
    /**
     * Work that one token may take at most, the first one for example, and that tokens may take on average, by the
     * contract; see {@link Terms#visits()}. What tokens have not used they leave to later ones, up to that: a text of
     * any length has no more left for one token than its beginning has.
     */
    private static final long MOST_VISITS = 1_000_000;

    private static final long VISITS_A_TOKEN = 15_000;

    /** Places whose permitted tokens are kept: at 128k tokens 16 KiB each. */
    private static final int MOST_MASKS = 64;

    private static final int BYTES = 256;

    /** A place of a text: what may follow there, and what was found out about it. */
    private static final class Place {
        private final Term term;
        private Place[] next;
        private BitSet permitted;

        Place(Term term) {
            this.term = term;
        }
    }

    private final Vocabulary vocabulary;
    private final Terms terms;
    private final Patience patience;
    private final Map<Term, Place> places = new IdentityHashMap<>();
    private final Place begin;
    private int masks;
    private Place here;

    /** Visits that are allowed in all by now. */
    private long allowed;

    /** Places along the token that is looked at, one more than it has bytes. */
    private Place[] path = new Place[64];

    /** At the beginning of a text. */
    public GrammarWalk(Grammar grammar, Vocabulary vocabulary, Patience patience) {
        this.vocabulary = vocabulary;
        this.terms = new Terms(grammar);
        this.patience = patience;
        this.allowed = patience.times() * MOST_VISITS;
        terms.allow(allowed);
        this.begin = new Place(terms.root());
        if (vocabulary.dropsFirstSpace()) {
            // The one place that no other shares: a space leaves it where the text still begins.
            begin.next = new Place[BYTES];
            begin.next[' '] = place(begin.term);
        }
        this.here = begin;
    }

    /**
     * Whether following the grammar to the end of a text, and finding what may come there, takes more than the contract
     * gives: an answer may end so. Every host finds the same, for each looks at the same in the same order: at every
     * place of the text what may follow.
     *
     * @param tokens of the text, none of which ends it.
     */
    public static boolean isSpentBy(Grammar grammar, Vocabulary vocabulary, int[] tokens) {
        GrammarWalk walk = new GrammarWalk(grammar, vocabulary, Patience.CONTRACT);
        try {
            walk.all();
            for (int token : tokens) {
                walk.accept(token);
                walk.all();
            }
            return false;
        } catch (GrammarTooCostlyException e) {
            return true;
        }
    }

    /** Work so far, see {@link Terms#visits()}. */
    long visits() {
        return terms.visits();
    }

    /** Whether the text so far is a whole one. */
    public boolean isComplete() {
        return here.term.isNullable();
    }

    /**
     * Takes the next token, whether it is permitted or not.
     *
     * @throws GrammarTooCostlyException where following the grammar takes too much.
     */
    public void accept(int token) {
        long more = patience.times();
        allowed = Math.min(allowed + more * VISITS_A_TOKEN, terms.visits() + more * MOST_VISITS);
        terms.allow(allowed);
        for (byte one : vocabulary.bytes(token)) {
            here = after(here, one & 0xFF);
        }
        if (terms.trim()) {
            places.clear();
            masks = 0;
            here = place(here.term);
        }
    }

    @Override
    public boolean contains(int token) {
        if (here.permitted != null) {
            return here.permitted.get(token);
        }
        byte[] bytes = vocabulary.bytes(token);
        return bytes.length > 0 && follow(bytes, 0) == bytes.length;
    }

    @Override
    public BitSet all() {
        if (here.permitted == null) {
            if (masks == MOST_MASKS) {
                places.values().forEach(place -> place.permitted = null);
                masks = 0;
            }
            here.permitted = find();
            masks++;
        }
        return here.permitted;
    }

    private BitSet find() {
        BitSet found = new BitSet(vocabulary.size());
        // Bytes that the grammar follows of the token that was followed last, and that the next one shares with it.
        int good = 0;
        int common = 0;
        for (int i = 0; i < vocabulary.count(); i++) {
            common = Math.min(common, vocabulary.shared(i));
            if (common > good) {
                // It has the byte too at which that one was not followed any more.
                continue;
            }
            byte[] bytes = vocabulary.bytes(vocabulary.token(i));
            good = follow(bytes, common);
            common = Integer.MAX_VALUE;
            if (good == bytes.length) {
                found.set(vocabulary.token(i));
            }
        }
        return found;
    }

    /** How many bytes the grammar follows, where it follows the first {@code from} along the path. */
    private int follow(byte[] bytes, int from) {
        if (path.length <= bytes.length) {
            path = Arrays.copyOf(path, 2 * bytes.length);
        }
        path[0] = here;
        int at = from;
        while (at < bytes.length) {
            Place next = after(path[at], bytes[at] & 0xFF);
            if (Terms.isNone(next.term)) {
                break;
            }
            path[++at] = next;
        }
        return at;
    }

    private Place after(Place from, int value) {
        if (from.next == null) {
            from.next = new Place[BYTES];
        }
        Place next = from.next[value];
        if (next == null) {
            next = place(terms.derivative(from.term, value));
            from.next[value] = next;
        }
        return next;
    }

    private Place place(Term term) {
        return places.computeIfAbsent(term, Place::new);
    }
}
