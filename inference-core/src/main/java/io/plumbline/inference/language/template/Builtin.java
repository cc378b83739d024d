package io.plumbline.inference.language.template;

/** A function that every template finds: {@code range}, {@code namespace} and others. */
record Builtin(String name, Body body) implements Callable {
    @FunctionalInterface
    interface Body {
        Value call(Interpreter interpreter, Arguments arguments);
    }

    @Override
    public Value call(Interpreter interpreter, Arguments arguments) {
        return body.call(interpreter, arguments);
    }

    @Override
    public String type() {
        return "function";
    }
}
