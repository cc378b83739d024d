package io.plumbline.inference.tensor;

import io.plumbline.verifier.tensor.Tensor;
import io.plumbline.verifier.tensor.TensorManifest;
import io.plumbline.verifier.tensor.TensorSpec;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
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

    /** These, and another's where both say something of a dimension. */
    public ShapeRanges with(ShapeRanges other) {
        SortedMap<String, Range> both = new TreeMap<>(byName);
        both.putAll(other.byName);
        return new ShapeRanges(both);
    }

    /** Names of dimensions whose size a model's requests choose, in the order of its inputs. */
    private static Set<String> chosen(TensorManifest manifest) {
        Set<String> chosen = new LinkedHashSet<>();
        for (TensorSpec input : manifest.inputs()) {
            for (int i = 0; i < input.dimensions().size(); i++) {
                if (input.shape()[i] < 0) {
                    chosen.add(input.dimensions().get(i));
                }
            }
        }
        return chosen;
    }

    /** @throws IllegalArgumentException where something is said of a dimension that the model's inputs do not have. */
    public void requireKnown(TensorManifest manifest) {
        Set<String> chosen = chosen(manifest);
        for (String name : byName.keySet()) {
            if (!chosen.contains(name)) {
                throw new IllegalArgumentException(
                        "The model has no dimension \"" + name + "\" that requests choose; it" + " has "
                                + (chosen.isEmpty() ? "none" : String.join(", ", chosen)) + ".");
            }
        }
    }

    /** Dimensions other than the batch that requests choose and nothing is said about. */
    public List<String> undeclared(TensorManifest manifest) {
        return chosen(manifest).stream()
                .filter(name -> !name.equals(manifest.batchDimension()) && !byName.containsKey(name))
                .toList();
    }

    /**
     * These, and for dimensions that nothing is said about the sizes that real inputs have; none where there are
     * none.
     */
    public ShapeRanges completed(TensorManifest manifest, List<List<Tensor>> real) {
        SortedMap<String, Range> completed = new TreeMap<>(byName);
        for (String name : undeclared(manifest)) {
            List<Long> sizes = new ArrayList<>();
            for (TensorSpec input : manifest.inputs()) {
                int axis = input.axis(name);
                real.stream()
                        .flatMap(List::stream)
                        .filter(tensor -> axis >= 0 && tensor.name().equals(input.name()))
                        .forEach(tensor -> sizes.add(tensor.shape()[axis]));
            }
            List<Long> sorted = sizes.stream().filter(size -> size > 0).sorted().toList();
            if (!sorted.isEmpty()) {
                completed.put(name, new Range(sorted.getFirst(), sorted.get(sorted.size() / 2), sorted.getLast()));
            }
        }
        return new ShapeRanges(completed);
    }

    /**
     * Names the dimensions that somebody has to declare.
     *
     * @param what needs them, as "An engine is built for sizes".
     * @return one sentence for an operator, or null where all are declared.
     */
    public String missing(TensorManifest manifest, String what) {
        List<String> undeclared = undeclared(manifest);
        if (undeclared.isEmpty()) {
            return null;
        }
        return what + ", and nobody has said which " + String.join(", ", undeclared) + " may have in "
                + manifest.inputs()
                + ". Say it with --shape NAME=SIZE or NAME=LEAST:USUAL:MOST for each, as in --shape "
                + undeclared.getFirst() + "=64:224:512.";
    }

    /** One text for each dimension that something is said about, as {@link #parse} reads them. */
    public List<String> texts() {
        List<String> texts = new ArrayList<>();
        byName.forEach((name, range) -> texts.add(name + "=" + range));
        return texts;
    }
}
