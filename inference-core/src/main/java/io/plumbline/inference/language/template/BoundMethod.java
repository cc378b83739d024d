package io.plumbline.inference.language.template;

/** A method of a value, before it is called: {@code message.items}. */
record BoundMethod(Value receiver, String name) implements Callable {
    @Override
    public Value call(Interpreter interpreter, Arguments arguments) {
        return Methods.call(interpreter, receiver, name, arguments);
    }

    @Override
    public String type() {
        return "builtin_function_or_method";
    }
}
