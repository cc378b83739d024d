package io.plumbline.inference.language.template;

import java.util.Iterator;
import java.util.List;

/** Equality, order and membership, as Python has them. */
final class Comparisons {
    private final Budget budget;
    private final Sequences sequences;

    Comparisons(Budget budget, Sequences sequences) {
        this.budget = budget;
        this.sequences = sequences;
    }

    boolean holds(Relation relation, Value a, Value b) {
        return switch (relation) {
            case EQUAL -> equal(a, b);
            case NOT_EQUAL -> !equal(a, b);
            case IN -> contains(b, a);
            case NOT_IN -> !contains(b, a);
            default -> ordered(relation, a, b);
        };
    }

    boolean equal(Value a, Value b) {
        budget.step();
        if (a == b) {
            return !Numbers.isNaN(a);
        }
        if (Numbers.isNumber(a) && Numbers.isNumber(b)) {
            return !Numbers.isNaN(a) && !Numbers.isNaN(b) && Numbers.compare(a, b) == 0;
        }
        return switch (a) {
            case TextValue x
            when b instanceof TextValue y -> {
                yield x.text().length() == y.text().length() && x.plain(budget).equals(y.plain(budget));
            }
            case ListValue x when b instanceof ListValue y -> equal(x.items(), y.items());
            case TupleValue x when b instanceof TupleValue y -> equal(x.items(), y.items());
            case DictValue x when b instanceof DictValue y -> equal(x, y);
            case DictView x when b instanceof DictView y -> equal(x, y);
            case RangeValue x when b instanceof RangeValue y -> equal(x, y);
            case Undefined x -> b instanceof Undefined;
            case BoundMethod x
            when b instanceof BoundMethod y ->
                x.receiver() == y.receiver() && x.name().equals(y.name());
            default -> false;
        };
    }

    private boolean equal(List<Value> a, List<Value> b) {
        if (a.size() != b.size()) {
            return false;
        }
        budget.enter();
        for (int i = 0; i < a.size(); i++) {
            if (!same(a.get(i), b.get(i))) {
                budget.leave();
                return false;
            }
        }
        budget.leave();
        return true;
    }

    /** Within containers a value is equal to itself even where it is no number. */
    private boolean same(Value a, Value b) {
        return a == b || equal(a, b);
    }

    private boolean equal(DictValue a, DictValue b) {
        if (a.size() != b.size()) {
            return false;
        }
        budget.enter();
        for (DictValue.Entry entry : a.entries()) {
            budget.step();
            Value other = b.get(budget, entry.key());
            if (other == null || !same(entry.value(), other)) {
                budget.leave();
                return false;
            }
        }
        budget.leave();
        return true;
    }

    /** Keys and items are compared as sets; values only with themselves. */
    private boolean equal(DictView a, DictView b) {
        if (a.part() == DictView.Part.VALUES || b.part() == DictView.Part.VALUES) {
            return false;
        }
        if (a.dict().size() != b.dict().size()) {
            return false;
        }
        for (Iterator<Value> all = sequences.iterate(a); all.hasNext(); ) {
            if (!contains(b, all.next())) {
                return false;
            }
        }
        return true;
    }

    private static boolean equal(RangeValue a, RangeValue b) {
        return a.length() == b.length()
                && (a.length() == 0 || a.start() == b.start() && (a.length() == 1 || a.step() == b.step()));
    }

    private boolean ordered(Relation relation, Value a, Value b) {
        if (a instanceof Undefined undefined) {
            throw undefined.fault();
        }
        if (b instanceof Undefined undefined) {
            throw undefined.fault();
        }
        if (Numbers.isNaN(a) && Numbers.isNumber(b) || Numbers.isNaN(b) && Numbers.isNumber(a)) {
            return false;
        }
        int order = compare(relation, a, b);
        return switch (relation) {
            case LESS -> order < 0;
            case LESS_OR_EQUAL -> order <= 0;
            case GREATER -> order > 0;
            default -> order >= 0;
        };
    }

    /** Whether {@code a} comes before {@code b}. */
    boolean less(Value a, Value b) {
        return ordered(Relation.LESS, a, b);
    }

    private int compare(Relation relation, Value a, Value b) {
        budget.step();
        if (Numbers.isNumber(a) && Numbers.isNumber(b)) {
            return Numbers.compare(a, b);
        }
        return switch (a) {
            case TextValue x
            when b instanceof TextValue y -> {
                budget.reads(Math.min(x.text().length(), y.text().length()));
                yield compareCodePoints(x.text(), y.text());
            }
            case ListValue x when b instanceof ListValue y -> compare(relation, x.items(), y.items());
            case TupleValue x when b instanceof TupleValue y -> compare(relation, x.items(), y.items());
            default -> throw Fault.value("'" + relation + "' does not take a " + a.type() + " and a " + b.type() + ".");
        };
    }

    private int compare(Relation relation, List<Value> a, List<Value> b) {
        budget.enter();
        for (int i = 0; i < Math.min(a.size(), b.size()); i++) {
            if (!same(a.get(i), b.get(i))) {
                int order = ordered(Relation.LESS, a.get(i), b.get(i)) ? -1 : 1;
                budget.leave();
                return order;
            }
        }
        budget.leave();
        return Integer.compare(a.size(), b.size());
    }

    /**
     * By code points: characters beyond the basic plane come last, as they do in Python and do not in
     * {@code String.compareTo}.
     */
    private static int compareCodePoints(String a, String b) {
        int n = Math.min(a.length(), b.length());
        for (int i = 0; i < n; i++) {
            char x = MarkedText.plain(a.charAt(i));
            char y = MarkedText.plain(b.charAt(i));
            if (x != y) {
                boolean surrogates = Character.isSurrogate(x) != Character.isSurrogate(y);
                return surrogates ? (Character.isSurrogate(x) ? 1 : -1) : Character.compare(x, y);
            }
        }
        return Integer.compare(a.length(), b.length());
    }

    /** {@code item in container}. */
    boolean contains(Value container, Value item) {
        budget.step();
        return switch (container) {
            case TextValue text -> {
                if (!(item instanceof TextValue part)) {
                    throw Fault.value("'in' a text takes a text, not a " + item.type() + ".");
                }
                yield TextSearch.find(budget, text.text(), part.text(), 0) >= 0;
            }
            case DictValue dict -> dict.get(budget, item) != null;
            case DictView view
            when view.part() == DictView.Part.KEYS -> view.dict().get(budget, item) != null;
            case RangeValue range when Numbers.isWhole(item) -> range.contains(Numbers.whole(item));
            default -> {
                for (Iterator<Value> all = sequences.iterate(container); all.hasNext(); ) {
                    if (same(all.next(), item)) {
                        yield true;
                    }
                }
                yield false;
            }
        };
    }
}
