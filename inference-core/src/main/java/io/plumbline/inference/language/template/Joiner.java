package io.plumbline.inference.language.template;

/** What {@code joiner(…)} makes: nothing at the first call, its separator at all others. */
final class Joiner implements Callable {
    private final Value separator;
    private boolean used;

    Joiner(Value separator) {
        this.separator = separator;
    }

    @Override
    public Value call(Interpreter interpreter, Arguments arguments) {
        arguments.bind("joiner", 0);
        if (!used) {
            used = true;
            return TextValue.EMPTY;
        }
        return separator;
    }

    @Override
    public String type() {
        return "Joiner";
    }
}
