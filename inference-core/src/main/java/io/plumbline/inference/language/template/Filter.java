package io.plumbline.inference.language.template;

/** What stands after a bar: {@code input|filter(arguments)}. */
@FunctionalInterface
interface Filter {
    Value apply(Interpreter run, Value input, Arguments arguments);
}
