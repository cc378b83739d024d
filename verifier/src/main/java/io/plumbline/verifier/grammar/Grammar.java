package io.plumbline.verifier.grammar;

import java.util.ArrayList;
import java.util.List;

/**
 * A context-free grammar over bytes, from its text in GBNF. Immutable.
 *
 * <p>Refused are grammars without a rule {@code root}, with rules that are named and not written, that begin with
 * themselves (left recursion), or that no text ever ends. What remains can be followed byte by byte, and every place
 * that is reached can be gone on from to an end.
 */
public final class Grammar {
    /** Most bytes of a grammar's text, in UTF-8. */
    public static final int MAX_BYTES = 64 << 10;

    /** Rules within rules at the beginning of a text: it bounds how deep one step looks. */
    private static final int MAX_DEPTH = 256;

    private final List<String> names;
    private final List<Expression> bodies;
    private final int root;
    private final boolean[] nullable;

    private Grammar(List<String> names, List<Expression> bodies, int root) {
        this.names = names;
        this.bodies = bodies;
        this.root = root;
        this.nullable = new boolean[bodies.size()];
        boolean[] ends = new boolean[bodies.size()];
        fix(nullable, false);
        fix(ends, true);
        for (int rule = 0; rule < ends.length; rule++) {
            if (!ends[rule]) {
                throw new GrammarException("The grammar's rule \"" + names.get(rule)
                        + "\" never comes to an end. Give it an alternative without itself.");
            }
        }
        int[] depths = new int[bodies.size()];
        for (int rule = 0; rule < depths.length; rule++) {
            depth(rule, depths, 1);
        }
    }

    /**
     * Reads a grammar.
     *
     * @throws GrammarException saying what is wrong and in which line.
     */
    public static Grammar parse(String gbnf) {
        GrammarParser parser = new GrammarParser(gbnf);
        parser.parse();
        return new Grammar(parser.names(), parser.bodies(), parser.root());
    }

    int rules() {
        return bodies.size();
    }

    Expression body(int rule) {
        return bodies.get(rule);
    }

    int root() {
        return root;
    }

    boolean isNullable(int rule) {
        return nullable[rule];
    }

    /** Finds for all rules whether they match the empty text, or any text at all, from what is known of others. */
    private void fix(boolean[] known, boolean anyText) {
        boolean changed = true;
        while (changed) {
            changed = false;
            for (int rule = 0; rule < known.length; rule++) {
                if (!known[rule] && holds(bodies.get(rule), known, anyText)) {
                    known[rule] = true;
                    changed = true;
                }
            }
        }
    }

    private static boolean holds(Expression expression, boolean[] known, boolean anyText) {
        return switch (expression) {
            case Expression.Bytes(ByteSet set) -> anyText && !set.isEmpty();
            case Expression.Sequence(List<Expression> parts) ->
                parts.stream().allMatch(part -> holds(part, known, anyText));
            case Expression.Choice(List<Expression> parts) ->
                parts.stream().anyMatch(part -> holds(part, known, anyText));
            case Expression.Repeat repeat -> repeat.least() == 0 || holds(repeat.part(), known, anyText);
            case Expression.Rule(int index) -> known[index];
        };
    }

    /** How many rules may begin within each other from this one on. */
    private int depth(int rule, int[] depths, int above) {
        if (depths[rule] == -1) {
            throw new GrammarException("The grammar's rule \"" + names.get(rule)
                    + "\" begins with itself. Write what repeats after what it begins with.");
        }
        if (depths[rule] == 0) {
            if (above > MAX_DEPTH) {
                throw new GrammarException(
                        "The grammar has more than " + MAX_DEPTH + " rules that begin within each other.");
            }
            depths[rule] = -1;
            int deepest = 0;
            List<Integer> firsts = new ArrayList<>();
            firsts(bodies.get(rule), firsts);
            for (int first : firsts) {
                deepest = Math.max(deepest, depth(first, depths, above + 1));
            }
            depths[rule] = 1 + deepest;
        }
        if (depths[rule] + above > MAX_DEPTH) {
            throw new GrammarException(
                    "The grammar has more than " + MAX_DEPTH + " rules that begin within each other.");
        }
        return depths[rule];
    }

    /** The rules that an expression may begin with. */
    private void firsts(Expression expression, List<Integer> out) {
        switch (expression) {
            case Expression.Bytes bytes -> {}
            case Expression.Sequence(List<Expression> parts) -> {
                for (Expression part : parts) {
                    firsts(part, out);
                    if (!holds(part, nullable, false)) {
                        break;
                    }
                }
            }
            case Expression.Choice(List<Expression> parts) -> parts.forEach(part -> firsts(part, out));
            case Expression.Repeat repeat -> firsts(repeat.part(), out);
            case Expression.Rule(int index) -> out.add(index);
        }
    }

    /** Whether the grammar matches a whole text, given in UTF-8. */
    public boolean matches(byte[] text) {
        Terms terms = new Terms(this);
        Term term = terms.root();
        for (byte one : text) {
            term = terms.derivative(term, one & 0xFF);
        }
        return term.isNullable();
    }
}
