package io.plumbline.inference.language.template;

import java.util.List;

/** A list. Its maker does not change {@code items} after. */
record ListValue(List<Value> items) implements Value {
    static final ListValue EMPTY = new ListValue(List.of());

    @Override
    public String type() {
        return "list";
    }
}
