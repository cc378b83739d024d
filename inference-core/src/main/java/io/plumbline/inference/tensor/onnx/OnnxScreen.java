package io.plumbline.inference.tensor.onnx;

import static io.plumbline.inference.tensor.onnx.OnnxFields.ATTRIBUTE_GRAPH;
import static io.plumbline.inference.tensor.onnx.OnnxFields.ATTRIBUTE_GRAPHS;
import static io.plumbline.inference.tensor.onnx.OnnxFields.ATTRIBUTE_INT;
import static io.plumbline.inference.tensor.onnx.OnnxFields.ATTRIBUTE_NAME;
import static io.plumbline.inference.tensor.onnx.OnnxFields.ATTRIBUTE_TENSOR;
import static io.plumbline.inference.tensor.onnx.OnnxFields.FUNCTION_DOMAIN;
import static io.plumbline.inference.tensor.onnx.OnnxFields.FUNCTION_NAME;
import static io.plumbline.inference.tensor.onnx.OnnxFields.FUNCTION_NODE;
import static io.plumbline.inference.tensor.onnx.OnnxFields.FUNCTION_OVERLOAD;
import static io.plumbline.inference.tensor.onnx.OnnxFields.GRAPH_INITIALIZER;
import static io.plumbline.inference.tensor.onnx.OnnxFields.GRAPH_INPUT;
import static io.plumbline.inference.tensor.onnx.OnnxFields.GRAPH_NODE;
import static io.plumbline.inference.tensor.onnx.OnnxFields.GRAPH_OUTPUT;
import static io.plumbline.inference.tensor.onnx.OnnxFields.MODEL_FUNCTION;
import static io.plumbline.inference.tensor.onnx.OnnxFields.MODEL_GRAPH;
import static io.plumbline.inference.tensor.onnx.OnnxFields.NODE_ATTRIBUTE;
import static io.plumbline.inference.tensor.onnx.OnnxFields.NODE_DOMAIN;
import static io.plumbline.inference.tensor.onnx.OnnxFields.NODE_INPUT;
import static io.plumbline.inference.tensor.onnx.OnnxFields.NODE_NAME;
import static io.plumbline.inference.tensor.onnx.OnnxFields.NODE_OPERATOR;
import static io.plumbline.inference.tensor.onnx.OnnxFields.NODE_OUTPUT;
import static io.plumbline.inference.tensor.onnx.OnnxFields.NODE_OVERLOAD;
import static io.plumbline.inference.tensor.onnx.OnnxFields.SHAPE_DIMENSION;
import static io.plumbline.inference.tensor.onnx.OnnxFields.SHAPE_NAME;
import static io.plumbline.inference.tensor.onnx.OnnxFields.TENSOR_INTS;
import static io.plumbline.inference.tensor.onnx.OnnxFields.TENSOR_NAME;
import static io.plumbline.inference.tensor.onnx.OnnxFields.TENSOR_RAW;
import static io.plumbline.inference.tensor.onnx.OnnxFields.TENSOR_TYPE_SHAPE;
import static io.plumbline.inference.tensor.onnx.OnnxFields.TYPE_TENSOR;
import static io.plumbline.inference.tensor.onnx.OnnxFields.VALUE_NAME;
import static io.plumbline.inference.tensor.onnx.OnnxFields.VALUE_TYPE;

import com.google.protobuf.ByteString;
import java.io.IOException;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Refuses models that cannot be served, before a runtime reads them: operators that draw random numbers, which no
 * auditor can run again; parts that were compiled already; functions that call functions until no memory holds them;
 * names that ONNX Runtime's Java API does not pass.
 */
final class OnnxScreen {
    /** Operators that draw numbers. A seed does not help: a session goes on with its sequence from run to run. */
    private static final Set<String> RANDOM = Set.of(
            "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial", "Bernoulli");

    /** Those among ONNX Runtime's own. */
    private static final Set<String> RANDOM_CONTRIBUTED = Set.of(
            "com.microsoft.BiasDropout",
            "com.microsoft.BitmaskDropout",
            "com.microsoft.BitmaskBiasDropout",
            "com.microsoft.DropoutGrad",
            "com.microsoft.Sampling");

    /** Holds what a device's compiler made of a part of a model, ready to run, in any domain. */
    private static final String COMPILED = "EPContext";

    /** Before this version of the operator set an attribute "is_test" says whether layers train. */
    private static final long TRAINS_UNLESS_TEST = 7;

    /** Where Dropout says whether it trains. */
    private static final int DROPOUT_MODE = 2;

