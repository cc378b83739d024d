package io.plumbline.inference.language.template;

/** What stands after {@code is}: {@code value is test(arguments)}. */
@FunctionalInterface
interface ValueTest {
    boolean holds(Interpreter run, Value value, Arguments arguments);
}
