package io.plumbline.inference.language.template;

import java.util.List;

/**
 * A tuple.
 *
 * @param names of the items where they have some, as the groups of {@code groupby} do; else empty.
 */
record TupleValue(List<Value> items, List<String> names) implements Value {
    TupleValue(List<Value> items) {
        this(items, List.of());
    }

    @Override
    public String type() {
        return "tuple";
    }
}
