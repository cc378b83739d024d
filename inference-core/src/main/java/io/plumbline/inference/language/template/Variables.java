package io.plumbline.inference.language.template;

import java.util.HashMap;
import java.util.Map;

/** What a template is rendered with, and the functions that every template finds. */
final class Variables {
    private final Map<String, Value> given = new HashMap<>();

    /** @param given values by name, as {@link Values#of} takes them. */
    Variables(Map<String, ?> given, Budget budget) {
        for (Map.Entry<String, ?> entry : given.entrySet()) {
            this.given.put(entry.getKey(), Values.of(entry.getValue(), budget));
        }
    }

    /** Null where there is nothing of that name. */
    Value find(String name) {
        Value value = given.get(name);
        return value == null ? Globals.find(name) : value;
    }
}
