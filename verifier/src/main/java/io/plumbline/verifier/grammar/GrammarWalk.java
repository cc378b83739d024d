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
     * Tokens after which all that was found out is forgotten, and work is counted anew. So what is looked at between
     * says alone what it takes there: who looks at less than another has no more work with it, whatever either has
     * looked at before.
     */
    static final int WINDOW = 128;

    /** Work that the tokens of one window may take; see {@link Terms#visits()}. */
    static final long MOST_VISITS = 6_000_000;

    /** Followers of a place are kept in rows of so many bytes, of which most places have one or two. */
    private static final int ROW = 16;

    /** What a row counts as work: all that one window keeps is some 60 MiB at most. */
    private static final long ROW_VISITS = 16;

    /** Bytes followed along what is known that count as one visit. */
    private static final int FOLLOWED_A_VISIT = 64;

    /** A place of a text: what may follow there, and what was found out about it. */
    private static final class Place {
        private final Term term;
        private Place[][] next;
        private BitSet permitted;

        Place(Term term) {
            this.term = term;
        }
    }

    private final Vocabulary vocabulary;
    private final Terms terms;
    private final Map<Term, Place> places = new IdentityHashMap<>();

    /** Of the text, where no token has added a byte to it yet. */
    private Place begin;

    private Place here;

    /** Tokens taken. */
    private int taken;

    /** Bytes followed since permitted tokens were last looked for. */
    private int followed;

    /** Places along the token that is looked at, one more than it has bytes. */
    private Place[] path = new Place[64];

    /** At the beginning of a text. */
    public GrammarWalk(Grammar grammar, Vocabulary vocabulary) {
        this.vocabulary = vocabulary;
        this.terms = new Terms(grammar);
        terms.begin(MOST_VISITS);
        this.begin = begin(terms.root());
        this.here = begin;
    }

    /** The place of a text without a byte. */
    private Place begin(Term term) {
        Place place = new Place(term);
        if (vocabulary.dropsFirstSpace()) {
            // The one place that no other shares: a space leaves it where the text still begins.
            place.next = new Place[ROW][];
            place.next[' ' / ROW] = new Place[ROW];
            place.next[' ' / ROW][' ' % ROW] = place(term);
        }
        return place;
    }

    /**
     * Whether following the grammar to the end of a text, and finding what may come there, takes more than the contract
     * gives for a window: an answer may end so. Every host finds the same, for each looks at the same: at every place
     * since the last window's beginning, what may follow. Whoever follows an answer looks at no more than that, so
     * where it takes one too much it is found here.
     *
     * @param tokens of the text, none of which ends it.
     */
    public static boolean isSpentBy(Grammar grammar, Vocabulary vocabulary, int[] tokens) {
        GrammarWalk walk = new GrammarWalk(grammar, vocabulary);
        int window = Math.max(0, tokens.length - 1) / WINDOW * WINDOW;
        try {
            for (int i = 0; i < tokens.length; i++) {
                if (i >= window) {
                    walk.all();
                }
                walk.accept(tokens[i]);
            }
            walk.all();
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
        for (byte one : vocabulary.bytes(token)) {
            here = after(here, one & 0xFF);
        }
        taken++;
        if (taken % WINDOW == 0) {
            places.clear();
            terms.begin(MOST_VISITS);
            if (here == begin) {
                begin = begin(here.term);
                here = begin;
            } else {
                here = place(here.term);
            }
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
            here.permitted = find();
        }
        return here.permitted;
    }

    private BitSet find() {
        BitSet found = new BitSet(vocabulary.size());
        followed = 0;
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
        terms.count(followed / FOLLOWED_A_VISIT);
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
            followed++;
        }
        return at;
    }

    private Place after(Place from, int value) {
        if (from.next == null) {
            from.next = new Place[ROW][];
        }
        Place[] row = from.next[value / ROW];
        if (row == null) {
            terms.count(ROW_VISITS);
            row = new Place[ROW];
            from.next[value / ROW] = row;
        }
        Place next = row[value % ROW];
        if (next == null) {
            next = place(terms.derivative(from.term, value));
            row[value % ROW] = next;
        }
        return next;
    }

    private Place place(Term term) {
        return places.computeIfAbsent(term, Place::new);
    }
}
