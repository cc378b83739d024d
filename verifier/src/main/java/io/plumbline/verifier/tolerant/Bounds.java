package io.plumbline.verifier.tolerant;

import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.model.ManifestText;
import io.plumbline.verifier.tensor.Precision;
import io.plumbline.verifier.tensor.Tensor;
import io.plumbline.verifier.tensor.TensorSpec;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * What answers of one model are held to, by precision and output: part of the model's registration, in a canonical
 * text file whose BLAKE3 hash every request names.
 *
 * @param modelId 32 bytes.
 * @param safety what the widest deviation among the honest runs was multiplied with.
 * @param runs honest runs that were compared, by precision.
 * @param inputs what the floating-point inputs that it was calibrated with were like, by name: beyond it nothing is
 *     known of honest engines. Integers are mostly indices, and in no range.
 * @param outputs bounds by precision and output.
 */
public record Bounds(
        Bytes32 modelId,
        double safety,
        SortedMap<Precision, Integer> runs,
        SortedMap<String, InputRange> inputs,
        SortedMap<Precision, SortedMap<String, OutputBounds>> outputs) {
    /** Name of the file in a model's folder. */
    public static final String FILE_NAME = "plumbline.bounds";

    private static final String FIRST_LINE = "plumbline-bounds 3";

    public Bounds {
        runs = new TreeMap<>(runs);
        inputs = new TreeMap<>(inputs);
        outputs = new TreeMap<>(outputs);
    }

    /** Where an answer leaves its bounds. */
    public record Excess(String output, String reason) {}

    /** The canonical text. */
    public String text() {
        StringBuilder text = new StringBuilder(FIRST_LINE + "\nmodel " + modelId + "\nsafety " + safety + '\n');
        inputs.forEach((name, range) -> text.append("input ")
                .append(TensorSpec.escape(name))
                .append(' ')
                .append(range.least())
                .append(' ')
                .append(range.most())
                .append('\n'));
        outputs.forEach((precision, byOutput) -> {
            text.append("precision ")
                    .append(precision)
                    .append(' ')
                    .append(runs.get(precision))
                    .append('\n');
            byOutput.forEach((name, bounds) -> text.append("output ")
                    .append(TensorSpec.escape(name))
                    .append(' ')
                    .append(bounds.toLine())
                    .append('\n'));
        });
        return text.toString();
    }

    /** 32 bytes that stand for these bounds. */
    public byte[] hash() {
        return Blake3.hash(text().getBytes(StandardCharsets.UTF_8));
    }

    /** Reads a canonical text; anything else is refused. */
    public static Bounds parse(String text) {
        try {
            String[] lines = ManifestText.lines(text);
            if (!lines[0].equals(FIRST_LINE) || !lines[1].startsWith("model ") || !lines[2].startsWith("safety ")) {
                throw new IllegalArgumentException("it does not begin with \"" + FIRST_LINE + "\", model and safety");
            }
            SortedMap<Precision, Integer> runs = new TreeMap<>();
            SortedMap<String, InputRange> inputs = new TreeMap<>();
            SortedMap<Precision, SortedMap<String, OutputBounds>> outputs = new TreeMap<>();
            SortedMap<String, OutputBounds> current = null;
            for (int i = 3; i < lines.length; i++) {
                String[] part = lines[i].split(" ", -1);
                if (part[0].equals("precision")) {
                    current = new TreeMap<>();
                    outputs.put(Precision.parse(part[1]), current);
                    runs.put(Precision.parse(part[1]), Integer.parseInt(part[2]));
                } else if (part[0].equals("input") && part.length == 4) {
                    inputs.put(
                            TensorSpec.unescape(part[1]),
                            new InputRange(Double.parseDouble(part[2]), Double.parseDouble(part[3])));
                } else if (part[0].equals("output") && current != null) {
                    current.put(TensorSpec.unescape(part[1]), OutputBounds.fromParts(part, 2));
                } else {
                    throw new IllegalArgumentException("\"" + lines[i] + "\" is not known");
                }
            }
            Bounds bounds = new Bounds(
                    Bytes32.of(HexFormat.of().parseHex(lines[1].substring(6))),
                    Double.parseDouble(lines[2].substring(7)),
                    runs,
                    inputs,
                    outputs);
            if (!bounds.text().equals(text)) {
                throw new IllegalArgumentException("it is not in canonical form");
            }
            return bounds;
        } catch (IllegalArgumentException | IndexOutOfBoundsException e) {
            throw new IllegalArgumentException(
                    "Not a bounds file: " + e.getMessage() + ". Calibrate the model again with this version.", e);
        }
    }

    /**
     * That the model was calibrated with inputs like these.
     *
     * @throws IllegalArgumentException naming the input and the element that lie outside.
     */
    public void checkInputs(List<Tensor> given) {
        for (Tensor input : given) {
            InputRange range = inputs.get(input.name());
            if (range != null) {
                range.check(input);
            }
        }
    }

    /** Bounds of all outputs at this precision, or an error that says what to do. */
    public Map<String, OutputBounds> at(Precision precision) {
        Map<String, OutputBounds> found = outputs.get(precision);
        if (found == null) {
            throw new IllegalArgumentException(
                    "The model is not calibrated for " + precision + ", only for " + outputs.keySet()
                            + ". Calibrate it: plumbline model calibrate DIR --precision " + precision + ".");
        }
        return found;
    }

    /**
     * The first output of {@code claimed} that lies too far from every honest run of the request, with how far it lies
     * from the reference; null where there is none. All are in the same order.
     */
    public Excess exceeded(Precision precision, HonestRuns auditor, List<Tensor> claimed) {
        Map<String, OutputBounds> byOutput = at(precision);
        for (int i = 0; i < claimed.size(); i++) {
            String name = claimed.get(i).name();
            String reason = null;
            for (HonestRuns.Center center : auditor.centers(i)) {
                String beyond = byOutput.get(name)
                        .exceededBy(ScaledDeviation.of(center, claimed.get(i), precision == Precision.INT8));
                if (beyond == null) {
                    reason = null;
                    break;
                }
                reason = reason == null ? beyond : reason;
            }
            if (reason != null) {
                return new Excess(name, reason);
            }
        }
        return null;
    }
}
