package io.plumbline.node.cli;

import com.beust.jcommander.IStringConverter;
import com.beust.jcommander.ParameterException;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Reads times as people write them, 500ms, 60s, 5m, 1h, 7d, as milliseconds. */
public final class Milliseconds implements IStringConverter<Long> {
    private static final Pattern FORM = Pattern.compile("(\\d{1,9})(ms|s|m|h|d)");
    private static final Map<String, Long> UNITS =
            Map.of("ms", 1L, "s", 1_000L, "m", 60_000L, "h", 3_600_000L, "d", 86_400_000L);

    /** A time as this reads it, in the largest unit that it is a whole number of. */
    public static String text(long ms) {
        return UNITS.entrySet().stream()
                .filter(unit -> ms % unit.getValue() == 0)
                .max(Map.Entry.comparingByValue())
                .map(unit -> ms / unit.getValue() + unit.getKey())
                .orElseThrow();
    }

    @Override
    public Long convert(String text) {
        Matcher form = FORM.matcher(text);
        if (!form.matches()) {
            throw new ParameterException("\"" + text + "\" is no time. Write 500ms, 60s, 5m, 1h, 7d");
        }
        return Long.parseLong(form.group(1)) * UNITS.get(form.group(2));
    }
}
