package io.plumbline.inference.language.template;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The names that a block has of its own, and what each is when the block begins. Filled by {@link ScopeAnalysis} before
 * the first rendering, and not changed after. The rules are Jinja2's: which block a name belongs to is settled by where
 * it is assigned in the source, not by what runs.
 */
final class Scope {
    /** What a name is when its block begins. */
    enum Beginning {
        /** What the caller of the block puts there: a loop's item, a macro's argument. */
        PARAMETER,
        /** The variable that the template is rendered with, or the global of that name. */
        VARIABLE,
        /** What the block around has under that name. */
        OUTER,
        /** Nothing yet. */
        NOTHING
    }

    private final Map<String, Integer> slots = new HashMap<>();
    private final List<String> names = new ArrayList<>();
    private final List<Beginning> beginnings = new ArrayList<>();
    private Scope parent;

    void setParent(Scope scope) {
        this.parent = scope;
    }

    boolean has(String name) {
        return slots.containsKey(name);
    }

    /** Whether this scope or one around it has the name. */
    boolean reaches(String name) {
        for (Scope scope = this; scope != null; scope = scope.parent) {
            if (scope.has(name)) {
                return true;
            }
        }
        return false;
    }

    void define(String name, Beginning beginning) {
        Integer slot = slots.putIfAbsent(name, names.size());
        if (slot == null) {
            names.add(name);
            beginnings.add(beginning);
        } else {
            beginnings.set(slot, beginning);
        }
    }

    void declareParameter(String name) {
        define(name, Beginning.PARAMETER);
    }

    /** A name is read here. */
    void load(String name) {
        if (!reaches(name)) {
            define(name, Beginning.VARIABLE);
        }
    }

    /**
     * A name is assigned here.
     *
     * @param conditional whether an {@code if} may leave the assignment out: the name keeps its outer meaning then.
     */
    void store(String name, boolean conditional) {
        if (has(name)) {
            return;
        }
        boolean outside = parent != null && parent.reaches(name);
        define(name, outside ? Beginning.OUTER : conditional ? Beginning.VARIABLE : Beginning.NOTHING);
    }

    int size() {
        return names.size();
    }

    /** The slot of a name, or -1. */
    int slot(String name) {
        Integer slot = slots.get(name);
        return slot == null ? -1 : slot;
    }

    String name(int slot) {
        return names.get(slot);
    }

    Beginning beginning(int slot) {
        return beginnings.get(slot);
    }
}
