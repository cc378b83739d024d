package io.plumbline.inference.language.template;

import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Map;

/** A dict, in the order in which its keys came. Its maker alone changes it, and only before others see it. */
final class DictValue implements Value {
    /** A key as it was first written, and the value it has now. */
    record Entry(Value key, Value value) {}

    private final Map<Object, Entry> entries = new LinkedHashMap<>();

    /**
     * Puts a value under a key; for the maker of the dict.
     *
     * @throws Fault where the key is a list or another value that cannot be one.
     */
    void put(Budget budget, Value key, Value value) {
        Object normal = Keys.of(budget, key);
        Entry before = entries.get(normal);
        entries.put(normal, new Entry(before == null ? key : before.key(), value));
    }

    /** Puts a value under a text that a template or a caller has as a name, without marks. */
    void put(String key, Value value) {
        String normal = MarkedText.plain(key);
        Entry before = entries.get(normal);
        entries.put(normal, new Entry(before == null ? TextValue.of(key) : before.key(), value));
    }

    /** The value of a key, or null. */
    Value get(Budget budget, Value key) {
        Entry entry = entries.get(Keys.of(budget, key));
        return entry == null ? null : entry.value();
    }

    Value get(String key) {
        Entry entry = entries.get(key);
        return entry == null ? null : entry.value();
    }

    int size() {
        return entries.size();
    }

    Collection<Entry> entries() {
        return entries.values();
    }

    @Override
    public String type() {
        return "dict";
    }
}
