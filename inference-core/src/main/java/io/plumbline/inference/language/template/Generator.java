package io.plumbline.inference.language.template;

import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.function.Supplier;

/**
 * Values that are computed as they are asked for, once: what filters such as {@code map} and {@code select} give. A
 * generator may take its values from another one; the stack must hold all of them, so their number is bounded.
 */
final class Generator implements Value, Iterator<Value> {
    /** Generators that take their values from each other. */
    private static final int MAX_CHAIN = 32;

    private final Iterator<Value> values;
    private final int chain;

    private Generator(Iterator<Value> values, int chain) {
        this.values = values;
        this.chain = chain;
    }

    /** A generator that takes its values from {@code source}, which may be a generator itself, by {@code values}. */
    static Generator from(Value source, Iterator<Value> values) {
        int chain = source instanceof Generator generator ? generator.chain + 1 : 1;
        if (chain > MAX_CHAIN) {
            throw Fault.limit("more than " + MAX_CHAIN + " filters wait for each other's values.");
        }
        return new Generator(values, chain);
    }

    /** A generator whose values are those of {@code begun}, which is asked for them when the first value is. */
    static Generator lazily(Budget budget, Value source, Supplier<Supplier<Value>> begun) {
        return from(source, new Pull(budget, new Supplier<>() {
            private Supplier<Value> values;

            @Override
            public Value get() {
                if (values == null) {
                    values = begun.get();
                }
                return values.get();
            }
        }));
    }

    @Override
    public boolean hasNext() {
        return values.hasNext();
    }

    @Override
    public Value next() {
        if (!values.hasNext()) {
            throw new NoSuchElementException("A generator was asked for more than it has.");
        }
        return values.next();
    }

    @Override
    public String type() {
        return "generator";
    }
}
