package io.plumbline.verifier.grammar;

import java.util.List;

/** A grammar's rule as it is written. */
sealed interface Expression {
    /** One byte of a set. */
    record Bytes(ByteSet set) implements Expression {}

    /** One after the other; none of them for the empty text. */
    record Sequence(List<Expression> parts) implements Expression {}

    /** One of them; none of them for nothing at all. */
    record Choice(List<Expression> parts) implements Expression {}

    /**
     * Between {@code least} and {@code most} times.
     *
     * @param most {@link #UNBOUNDED} for any number.
     */
    record Repeat(Expression part, int least, int most) implements Expression {}

    /** The texts that another rule matches, by its index. */
    record Rule(int index) implements Expression {}

    int UNBOUNDED = Integer.MAX_VALUE;

    Expression EMPTY = new Sequence(List.of());
}
