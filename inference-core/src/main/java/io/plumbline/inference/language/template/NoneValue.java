package io.plumbline.inference.language.template;

/** {@code none}. */
enum NoneValue implements Value {
    NONE;

    @Override
    public String type() {
        return "NoneType";
    }
}
