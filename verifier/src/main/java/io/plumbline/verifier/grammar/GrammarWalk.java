package io.plumbline.verifier.grammar;

import java.util.Arrays;
import java.util.BitSet;
import java.util.IdentityHashMap;
import java.util.Map;

/**
 * Follows one text through a grammar, token by token, and says which tokens may come next. The places of a text at
 * which the same may follow share what was found out about them. One thread at a time.
 */
public final class GrammarWalk {
    /** Work that beginning may take, and each token more; see {@link Terms#visits()}. About 200 ms, and 10 ms. */
    private static final long FIRST_VISITS = 2_000_000;

    private static final long VISITS_A_TOKEN = 100_000;

    /** Places whose permitted tokens are kept: at 128k tokens 16 KiB each. */
    private static final int MOST_MASKS = 64;

    private static final Term[] NO_STEPS = {};

    private final Vocabulary vocabulary;
    private final Terms terms;
    private final int patience;
    private final Map<Term, Term[]> steps = new IdentityHashMap<>();
    private final Map<Term, BitSet> masks = new IdentityHashMap<>();
    private Term place;
    private boolean isAtBegin = true;
    private long tokens;

    /** Places along the token that is looked at, one more than it has bytes. */
    private Term[] path = new Term[64];

    /** @param patience how many times the work of a node this one may take: those that check have more than it. */
    public GrammarWalk(Grammar grammar, Vocabulary vocabulary, int patience) {
        this.vocabulary = vocabulary;
        this.terms = new Terms(grammar);
        this.patience = patience;
        this.place = terms.root();
    }

    /** Whether the text so far is a whole one. */
    public boolean isComplete() {
        return place.isNullable();
    }

    /**
     * Takes the next token, whether it is permitted or not.
     *
     * @throws GrammarTooCostlyException where following the grammar takes too much.
     */
    public void accept(int token) {
        tokens++;
        for (byte one : vocabulary.bytes(token)) {
            place = after(place, one & 0xFF, isAtBegin);
            isAtBegin = false;
        }
        if (terms.trim()) {
            steps.clear();
            masks.clear();
        }
    }

    /**
     * The tokens that may come next; empty where none may. Not to be changed, and good until the next token.
     *
     * @throws GrammarTooCostlyException where following the grammar takes too much.
     */
    public BitSet permitted() {
        if (isAtBegin) {
            return find();
        }
        if (masks.size() >= MOST_MASKS && !masks.containsKey(place)) {
            masks.clear();
        }
        return masks.computeIfAbsent(place, _ -> find());
    }

    private BitSet find() {
        BitSet found = new BitSet(vocabulary.size());
        path[0] = place;
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
        int at = from;
        while (at < bytes.length) {
            Term next = after(path[at], bytes[at] & 0xFF, isAtBegin && at == 0);
            if (Terms.isNone(next)) {
                break;
            }
            path[++at] = next;
        }
        return at;
    }

    private Term after(Term from, int value, boolean begins) {
        if (begins && value == ' ' && vocabulary.dropsFirstSpace()) {
            return from;
        }
        Term[] known = steps.getOrDefault(from, NO_STEPS);
        if (known.length == 0) {
            known = new Term[256];
            steps.put(from, known);
        }
        if (known[value] == null) {
            if (terms.visits() > patience * (FIRST_VISITS + VISITS_A_TOKEN * tokens)) {
                throw new GrammarTooCostlyException(
                        "The grammar takes too much work to follow. Write it with fewer readings of one text.");
            }
            known[value] = terms.derivative(from, value);
        }
        return known[value];
    }
}
