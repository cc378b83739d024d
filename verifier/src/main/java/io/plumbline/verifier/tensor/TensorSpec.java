package io.plumbline.verifier.tensor;

import java.net.URLDecoder;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/**
 * What a model takes or gives under one name.
 *
 * @param dimensions sizes as text; a name where a request chooses the size: equal names are equal sizes. "?" where it has none.
 */
public record TensorSpec(String name, ElementType type, List<String> dimensions) {
    /** A dimension that a request chooses and that has no name. */
    public static final String ANY = "?";

    public TensorSpec {
        dimensions = List.copyOf(dimensions);
    }

    /** Sizes; -1 where a request chooses. */
    public long[] shape() {
        return dimensions.stream()
                .mapToLong(size -> isFixed(size) ? Long.parseLong(size) : -1)
                .toArray();
    }

    private static boolean isFixed(String size) {
        return size.matches("\\d{1,10}");
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

    /** Names are free text in ONNX; a manifest's lines are split at spaces and commas. */
    static String escape(String name) {
        return URLEncoder.encode(name, StandardCharsets.UTF_8)
                .replace("%2F", "/")
                .replace("%3A", ":");
    }

    static String unescape(String text) {
        return URLDecoder.decode(text, StandardCharsets.UTF_8);
    }

    @Override
    public String toString() {
        return name + " " + type + " " + sizes();
    }
}
