package io.plumbline.node.cli;

import com.beust.jcommander.IStringConverter;
import com.beust.jcommander.ParameterException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Reads numbers of bytes as people write them: 4096, 500M, 1.5T; a letter stands for a power of 1,024. */
public final class ByteSize implements IStringConverter<Long> {
    private static final Pattern FORM = Pattern.compile("(\\d{1,18}(?:\\.\\d{1,6})?)([KMGTP]?)(?:i?B)?");
    private static final String LETTERS = "KMGTP";

    /** A number of bytes as this reads it, in the largest power of 1,024 that it is a whole number of. */
    public static String text(long bytes) {
        int power = bytes == 0 ? 0 : Math.min(Long.numberOfTrailingZeros(bytes) / 10, LETTERS.length());
        return (bytes >> 10 * power) + (power == 0 ? "" : LETTERS.substring(power - 1, power));
    }

    @Override
    public Long convert(String text) {
        Matcher form = FORM.matcher(text);
        if (!form.matches()) {
            throw new ParameterException("\"" + text + "\" is no number of bytes. Write 4096, 500M, 1.5T.");
        }
        if (form.group(2).isEmpty() && form.group(1).indexOf('.') < 0) {
            return Long.parseLong(form.group(1));
        }
        int power = form.group(2).isEmpty() ? 0 : 1 + LETTERS.indexOf(form.group(2));
        double bytes = Double.parseDouble(form.group(1)) * Math.pow(1024, power);
        if (bytes > Long.MAX_VALUE / 2.0) {
            throw new ParameterException("\"" + text + "\" is too many bytes.");
        }
        return (long) bytes;
    }
}
