package io.plumbline.inference.language.template;

import java.util.List;
import java.util.Map;

/** The arguments of a call. */
record Arguments(List<Value> positional, Map<String, Value> named) {
    static final Arguments NONE = new Arguments(List.of(), Map.of());

    static Arguments of(Value... positional) {
        return new Arguments(List.of(positional), Map.of());
    }

    /**
     * The arguments in the order of {@code names}, null where one was not given.
     *
     * @param required how many of the first must be given.
     * @throws Fault as Python refuses calls: too many, too few, given twice, or by a name that is not there.
     */
    Value[] bind(String callee, int required, String... names) {
        Value[] bound = positional(callee, names.length);
        for (Map.Entry<String, Value> entry : named.entrySet()) {
            int i = List.of(names).indexOf(entry.getKey());
            if (i < 0) {
                throw Fault.value(callee + " has no parameter '" + entry.getKey() + "'.");
            }
            if (bound[i] != null) {
                throw Fault.value(callee + " is given '" + entry.getKey() + "' twice.");
            }
            bound[i] = entry.getValue();
        }
        for (int i = 0; i < required; i++) {
            if (bound[i] == null) {
                throw Fault.value(callee + " needs '" + names[i] + "'.");
            }
        }
        return bound;
    }

    /** As {@link #bind}, for functions whose parameters have no names to give them by. */
    Value[] bindUnnamed(String callee, int required, int most) {
        if (!named.isEmpty()) {
            throw Fault.value(callee + " takes no named arguments.");
        }
        if (positional.size() < required) {
            throw Fault.value(callee + " needs " + required + " arguments.");
        }
        return positional(callee, most);
    }

    private Value[] positional(String callee, int most) {
        if (positional.size() > most) {
            throw Fault.value(callee + " takes at most " + most + " arguments, not " + positional.size() + ".");
        }
        Value[] bound = new Value[most];
        for (int i = 0; i < positional.size(); i++) {
            bound[i] = positional.get(i);
        }
        return bound;
    }

    /** Without the first positional argument. */
    Arguments rest() {
        return new Arguments(positional.subList(1, positional.size()), named);
    }
}
