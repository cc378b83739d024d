package io.plumbline.inference.language.template;

import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.function.Supplier;

/** An iterator over what a supplier gives until it gives null. Pulls one value ahead, and only when asked. */
final class Pull implements Iterator<Value> {
    private final Budget budget;
    private final Supplier<Value> source;
    private Value ahead;
    private boolean ended;

    Pull(Budget budget, Supplier<Value> source) {
        this.budget = budget;
        this.source = source;
    }

    @Override
    public boolean hasNext() {
        if (ahead == null && !ended) {
            budget.enter();
            ahead = source.get();
            budget.leave();
            ended = ahead == null;
        }
        return ahead != null;
    }

    @Override
    public Value next() {
        if (!hasNext()) {
            throw new NoSuchElementException("There are no more values.");
        }
        Value value = ahead;
        ahead = null;
        return value;
    }
}
