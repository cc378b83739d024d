package io.plumbline.inference.language.template;

/** A number that may have a fraction. */
record FloatValue(double value) implements Value {
    @Override
    public String type() {
        return "float";
    }
}
