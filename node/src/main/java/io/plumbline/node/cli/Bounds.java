package io.plumbline.node.cli;

import com.beust.jcommander.IValueValidator;
import com.beust.jcommander.ParameterException;
import java.math.BigDecimal;

/** Ranges of options that are numbers, for {@code validateValueWith}. */
public final class Bounds {
    private static final int MOST_PORT = 65_535;

    private Bounds() {}

    private static void require(boolean holds, String name, String range, Number value) {
        if (!holds) {
            throw new ParameterException(name + " must be " + range + ", not " + value);
        }
    }

    /** Zero, or more. */
    public static final class AtLeastZero implements IValueValidator<Number> {
        @Override
        public void validate(String name, Number value) {
            require(new BigDecimal(value.toString()).signum() >= 0, name, "0 or more", value);
        }
    }

    /** One, or more. */
    public static final class AtLeastOne implements IValueValidator<Number> {
        @Override
        public void validate(String name, Number value) {
            require(new BigDecimal(value.toString()).compareTo(BigDecimal.ONE) >= 0, name, "1 or more", value);
        }
    }

    /** A port of TCP or UDP; 0 has the system choose one. */
    public static final class Port implements IValueValidator<Integer> {
        @Override
        public void validate(String name, Integer value) {
            require(value >= 0 && value <= MOST_PORT, name, "0 to " + MOST_PORT, value);
        }
    }
}
