package io.plumbline.inference.language.template;

import java.util.List;

/** What {@code cycler(…)} makes: values in turn, begun again after the last. */
final class Cycler implements Value {
    private final List<Value> items;
    private int at;

    Cycler(List<Value> items) {
        this.items = items;
    }

    Value current() {
        return items.get(at);
    }

    Value next() {
        Value value = current();
        at = (at + 1) % items.size();
        return value;
    }

    void reset() {
        at = 0;
    }

    @Override
    public String type() {
        return "Cycler";
    }
}
