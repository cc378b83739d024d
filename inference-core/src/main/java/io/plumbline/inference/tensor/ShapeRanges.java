package io.plumbline.inference.tensor;

import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Sizes that requests' dimensions may have, by the dimension's name.
 *
 * @param byName least, usual and largest size.
 */
public record ShapeRanges(SortedMap<String, Range> byName) {
    /** Least, usual and largest size. */
    public record Range(long least, long usual, long most) {
        public Range {
            if (least < 1 || usual < least || most < usual) {
                throw new IllegalArgumentException("Sizes go least, usual, largest, each 1 or more: not " + least + ":"
                        + usual + ":" + most + ".");
            }
        }

        @Override
        public String toString() {
            return least + ":" + usual + ":" + most;
        }
    }

    /** A dimension that nothing is said about. */
    private static final Range OTHERWISE = new Range(1, 8, 32);

    public ShapeRanges {
        byName = new TreeMap<>(byName);
    }

    /** Nothing said about any dimension. */
    public static ShapeRanges none() {
        return new ShapeRanges(new TreeMap<>());
    }

    /** Reads "NAME=SIZE" and "NAME=LEAST:USUAL:MOST". */
    public static ShapeRanges parse(List<String> texts) {
        SortedMap<String, Range> byName = new TreeMap<>();
        for (String text : texts) {
            int equals = text.lastIndexOf('=');
            String[] sizes = text.substring(equals + 1).split(":", -1);
            try {
                if (equals < 1 || (sizes.length != 1 && sizes.length != 3)) {
                    throw new IllegalArgumentException("it has another form");
                }
                List<Long> parsed = new ArrayList<>();
                for (String size : sizes) {
                    parsed.add(Long.parseLong(size));
                }
                byName.put(
                        text.substring(0, equals),
                        new Range(parsed.getFirst(), parsed.get(sizes.length / 2), parsed.getLast()));
            } catch (IllegalArgumentException e) {
                throw new IllegalArgumentException(
                        "\"" + text + "\" is no range of sizes: write NAME=SIZE or NAME=LEAST:USUAL:MOST, as in"
                                + " batch=1:8:32. " + e.getMessage(),
                        e);
            }
        }
        return new ShapeRanges(byName);
    }

    /** The sizes of a dimension; of a fixed one its own. */
    public Range of(String dimension) {
        return dimension.matches("\\d{1,10}")
                ? new Range(Long.parseLong(dimension), Long.parseLong(dimension), Long.parseLong(dimension))
                : byName.getOrDefault(dimension, OTHERWISE);
    }

    /** One text for each dimension that something is said about, as {@link #parse} reads them. */
    public List<String> texts() {
        List<String> texts = new ArrayList<>();
        byName.forEach((name, range) -> texts.add(name + "=" + range));
        return texts;
    }
}
