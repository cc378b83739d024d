package io.plumbline.inference.language.template;

import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/** All filters by name: Jinja2's, but for those that lay out HTML or draw lots. */
final class Filters {
    private static final Map<String, Filter> ALL = new HashMap<>();

    static {
        ALL.putAll(TextFilters.ALL);
        ALL.putAll(NumberFilters.ALL);
        ALL.putAll(SequenceFilters.ALL);
        ALL.putAll(OrderFilters.ALL);
        ALL.putAll(SelectionFilters.ALL);
        ALL.put("tojson", JsonWriter::filter);
    }

    private Filters() {}

    static Set<String> names() {
        return ALL.keySet();
    }

    static boolean exists(String name) {
        return ALL.containsKey(name);
    }

    /** @throws Fault where there is no such filter. */
    static Filter get(String name) {
        Filter filter = ALL.get(name);
        if (filter == null) {
            throw Fault.value("there is no filter '" + name + "'.");
        }
        return filter;
    }
}
