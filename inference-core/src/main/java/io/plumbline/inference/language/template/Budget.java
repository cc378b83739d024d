package io.plumbline.inference.language.template;

/**
 * The part of its {@link Limits} that one rendering has left. Every operation charges its cost before it does its
 * work.
 */
final class Budget {
    /** Characters that an operation reads or writes for one step. */
    static final int CHARACTERS_PER_STEP = 16;

    /** An object with its header and a few fields, or an entry of a list with the value in it. */
    private static final int BYTES_PER_OBJECT = 32;

    private static final int STEPS_BETWEEN_LOOKS_AT_THE_CLOCK = 512;

    private final Limits limits;
    private final long startNs = System.nanoTime();
    private long steps;
    private long nextLook;
    private long allocatedBytes;
    private int depth;

    Budget(Limits limits) {
        this.limits = limits;
    }

    Limits limits() {
        return limits;
    }

    void step() {
        steps(1);
    }

    void steps(long count) {
        steps += count;
        if (steps >= nextLook) {
            look();
        }
    }

    private void look() {
        if (steps > limits.steps()) {
            throw Fault.limit("it takes more than " + limits.steps() + " steps.");
        }
        if (System.nanoTime() - startNs > limits.time().toNanos()) {
            throw Fault.time("it takes more than " + limits.time().toMillis() + " ms.");
        }
        nextLook = steps + STEPS_BETWEEN_LOOKS_AT_THE_CLOCK;
    }

    /** Charges an operation that looks at {@code count} characters. */
    void reads(long count) {
        steps(1 + count / CHARACTERS_PER_STEP);
    }

    /** Charges a text of {@code count} characters that is about to be made. */
    void characters(long count) {
        allocate(BYTES_PER_OBJECT, count, Character.BYTES);
        reads(count);
    }

    /** Charges {@code count} values, or entries of a list or dict, that are about to be made. */
    void objects(long count) {
        allocate(0, count, BYTES_PER_OBJECT);
        steps(1 + count / CHARACTERS_PER_STEP);
    }

    private void allocate(long fixed, long count, int each) {
        long left = limits.allocatedBytes() - allocatedBytes - fixed;
        if (count > left / each) {
            throw Fault.limit("its values take more than " + limits.allocatedBytes() + " bytes.");
        }
        allocatedBytes += fixed + count * each;
    }

    /**
     * Goes one level deeper. Callers {@link #leave()} after; where a fault ends the rendering they need not, so nothing
     * here is in a {@code finally}.
     */
    void enter() {
        if (++depth > limits.depth()) {
            throw Fault.limit("it nests deeper than " + limits.depth() + " levels.");
        }
        step();
    }

    void leave() {
        depth--;
    }
}
