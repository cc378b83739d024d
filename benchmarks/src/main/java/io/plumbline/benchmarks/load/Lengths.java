package io.plumbline.benchmarks.load;

import java.util.random.RandomGenerator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A distribution of lengths, in tokens, written as {@code 128}, {@code 16-256} (evenly), {@code exp:100} (its mean) or
 * {@code normal:100,20} (mean, standard deviation).
 */
final class Lengths {
    /** The longest that is drawn. */
    static final int MOST = 1_000_000;

    private static final String NUMBER = "(\\d{1,7})";
    private static final Pattern FORM =
            Pattern.compile(NUMBER + "(?:-" + NUMBER + ")?|exp:" + NUMBER + "|normal:" + NUMBER + "," + NUMBER);

    private final String text;
    private final Draw draw;

    private interface Draw {
        double from(RandomGenerator random);
    }

    private Lengths(String text, Draw draw) {
        this.text = text;
        this.draw = draw;
    }

    /** @throws IllegalArgumentException naming the forms that there are. */
    static Lengths parse(String text) {
        Matcher form = FORM.matcher(text);
        if (!form.matches()) {
            throw new IllegalArgumentException(
                    "\"" + text + "\" is no distribution of lengths: write 128, 16-256, exp:100 or normal:100,20.");
        }
        if (form.group(3) != null) {
            int mean = Integer.parseInt(form.group(3));
            return new Lengths(text, random -> mean * random.nextExponential());
        }
        if (form.group(4) != null) {
            int mean = Integer.parseInt(form.group(4));
            int deviation = Integer.parseInt(form.group(5));
            return new Lengths(text, random -> random.nextGaussian(mean, deviation));
        }
        int least = Integer.parseInt(form.group(1));
        int most = form.group(2) == null ? least : Integer.parseInt(form.group(2));
        if (least < 1 || most < least || most > MOST) {
            throw new IllegalArgumentException(
                    "\"" + text + "\": lengths go from 1 to " + MOST + ", the smaller one first.");
        }
        return new Lengths(text, random -> random.nextInt(least, most + 1));
    }

    /** One length, from 1 to {@link #MOST}. */
    int draw(RandomGenerator random) {
        return Math.clamp(Math.round(draw.from(random)), 1, MOST);
    }

    @Override
    public String toString() {
        return text;
    }
}
