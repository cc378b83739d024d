package io.plumbline.verifier.grammar;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongFunction;

/**
 * Makes terms and their derivatives. Terms of the same form are one object, so that places of a text at which the same
 * may follow are known to be the same. One thread at a time.
 */
final class Terms {
    /** What a form counts as work: so there are no more than memory has room for. */
    private static final int FORM_VISITS = 16;

    /** Alternatives of one place of a text. */
    private static final int MOST_CHOICES = 4_096;

    /** Terms within each other that a derivative goes down: a thread's stack ends, and not everywhere at the same. */
    private static final int MOST_DEPTH = 1_000;

    private record Form(int kind, long a, long b, long c) {}

    private record Forms(List<Long> parts) {}

    private static final int SEQUENCE = 0;
    private static final int REPEAT = 1;
    private static final int RULE = 2;

    private final Grammar grammar;
    private final Term[] bodies;
    private final Map<Object, Term> known = new HashMap<>();
    private final Term empty = new Term.Empty(0);
    private final Term none = new Term.Choice(1, new Term[0], false);
    private long nextId = 2;
    private long visits;
    private long most = Long.MAX_VALUE;
    private int depth;

    Terms(Grammar grammar) {
        this.grammar = grammar;
        this.bodies = new Term[grammar.rules()];
    }

    /** Terms looked at for derivatives since this was made, and what else counts: a measure of work. */
    long visits() {
        return visits;
    }

    /** Forgets all forms, and has derivatives end as too costly where there would be more visits than this from now. */
    void begin(long more) {
        known.clear();
        Arrays.fill(bodies, null);
        most = visits + more;
    }

    /**
     * Counts work before it is done: one derivative alone may take 2^200 visits.
     *
     * @throws GrammarTooCostlyException where it is more than is allowed.
     */
    void count(long more) {
        visits += more;
        if (visits > most) {
            throw new GrammarTooCostlyException(
                    "The grammar takes too much work to follow. Write it with fewer readings of one text.");
        }
    }

    /** The term of a form, which is made where it is not known. */
    private Term form(Object form, LongFunction<Term> maker) {
        Term term = known.get(form);
        if (term == null) {
            count(FORM_VISITS);
            term = maker.apply(nextId++);
            known.put(form, term);
        }
        return term;
    }

    Term root() {
        return rule(grammar.root());
    }

    /** Whether no byte may follow. */
    static boolean isOver(Term term) {
        return term instanceof Term.Empty || isNone(term);
    }

    static boolean isNone(Term term) {
        return term instanceof Term.Choice choice && choice.parts().length == 0;
    }

    private Term of(Expression expression) {
        return switch (expression) {
            case Expression.Bytes(ByteSet set) -> bytes(set);
            case Expression.Sequence(List<Expression> parts) -> {
                Term all = empty;
                for (Expression part : parts.reversed()) {
                    all = sequence(of(part), all);
                }
                yield all;
            }
            case Expression.Choice(List<Expression> parts) ->
                choice(parts.stream().map(this::of).toList());
            case Expression.Repeat(Expression part, int least, int most) -> repeat(of(part), least, most);
            case Expression.Rule(int index) -> rule(index);
        };
    }

    private Term bytes(ByteSet set) {
        return set.isEmpty() ? none : form(set, id -> new Term.Bytes(id, set));
    }

    private Term rule(int index) {
        return form(new Form(RULE, index, 0, 0), id -> new Term.Rule(id, index, grammar.isNullable(index)));
    }

    private Term sequence(Term first, Term rest) {
        if (first == empty) {
            return rest;
        }
        if (rest == empty || isNone(first)) {
            return first;
        }
        if (isNone(rest)) {
            return none;
        }
        if (!(first instanceof Term.Sequence)) {
            return chained(first, rest);
        }
        // Without recursion: a text of the grammar may be long.
        List<Term> parts = new ArrayList<>();
        Term last = first;
        while (last instanceof Term.Sequence sequence) {
            parts.add(sequence.first());
            last = sequence.rest();
        }
        Term all = chained(last, rest);
        for (Term part : parts.reversed()) {
            all = chained(part, all);
        }
        count(parts.size());
        return all;
    }

