package io.plumbline.benchmarks.load;

import com.beust.jcommander.ParameterException;
import java.util.random.RandomGenerator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A distribution of lengths, in tokens or bytes, written as {@code 128}, {@code 16-256} (evenly), {@code exp:100} (its
 * mean) or {@code normal:100,20} (mean, standard deviation).
 */
final class Lengths {
    /** Tokens of the longest prompt or answer. */
    static final int MOST = 1_000_000;

    private static final String NUMBER = "(\\d{1,9})";
    private static final Pattern FORM =
            Pattern.compile(NUMBER + "(?:-" + NUMBER + ")?|exp:" + NUMBER + "|normal:" + NUMBER + "," + NUMBER);

    private final String text;
    private final int most;
    private final Draw draw;

    private interface Draw {
        double from(RandomGenerator random);
    }

    private Lengths(String text, int most, Draw draw) {
        this.text = text;
        this.most = most;
        this.draw = draw;
    }

    /**
     * The distribution that an option has.
     *
     * @throws ParameterException naming the option, and the forms that there are.
     */
    static Lengths option(String option, String text, int most) {
        try {
            return parse(text, most);
        } catch (IllegalArgumentException e) {
            throw new ParameterException(option + ": " + e.getMessage());
        }
    }

    /**
     * Reads one.
     *
     * @param most the longest that is drawn.
     * @throws IllegalArgumentException naming the forms that there are.
     */
    static Lengths parse(String text, int most) {
        Matcher form = FORM.matcher(text);
        if (!form.matches()) {
            throw new IllegalArgumentException(
                    "\"" + text + "\" is no distribution of lengths: write 128, 16-256, exp:100 or normal:100,20.");
        }
        if (form.group(3) != null) {
            int mean = Integer.parseInt(form.group(3));
            return new Lengths(text, most, random -> mean * random.nextExponential());
        }
        if (form.group(4) != null) {
            int mean = Integer.parseInt(form.group(4));
            int deviation = Integer.parseInt(form.group(5));
            return new Lengths(text, most, random -> random.nextGaussian(mean, deviation));
        }
        int least = Integer.parseInt(form.group(1));
        int longest = form.group(2) == null ? least : Integer.parseInt(form.group(2));
        if (least < 1 || longest < least || longest > most) {
            throw new IllegalArgumentException(
                    "\"" + text + "\": lengths go from 1 to " + most + ", the smaller one first.");
        }
        return new Lengths(text, most, random -> random.nextInt(least, longest + 1));
    }

    /** One length, from 1 to the longest. */
    int draw(RandomGenerator random) {
        return Math.clamp(Math.round(draw.from(random)), 1, most);
    }

    @Override
    public String toString() {
        return text;
    }
}
