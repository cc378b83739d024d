package io.plumbline.inference.language.template;

import java.util.List;

/** Where a value is put by {@code set}, {@code for} or {@code with}. */
sealed interface Target {
    record NameTarget(String name) implements Target {}

    /** {@code namespace.attribute}. */
    record NamespaceTarget(String namespace, String attribute) implements Target {}

    /** {@code a, b}: a value is taken apart. */
    record TupleTarget(List<Target> parts) implements Target {}
}
