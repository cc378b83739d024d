package io.plumbline.verifier.tensor;

import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.model.ManifestText;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * The canonical description of an ONNX model: a text file whose BLAKE3 hash is the model id.
 *
 * @param opsets version of each operator set, by domain; "ai.onnx" is the standard one.
 * @param inputs in the model's order.
 * @param outputs in the model's order.
 * @param files the model, its external data and its tokenizer, by path within the model's folder.
 */
public record TensorManifest(
        SortedMap<String, Long> opsets,
        List<TensorSpec> inputs,
        List<TensorSpec> outputs,
        SortedMap<String, Content> files) {
    /** Name of the ONNX file in a model's folder. */
    public static final String MODEL_FILE = "model.onnx";

    private static final String FIRST_LINE = "plumbline-tensor-model 1";

    /** Length and BLAKE3 hash of a file. */
    public record Content(long bytes, byte[] hash) {}

    public TensorManifest {
        opsets = new TreeMap<>(opsets);
        inputs = List.copyOf(inputs);
        outputs = List.copyOf(outputs);
        files = new TreeMap<>(files);
    }

    /** Whether a manifest's text describes an ONNX model, not a language model. */
    public static boolean describes(String text) {
        return text.startsWith(FIRST_LINE + "\n");
    }

    /** The canonical text. */
    public String text() {
        StringBuilder text = new StringBuilder(FIRST_LINE).append('\n');
        opsets.forEach((domain, version) -> line(text, "opset", TensorSpec.escape(domain) + " " + version));
        inputs.forEach(input -> line(text, "input", input.toLine()));
        outputs.forEach(output -> line(text, "output", output.toLine()));
        files.forEach((name, file) ->
                line(text, "file", TensorSpec.escape(name) + " " + file.bytes() + " " + Blake3.hex(file.hash())));
        return text.toString();
    }

    private static void line(StringBuilder text, String kind, String rest) {
        text.append(kind).append(' ').append(rest).append('\n');
    }

    /** The model id: 32 bytes. */
    public Bytes32 id() {
        return Bytes32.of(Blake3.hash(text().getBytes(StandardCharsets.UTF_8)));
    }

    /** Reads a canonical text; anything else is refused. */
    public static TensorManifest parse(String text) {
        try {
            List<String> lines = Arrays.asList(ManifestText.lines(text));
            if (!lines.getFirst().equals(FIRST_LINE)) {
                throw new IllegalArgumentException("the first line is not \"" + FIRST_LINE + "\"");
            }
            SortedMap<String, Long> opsets = new TreeMap<>();
            List<TensorSpec> inputs = new ArrayList<>();
            List<TensorSpec> outputs = new ArrayList<>();
            SortedMap<String, Content> files = new TreeMap<>();
            for (String line : lines.subList(1, lines.size())) {
                int space = line.indexOf(' ');
                String rest = line.substring(space + 1);
                String[] part = rest.split(" ", -1);
                switch (line.substring(0, Math.max(0, space))) {
                    case "opset" -> opsets.put(TensorSpec.unescape(part[0]), Long.parseLong(part[1]));
                    case "input" -> inputs.add(TensorSpec.fromLine(rest));
                    case "output" -> outputs.add(TensorSpec.fromLine(rest));
                    case "file" ->
                        files.put(
                                TensorSpec.unescape(part[0]),
                                new Content(
                                        Long.parseLong(part[1]), HexFormat.of().parseHex(part[2])));
                    default -> throw new IllegalArgumentException("\"" + line + "\" is not known");
                }
            }
            TensorManifest manifest = new TensorManifest(opsets, inputs, outputs, files);
            if (!manifest.text().equals(text)) {
                throw new IllegalArgumentException("it is not in canonical form");
            }
            return manifest;
        } catch (IllegalArgumentException | IndexOutOfBoundsException e) {
            throw new IllegalArgumentException(
                    "Not an ONNX model's manifest: " + e.getMessage() + ". Import the model again with this version.",
                    e);
        }
    }

    /**
     * @throws IllegalArgumentException naming the input that is missing, unknown, given twice or of another type or
     * shape.
     */
    public void checkInputs(List<Tensor> given) {
        Map<String, Tensor> byName = new TreeMap<>();
        SortedMap<String, Long> sizes = new TreeMap<>();
        for (Tensor tensor : given) {
            if (byName.put(tensor.name(), tensor) != null) {
                throw new IllegalArgumentException("Input \"" + tensor.name() + "\" is given twice.");
            }
        }
        for (TensorSpec input : inputs) {
            Tensor tensor = byName.remove(input.name());
            if (tensor == null) {
                throw new IllegalArgumentException("Input \"" + input.name() + "\" is missing: " + input + ".");
            }
            input.check(tensor);
            for (int i = 0; i < tensor.shape().length; i++) {
                String dimension = input.dimensions().get(i);
                Long before = dimension.equals(TensorSpec.ANY) ? null : sizes.put(dimension, tensor.shape()[i]);
                if (before != null && before != tensor.shape()[i]) {
                    throw new IllegalArgumentException("Dimension \"" + dimension + "\" is " + before
                            + " in one input and " + tensor.shape()[i] + " in \"" + input.name() + "\".");
                }
            }
        }
        if (!byName.isEmpty()) {
            throw new IllegalArgumentException("The model has no input " + String.join(", ", byName.keySet())
                    + ". It takes " + names(inputs) + ".");
        }
    }

    /** Sizes that a request's inputs give to dimensions with names. */
    private SortedMap<String, Long> sizes(List<Tensor> given) {
        SortedMap<String, Long> sizes = new TreeMap<>();
        for (TensorSpec input : inputs) {
            for (Tensor tensor : given) {
                if (tensor.name().equals(input.name())) {
                    for (int i = 0; i < input.dimensions().size() && i < tensor.shape().length; i++) {
                        sizes.put(input.dimensions().get(i), tensor.shape()[i]);
                    }
                }
            }
        }
        sizes.remove(TensorSpec.ANY);
        return sizes;
    }

    /**
     * Refuses a request whose answer no message could carry, as far as the outputs' sizes are fixed or named by inputs.
     *
     * @param given inputs that this model takes.
     * @param wanted names of outputs.
     * @throws AnswerTooLargeException naming the output and its shape.
     */
    public void requireAnswerFits(List<Tensor> given, List<String> wanted) {
        SortedMap<String, Long> sizes = sizes(given);
        long left = AnswerTooLargeException.MAX_BYTES - TensorRequest.bytes(given);
        for (String name : wanted) {
            TensorSpec spec = output(name);
            long[] shape = spec.shape();
            BigInteger bytes = BigInteger.valueOf(
                    spec.type() == ElementType.BYTES ? 4 : spec.type().bytes());
            for (int i = 0; i < shape.length; i++) {
                shape[i] = shape[i] >= 0
                        ? shape[i]
                        : sizes.getOrDefault(spec.dimensions().get(i), -1L);
                // An output of a shape that is not known has to be computed first.
                bytes = bytes.multiply(BigInteger.valueOf(Math.max(0, shape[i])));
            }
            if (bytes.compareTo(BigInteger.valueOf(left)) > 0) {
                throw new AnswerTooLargeException(name, shape, bytes.toString(), left);
            }
            left -= bytes.longValue();
        }
        requireComparable(
                wanted.stream().mapToLong(name -> knownElements(given, name)).sum());
    }

    /**
     * Refuses an answer that no auditor would compare.
     *
     * @param elements of all its outputs.
     */
    public static void requireComparable(long elements) {
        if (elements > AnswerTooLargeException.MAX_ELEMENTS) {
            throw new AnswerTooLargeException("The outputs have " + elements + " elements, of which auditors compare "
                    + AnswerTooLargeException.MAX_ELEMENTS + " at most: it is not signed. Ask for less at once.");
        }
    }

    /**
     * Elements of an output as far as its size is fixed or named by inputs.
     *
     * @param given inputs that this model takes.
     * @return 0 where it has to be computed first; at most 2^31 - 1.
     */
    public int knownElements(List<Tensor> given, String wanted) {
        SortedMap<String, Long> sizes = sizes(given);
        TensorSpec spec = output(wanted);
        long elements = 1;
        for (int i = 0; i < spec.shape().length; i++) {
            long size = spec.shape()[i] >= 0
                    ? spec.shape()[i]
                    : sizes.getOrDefault(spec.dimensions().get(i), 0L);
            elements = size > Integer.MAX_VALUE ? Integer.MAX_VALUE : Math.min(Integer.MAX_VALUE, elements * size);
        }
        return (int) elements;
    }

    /**
     * What is wrong with an output's type or shape: its number of dimensions, a size that the model fixes, or one that
     * has the same name as an input's and another size.
     *
     * @param given inputs of the request.
     * @return null where nothing is.
     */
    public String mismatch(Tensor output, List<Tensor> given) {
        TensorSpec spec = output(output.name());
        long[] shape = spec.shape();
        boolean fits = output.type() == spec.type() && output.shape().length == shape.length;
        SortedMap<String, Long> sizes = sizes(given);
        for (int i = 0; fits && i < shape.length; i++) {
            String dimension = spec.dimensions().get(i);
            // A name that only outputs have is one size among them.
            long size = shape[i] >= 0 ? shape[i] : sizes.getOrDefault(dimension, output.shape()[i]);
            sizes.put(dimension, size);
            fits = size == output.shape()[i] || dimension.equals(TensorSpec.ANY);
        }
        return fits
                ? null
                : "output \"" + output.name() + "\" is " + output.type() + " " + Arrays.toString(output.shape())
                        + " where the model gives " + spec;
    }

    /** The output of this name. */
    public TensorSpec output(String name) {
        return outputs.stream()
                .filter(output -> output.name().equals(name))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException(
                        "The model has no output " + name + ". It gives " + names(outputs) + "."));
    }

    /** All outputs' names. */
    public List<String> outputNames() {
        return outputs.stream().map(TensorSpec::name).toList();
    }

    private static String names(List<TensorSpec> specs) {
        return String.join(", ", specs.stream().map(TensorSpec::name).toList());
    }

    /**
     * The dimension along which requests can be put together, or null: the first of the first input, where a request
     * chooses it.
     */
    public String batchDimension() {
        if (inputs.isEmpty() || inputs.getFirst().dimensions().isEmpty()) {
            return null;
        }
        String first = inputs.getFirst().dimensions().getFirst();
        boolean chosen = inputs.getFirst().shape()[0] < 0 && !first.equals(TensorSpec.ANY);
        boolean everywhere = outputs.stream().allMatch(output -> output.axis(first) >= 0);
        return chosen && everywhere ? first : null;
    }

    /**
     * Rows of a request: what it is paid for.
     *
     * @throws IllegalArgumentException where it has none.
     */
    public int rows(List<Tensor> given) {
        String batch = batchDimension();
        if (batch == null) {
            return 1;
        }
        String name = inputs.getFirst().name();
        return given.stream()
                .filter(tensor -> tensor.name().equals(name))
                .mapToInt(TensorManifest::rows)
                .findFirst()
                .orElse(1);
    }

    private static int rows(Tensor tensor) {
        if (tensor.shape()[0] < 1) {
            throw new IllegalArgumentException(
                    "Input \"" + tensor.name() + "\" has no rows: an empty batch is no request.");
        }
        return Math.toIntExact(tensor.shape()[0]);
    }
}
