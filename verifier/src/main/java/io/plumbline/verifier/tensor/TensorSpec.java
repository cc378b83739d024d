package io.plumbline.verifier.tensor;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Collectors;

/**
 * What a model takes or gives under one name.
 *
 * @param dimensions sizes as text; a name where a request chooses the size: equal names are equal sizes. "?" where it
 *     has none.
 */
public record TensorSpec(String name, ElementType type, List<String> dimensions) {
    /** A dimension that a request chooses and that has no name. */
    public static final String ANY = "?";

    private static final int MAX_DIGITS = 10;

    private static final HexFormat UPPER_HEX = HexFormat.of().withUpperCase();

    public TensorSpec {
        dimensions = List.copyOf(dimensions);
    }

    /** Sizes; -1 where a request chooses. */
    public long[] shape() {
        long[] shape = new long[dimensions.size()];
        for (int i = 0; i < shape.length; i++) {
            shape[i] = size(dimensions.get(i));
        }
        return shape;
    }

    /** The size that a dimension's text is, or -1. Asked for every request. */
    private static long size(String dimension) {
        long size = 0;
        for (int i = 0; i < dimension.length(); i++) {
            int digit = dimension.charAt(i) - '0';
            if (digit < 0 || digit > 9 || i >= MAX_DIGITS) {
                return -1;
            }
            size = 10 * size + digit;
        }
        return dimension.isEmpty() ? -1 : size;
    }

    /** Where the dimension of this name stands, or -1. */
    public int axis(String dimension) {
        return dimensions.indexOf(dimension);
    }

    /** @throws IllegalArgumentException where {@code given} is not what this asks for. */
    public void check(Tensor given) {
        long[] shape = shape();
        boolean fits = given.shape().length == shape.length;
        for (int i = 0; fits && i < shape.length; i++) {
            fits = shape[i] < 0 || shape[i] == given.shape()[i];
        }
        if (given.type() != type || !fits) {
            throw new IllegalArgumentException("Tensor \"" + name + "\" is " + type + " " + sizes() + ", not "
                    + given.type() + " " + Arrays.toString(given.shape()) + ".");
        }
    }

    private String sizes() {
        return "[" + String.join(", ", dimensions) + "]";
    }

    /** One line of a manifest. */
    String toLine() {
        return escape(name) + " " + type + " ["
                + dimensions.stream().map(TensorSpec::escape).collect(Collectors.joining(",")) + "]";
    }

    static TensorSpec fromLine(String line) {
        String[] part = line.split(" ", -1);
        if (part.length != 3 || !part[2].startsWith("[") || !part[2].endsWith("]")) {
            throw new IllegalArgumentException("\"" + line + "\" describes no tensor");
        }
        String sizes = part[2].substring(1, part[2].length() - 1);
        List<String> dimensions = new ArrayList<>();
        for (String size : sizes.isEmpty() ? new String[0] : sizes.split(",", -1)) {
            dimensions.add(unescape(size));
        }
        return new TensorSpec(unescape(part[0]), ElementType.valueOf(part[1]), dimensions);
    }

    /**
     * Names are free text in ONNX; lines of a canonical text are split at spaces and commas. All else but letters,
     * digits and ._/:- is %XX.
     */
    public static String escape(String name) {
        StringBuilder text = new StringBuilder();
        for (byte b : name.getBytes(StandardCharsets.UTF_8)) {
            char c = (char) (b & 0xFF);
            boolean isPlain = c < 128 && (Character.isLetterOrDigit(c) || "._/:-".indexOf(c) >= 0);
            if (isPlain) {
                text.append(c);
            } else {
                UPPER_HEX.toHexDigits(text.append('%'), b);
            }
        }
        return text.toString();
    }

    /** What {@link #escape} was given. */
    public static String unescape(String text) {
        ByteArrayOutputStream name = new ByteArrayOutputStream();
        for (int i = 0; i < text.length(); i++) {
            if (text.charAt(i) == '%') {
                name.write(HexFormat.fromHexDigits(text, i + 1, i + 3));
                i += 2;
            } else {
                name.write(text.charAt(i));
            }
        }
        return name.toString(StandardCharsets.UTF_8);
    }

    @Override
    public String toString() {
        return name + " " + type + " " + sizes();
    }
}