    /**
     * Nodes beyond those that are written, once every call of a function is replaced by its body. ONNX Runtime takes
     * about half a millisecond to load each, so that a file of a kilobyte takes seconds and not minutes.
     */
    private static final long MAX_MADE_NODES = 1 << 14;

    /** Functions that call each other; exporters have five or so. */
    private static final int MAX_CALLS = 32;

    private final OnnxModel model;
    private final Map<String, Proto> functions = new HashMap<>();

    /** Nodes of each function once its calls are replaced. */
    private final Map<String, Long> expanded = new HashMap<>();

    private final Set<String> open = new HashSet<>();

    /** Nodes that stand in the file, so far. */
    private long written;

    private OnnxScreen(OnnxModel model) {
        this.model = model;
    }

    /** @throws IOException naming the node, function or name that is not served, and what to do. */
    static void check(OnnxModel model) throws IOException {
        new OnnxScreen(model).run();
    }

    private void run() throws IOException {
        for (Proto function : model.proto().messages(MODEL_FUNCTION)) {
            String name = name(
                    function.text(FUNCTION_DOMAIN), function.text(FUNCTION_NAME), function.text(FUNCTION_OVERLOAD));
            if (functions.put(name, function) != null) {
                throw new IOException("it defines the function " + name + " twice");
            }
        }
        Proto graph = model.proto().message(MODEL_GRAPH);
        names(graph);
        // Functions that nothing calls are looked at too: what is not needed need not be there.
        for (String name : functions.keySet()) {
            inFunction(name);
        }
        inGraph(graph, null);
    }

    private static String name(String domain, String operator, String overload) {
        String full = domain.isEmpty() || domain.equals(OnnxModel.STANDARD) ? operator : domain + "." + operator;
        return overload.isEmpty() ? full : full + ":" + overload;
    }

    private long inFunction(String name) throws IOException {
        Long known = expanded.get(name);
        if (known != null) {
            return known;
        }
        if (!open.add(name)) {
            throw new IOException("its function " + name + " calls itself");
        }
        if (open.size() > MAX_CALLS) {
            throw new IOException("its functions call each other more than " + MAX_CALLS + " deep");
        }
        List<Proto> nodes = functions.get(name).messages(FUNCTION_NODE);
        long count = inNodes(nodes, constants(nodes, null), "function " + name);
        open.remove(name);
        expanded.put(name, count);
        return count;
    }

    private long inGraph(Proto graph, Constants outer) throws IOException {
        List<Proto> nodes = graph.messages(GRAPH_NODE);
        Constants constants = constants(nodes, outer);
        for (Proto initializer : graph.messages(GRAPH_INITIALIZER)) {
            constants.here.put(initializer.text(TENSOR_NAME), initializer);
        }
        return inNodes(nodes, constants, "graph");
    }

    /** Tensors that are known: those of a graph, and those of the graphs around it. */
    private record Constants(Map<String, Proto> here, Constants outer) {
        Proto find(String name) {
            Proto found = here.get(name);
            return found == null && outer != null ? outer.find(name) : found;
        }
    }

    /** What Constant nodes give, beside what is known outside. */
    private static Constants constants(List<Proto> nodes, Constants outer) throws IOException {
        Map<String, Proto> constants = new HashMap<>();
        for (Proto node : nodes) {
            if (node.text(NODE_OPERATOR).equals("Constant")) {
                for (Proto attribute : node.messages(NODE_ATTRIBUTE)) {
                    if (attribute.has(ATTRIBUTE_TENSOR)) {
                        constants.put(node.text(NODE_OUTPUT), attribute.message(ATTRIBUTE_TENSOR));
                    }
                }
            }
        }
        return new Constants(constants, outer);
    }

    /** Checks nodes, and counts what they become. */
    private long inNodes(List<Proto> nodes, Constants constants, String where) throws IOException {
        long count = 0;
        for (Proto node : nodes) {
            written++;
            String operator = name(node.text(NODE_DOMAIN), node.text(NODE_OPERATOR), "");
            if (node.text(NODE_OPERATOR).equals(COMPILED)) {
                throw new IOException("its node \"" + node.text(NODE_NAME) + "\" (" + operator + ", in its " + where
                        + ") is a part that was compiled for some device: it says nothing of what it computes, and may run"
                        + " anything. Export the model as it was before it was compiled");
            }
            refuseRandom(node, operator, constants, where);
            String called = name(node.text(NODE_DOMAIN), node.text(NODE_OPERATOR), node.text(NODE_OVERLOAD));
            count += functions.containsKey(called) ? inFunction(called) : 1;
            for (Proto attribute : node.messages(NODE_ATTRIBUTE)) {
                for (int field : new int[] {ATTRIBUTE_GRAPH, ATTRIBUTE_GRAPHS}) {
                    for (Proto graph : attribute.messages(field)) {
                        count += inGraph(graph, constants);
                    }
                }
            }
            if (count > written + MAX_MADE_NODES) {
                throw new IOException(
                        "its functions make more than " + MAX_MADE_NODES
                                + " nodes beyond those of the file when they are put in place of their calls. Export it without functions");
            }
        }
        return count;
    }

