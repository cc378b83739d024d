package io.plumbline.inference.language.template;

/** {@code true} and {@code false}. In arithmetic they are 1 and 0. */
enum BoolValue implements Value {
    FALSE,
    TRUE;

    static BoolValue of(boolean value) {
        return value ? TRUE : FALSE;
    }

    boolean value() {
        return this == TRUE;
    }

    @Override
    public String type() {
        return "bool";
    }
}