    private Term chained(Term first, Term rest) {
        Form form = new Form(SEQUENCE, first.id(), rest.id(), 0);
        return form(form, id -> new Term.Sequence(id, first, rest, first.isNullable() && rest.isNullable()));
    }

    private Term choice(List<Term> given) {
        long all = 0;
        for (Term one : given) {
            all += one instanceof Term.Choice choice ? choice.parts().length : 1;
        }
        // Comparing them takes more than looking at them, also those of a choice that is looked at as one.
        count(8 * all);
        ByteSet single = ByteSet.NONE;
        Map<Long, Term> parts = new HashMap<>();
        for (Term one : given) {
            for (Term part : one instanceof Term.Choice choice ? choice.parts() : new Term[] {one}) {
                if (part instanceof Term.Bytes bytes) {
                    single = single.or(bytes.set());
                } else {
                    parts.put(part.id(), part);
                }
            }
        }
        if (!single.isEmpty()) {
            Term any = bytes(single);
            parts.put(any.id(), any);
        }
        if (parts.isEmpty()) {
            return none;
        }
        if (parts.size() == 1) {
            return parts.values().iterator().next();
        }
        if (parts.size() > MOST_CHOICES) {
            throw new GrammarTooCostlyException(
                    "The grammar leaves more than " + MOST_CHOICES + " readings of one text open.");
        }
        Term[] sorted = parts.values().toArray(new Term[0]);
        Arrays.sort(sorted, (x, y) -> Long.compare(x.id(), y.id()));
        Forms form = new Forms(Arrays.stream(sorted).map(Term::id).toList());
        boolean isNullable = Arrays.stream(sorted).anyMatch(Term::isNullable);
        return form(form, id -> new Term.Choice(id, sorted, isNullable));
    }

    private Term repeat(Term part, int least, int most) {
        if (most == 0 || part == empty) {
            return empty;
        }
        int needed = part.isNullable() ? 0 : least;
        if (isNone(part)) {
            return needed == 0 ? empty : none;
        }
        if (needed == 1 && most == 1) {
            return part;
        }
        Form form = new Form(REPEAT, part.id(), needed, most);
        return form(form, id -> new Term.Repeat(id, part, needed, most, needed == 0));
    }

    /**
     * The derivative: a term for all that may follow after the byte {@code value}.
     *
     * @throws GrammarTooCostlyException where terms stand too deep within each other, or it takes more than is allowed.
     */
    Term derivative(Term term, int value) {
        if (depth == MOST_DEPTH) {
            throw new GrammarTooCostlyException(
                    "The grammar leaves more than " + MOST_DEPTH + " parts open within each other.");
        }
        count(1);
        depth++;
        try {
            return switch (term) {
                case Term.Empty empty -> none;
                case Term.Bytes bytes -> bytes.set().contains(value) ? empty : none;
                case Term.Sequence sequence -> derivative(sequence, value);
                case Term.Choice choice -> {
                    List<Term> derived = new ArrayList<>(choice.parts().length);
                    for (Term part : choice.parts()) {
                        derived.add(derivative(part, value));
                    }
                    yield choice(derived);
                }
                case Term.Repeat repeat -> {
                    Term derived = derivative(repeat.part(), value);
                    int more = repeat.most() == Expression.UNBOUNDED ? repeat.most() : repeat.most() - 1;
                    yield isNone(derived)
                            ? none
                            : sequence(derived, repeat(repeat.part(), Math.max(0, repeat.least() - 1), more));
                }
                case Term.Rule rule -> derivative(body(rule.index()), value);
            };
        } finally {
            depth--;
        }
    }

    private Term derivative(Term.Sequence sequence, int value) {
        List<Term> derived = new ArrayList<>();
        Term left = sequence;
        while (left instanceof Term.Sequence one) {
            Term next = derivative(one.first(), value);
            if (!isNone(next)) {
                derived.add(sequence(next, one.rest()));
            }
            left = one.first().isNullable() ? one.rest() : null;
        }
        if (left != null) {
            derived.add(derivative(left, value));
        }
        return derived.size() == 1 ? derived.getFirst() : choice(derived);
    }

    private Term body(int index) {
        if (bodies[index] == null) {
            bodies[index] = of(grammar.body(index));
        }
        return bodies[index];
    }
}