    private void refuseRandom(Proto node, String operator, Constants constants, String where) throws IOException {
        String given = node.text(NODE_NAME);
        String named = given.isEmpty() ? "whose output is \"" + node.text(NODE_OUTPUT) + "\"" : "\"" + given + "\"";
        String called = "its node " + named + " (" + operator + ", in its " + where + ")";
        if (RANDOM.contains(operator) || RANDOM_CONTRIBUTED.contains(operator)) {
            throw new IOException(called + " draws random numbers: no auditor could run it again. Export the model"
                    + " without it, or with the numbers as an input");
        }
        boolean trains = switch (operator) {
            case "Dropout" -> dropoutTrains(node, constants);
            case "BatchNormalization" -> normalizationTrains(node);
            default -> false;
        };
        if (trains) {
            throw new IOException(called + " is in training mode, or may be put into it by a request. Export the model"
                    + " for inference: model.eval() in PyTorch, training=False in Keras");
        }
    }

    private boolean dropoutTrains(Proto node, Constants constants) throws IOException {
        if (trainsUnlessTest()) {
            return number(node, "is_test") == 0;
        }
        // Whatever the model's version: a function may be of another, and the versions before 12 have no such input.
        List<String> inputs = node.texts(NODE_INPUT);
        if (inputs.size() <= DROPOUT_MODE || inputs.get(DROPOUT_MODE).isEmpty()) {
            return false;
        }
        Proto mode = constants.find(inputs.get(DROPOUT_MODE));
        return mode == null || !isFalse(mode);
    }

    private boolean normalizationTrains(Proto node) throws IOException {
        if (trainsUnlessTest()) {
            return number(node, "is_test") == 0;
        }
        // From version 14 on the attribute says it; in all it has running means and variances to give only where it
        // trains.
        return number(node, "training_mode") != 0
                || node.texts(NODE_OUTPUT).stream()
                                .filter(output -> !output.isEmpty())
                                .count()
                        > 1;
    }

    /** Whether a constant truth value is false, wherever it is kept. */
    private static boolean isFalse(Proto tensor) throws IOException {
        ByteString raw = tensor.bytes(TENSOR_RAW);
        for (int i = 0; i < raw.size(); i++) {
            if (raw.byteAt(i) != 0) {
                return false;
            }
        }
        boolean isInside = !raw.isEmpty() || tensor.has(TENSOR_INTS);
        return isInside && tensor.numbers(TENSOR_INTS).stream().allMatch(value -> value == 0);
    }

    private boolean trainsUnlessTest() throws IOException {
        return model.opsets().getOrDefault(OnnxModel.STANDARD, 0L) < TRAINS_UNLESS_TEST;
    }

    private static long number(Proto node, String attribute) throws IOException {
        for (Proto one : node.messages(NODE_ATTRIBUTE)) {
            if (one.text(ATTRIBUTE_NAME).equals(attribute)) {
                return one.number(ATTRIBUTE_INT, 0);
            }
        }
        return 0;
    }

    /** Java's native interface has another UTF-8: beyond the first 65,536 characters names do not come through. */
    private static void names(Proto graph) throws IOException {
        for (int field : new int[] {GRAPH_INPUT, GRAPH_OUTPUT}) {
            for (Proto value : graph.messages(field)) {
                requirePlain(value.bytes(VALUE_NAME), field == GRAPH_INPUT ? "input" : "output");
                Proto shape = value.message(VALUE_TYPE).message(TYPE_TENSOR).message(TENSOR_TYPE_SHAPE);
                for (Proto dimension : shape.messages(SHAPE_DIMENSION)) {
                    requirePlain(dimension.bytes(SHAPE_NAME), "dimension");
                }
            }
        }
    }

    private static void requirePlain(ByteString name, String what) throws IOException {
        String text = name.toStringUtf8();
        boolean isPlain = name.isValidUtf8() && text.chars().noneMatch(c -> c == 0 || Character.isSurrogate((char) c));
        if (!isPlain) {
            throw new IOException("the name of its " + what + " \"" + text
                    + "\" has characters that ONNX Runtime's Java API does not pass. Rename it, with letters and"
                    + " digits");
        }
    }
}
