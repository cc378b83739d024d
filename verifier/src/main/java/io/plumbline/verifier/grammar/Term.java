package io.plumbline.verifier.grammar;

/**
 * The rest of a text: an expression whose derivative by a byte is the rest after that byte (Brzozowski 1964).
 * Made by {@link Terms} alone, which gives equal ones the same number.
 */
sealed interface Term {
    /** Equal for terms of the same form, until their {@link Terms} forgets. */
    long id();

    /** Whether nothing at all may follow. */
    boolean isNullable();

    /** Nothing follows. */
    record Empty(long id) implements Term {
        @Override
        public boolean isNullable() {
            return true;
        }
    }

    record Bytes(long id, ByteSet set) implements Term {
        @Override
        public boolean isNullable() {
            return false;
        }
    }

    /** {@code first} is no sequence itself. */
    record Sequence(long id, Term first, Term rest, boolean isNullable) implements Term {}

    /** Of none, where the text cannot go on to anything. */
    record Choice(long id, Term[] parts, boolean isNullable) implements Term {}

    record Repeat(long id, Term part, int least, int most, boolean isNullable) implements Term {}

    record Rule(long id, int index, boolean isNullable) implements Term {}
}
