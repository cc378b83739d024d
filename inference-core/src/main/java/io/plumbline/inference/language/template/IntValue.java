package io.plumbline.inference.language.template;

/** A whole number. Python's are unbounded; these are of 64 bits, and what goes beyond is refused. */
record IntValue(long value) implements Value {
    private static final IntValue[] SMALL = new IntValue[256];

    static {
        for (int i = 0; i < SMALL.length; i++) {
            SMALL[i] = new IntValue(i);
        }
    }

    static IntValue of(long value) {
        return value >= 0 && value < SMALL.length ? SMALL[(int) value] : new IntValue(value);
    }

    @Override
    public String type() {
        return "int";
    }
}
