package io.plumbline.inference.language.template;

/** The values of a {@link Scope} while its block runs; null for a name without a value. */
final class Frame {
    private final Scope scope;
    private final Frame parent;
    private final Value[] values;

    Frame(Scope scope, Frame parent) {
        this.scope = scope;
        this.parent = parent;
        this.values = new Value[scope.size()];
    }

    Scope scope() {
        return scope;
    }

    /** Gives each name that is no parameter what it begins with, which is charged. A loop does so at each turn. */
    void begin(Variables variables, Budget budget) {
        budget.steps(values.length);
        for (int i = 0; i < values.length; i++) {
            switch (scope.beginning(i)) {
                case PARAMETER -> {}
                case VARIABLE -> values[i] = variables.find(scope.name(i));
                case OUTER -> values[i] = parent.find(scope.name(i));
                case NOTHING -> values[i] = null;
            }
        }
    }

    /** The value of a name here or around; null where it has none. */
    Value find(String name) {
        for (Frame frame = this; frame != null; frame = frame.parent) {
            int slot = frame.scope.slot(name);
            if (slot >= 0) {
                return frame.values[slot];
            }
        }
        return null;
    }

    void set(String name, Value value) {
        int slot = scope.slot(name);
        if (slot < 0) {
            throw new IllegalStateException("The scope analysis left out the name " + name + ".");
        }
        values[slot] = value;
    }
}
