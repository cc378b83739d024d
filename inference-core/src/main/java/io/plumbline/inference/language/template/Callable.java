package io.plumbline.inference.language.template;

/** A value that a template can call. */
sealed interface Callable extends Value permits Macro, BoundMethod, Builtin, LoopValue, Joiner {
    Value call(Interpreter interpreter, Arguments arguments);
}
