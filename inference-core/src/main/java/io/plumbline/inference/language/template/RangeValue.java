package io.plumbline.inference.language.template;

/**
 * Whole numbers at one distance.
 *
 * @param step not 0.
 * @param length how many, within {@link Limits#rangeLength}.
 */
record RangeValue(long start, long stop, long step, int length) implements Value {
    /** @throws Fault where the step is 0 or the range longer than {@code maxLength}. */
    static RangeValue of(long start, long stop, long step, int maxLength) {
        if (step == 0) {
            throw Fault.value("the third argument of range is 0.");
        }
        long distance = step > 0 ? Math.subtractExact(stop, start) : Math.subtractExact(start, stop);
        long stride = step == Long.MIN_VALUE ? Long.MAX_VALUE : Math.abs(step);
        long length = distance <= 0 ? 0 : (distance - 1) / stride + 1;
        if (length > maxLength) {
            throw Fault.limit("a range has more than " + maxLength + " numbers.");
        }
        return new RangeValue(start, stop, step, (int) length);
    }

    long get(int index) {
        return start + index * step;
    }

    boolean contains(long value) {
        if (length == 0) {
            return false;
        }
        long last = get(length - 1);
        boolean within = step > 0 ? value >= start && value <= last : value <= start && value >= last;
        return within && (value - start) % step == 0;
    }

    @Override
    public String type() {
        return "range";
    }
}
