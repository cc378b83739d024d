package io.plumbline.node.gateway;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.inference.tensor.TensorJson;
import io.plumbline.inference.tensor.TensorPackage;
import io.plumbline.node.client.NodeClient;
import io.plumbline.node.http.HttpExchange;
import io.plumbline.node.http.HttpHandler;
import io.plumbline.node.http.HttpRoutes;
import io.plumbline.node.network.NotAskedException;
import io.plumbline.node.tenant.Admission;
import io.plumbline.node.tenant.Usage;
import io.plumbline.verifier.audit.Failure;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.tensor.AnswerTooLargeException;
import io.plumbline.verifier.tensor.Precision;
import io.plumbline.verifier.tensor.Tensor;
import io.plumbline.verifier.tensor.TensorManifest;
import io.plumbline.verifier.tensor.TensorRequest;
import io.plumbline.verifier.tensor.TensorSpec;
import io.plumbline.verifier.tolerant.Bounds;
import io.plumbline.verifier.tolerant.TolerantAuditor;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * The Open Inference Protocol, version 2 (KServe), with the extension for binary tensors: clients of KServe and
 * Triton work unchanged. The receipt stands in a response's parameters.
 */
final class TensorApi {
    private static final HexFormat HEX = HexFormat.of();
    private static final String VERSION = "1";

    /** Of an output's element as JSON: a node of its tree, its place in a list, and its digits twice. */
    private static final long JSON_ELEMENT_BYTES = 80;

    /** Of an output in binary: as it came, with the others of its kind as they grow, and behind the JSON. */
    private static final int COPIES = 4;

    /** How long the JSON before the binary tensors is. */
    private static final String JSON_LENGTH = "Inference-Header-Content-Length";

    private static final SecureRandom RANDOM = new SecureRandom();

    private final Answerers answerers;
    private final RequestSources sources;
    private final Level level;
    private final SortedMap<String, Served> models = new TreeMap<>();

    /** A model with what every request names of it. */
    record Served(TensorPackage model, Bytes32 id, Bounds limits, byte[] bounds) {}

    /**
     * @param sources where facts are found that inputs name.
     * @param models by name.
     * @param level at which answers are audited where a client does not say.
     */
    TensorApi(Answerers answerers, RequestSources sources, Map<String, TensorPackage> models, Level level)
            throws IOException {
        this.answerers = answerers;
        this.sources = sources;
        this.level = level;
        for (String name : models.keySet()) {
            TensorPackage model = models.get(name);
            Bounds limits = model.requireBounds();
            this.models.put(name, new Served(model, model.manifest().id(), limits, limits.hash()));
        }
    }

    /** How a client wants an answer computed, and by which node. */
    record Wish(Precision precision, NodeWish node) {
        /** Read from "level", "precision", "node", "max_price" and "prefer"; {@code prefix} stands before each. */
        static Wish of(JsonNode json, String prefix, Level otherwise, TensorPackage model) {
            String level = json.path(prefix + "level").asText(otherwise.name());
            String precision =
                    json.path(prefix + "precision").asText(model.precision().name());
            Level parsed;
            try {
                parsed = Level.valueOf(level.toUpperCase(Locale.ROOT));
            } catch (IllegalArgumentException e) {
                parsed = Level.REPLAYED;
            }
            if (parsed == Level.REPLAYED) {
                throw new ApiException(400, "\"" + level + "\" is no level: signed, audited and full are.");
            }
            String prefer = json.path(prefix + "prefer").asText("");
            NodeWish node = new NodeWish(
                    parsed,
                    json.path(prefix + "node").asText(""),
                    json.path(prefix + "max_price").asLong(Long.MAX_VALUE),
                    prefer.isEmpty() ? null : NodeWish.Preference.parse(prefer));
            return new Wish(Precision.parse(precision), node);
        }
    }

    /** Names of the models served. */
    Set<String> names() {
        return models.keySet();
    }

    TensorPackage model(String name) {
        return served(name).model();
    }

    Served served(String name) {
        Served served = models.get(name);
        if (served == null) {
            throw new ApiException(
                    404, "The model \"" + name + "\" does not exist; this gateway serves " + names() + ".");
        }
        return served;
    }

    void route(HttpRoutes routes) {
        routes.get("/v2", guarded(this::server))
                .get("/v2/health/live", http -> http.send(200, new byte[0]))
                .get("/v2/health/ready", http -> http.send(answerers.isWell() ? 200 : 503, new byte[0]))
                .post("/v2/repository/index", guarded(this::index));
        for (String model : List.of("/v2/models/{model}", "/v2/models/{model}/versions/{version}")) {
            routes.get(model, guarded(this::metadata))
                    .get(model + "/ready", guarded(this::ready))
                    .get(model + "/config", guarded(this::config))
                    .post(model + "/infer", guarded(this::infer));
        }
    }

    private static HttpHandler guarded(HttpHandler handler) {
        return http -> Http.guarded(http, Http::openInference, () -> handler.handle(http));
    }

    private void server(HttpExchange http) throws IOException {
        ObjectNode json =
                Http.MAPPER.createObjectNode().put("name", "plumbline").put("version", "0.1.0");
        json.putArray("extensions")
                .add("binary_tensor_data")
                .add("model_repository")
                .add("model_configuration");
        Http.send(http, 200, json);
    }

    private void index(HttpExchange http) throws IOException {
        ArrayNode json = Http.MAPPER.createArrayNode();
        names().stream()
                .filter(Admission.of(http)::mayAsk)
                .forEach(name -> json.addObject()
                        .put("name", name)
                        .put("version", VERSION)
                        .put("state", "READY")
                        .put("reason", ""));
        Http.send(http, 200, json);
    }

    private String name(HttpExchange http) {
        String version = Objects.requireNonNullElse(http.parameter("version"), VERSION);
        String name = http.parameter("model");
        Http.requireMayAsk(http, name);
        model(name);
        if (!version.equals(VERSION)) {
            throw new ApiException(
                    404, "The model \"" + name + "\" has version " + VERSION + " alone, not " + version + ".");
        }
        return name;
    }

    private void metadata(HttpExchange http) throws IOException {
        String name = name(http);
        Served served = served(name);
        TensorPackage model = served.model();
        ObjectNode json = Http.MAPPER.createObjectNode().put("name", name);
        json.putArray("versions").add(VERSION);
        json.put("platform", "onnxruntime_onnx");
        specs(json.putArray("inputs"), model.manifest().inputs(), "datatype", "");
        specs(json.putArray("outputs"), model.manifest().outputs(), "datatype", "");
        json.putObject("parameters")
                .put("plumbline_model_id", served.id().toString())
                .put("plumbline_bounds", HEX.formatHex(served.bounds()))
                .put("plumbline_precision", model.precision().toString());
        Http.send(http, 200, json);
    }

    private static void specs(ArrayNode into, List<TensorSpec> specs, String type, String typePrefix) {
        for (TensorSpec spec : specs) {
            ObjectNode json = into.addObject()
                    .put("name", spec.name())
                    .put(
                            type,
                            typePrefix
                                    + (typePrefix.isEmpty() || spec.type().bytes() > 0
                                            ? spec.type().name()
                                            : "STRING"));
            ArrayNode shape = json.putArray(typePrefix.isEmpty() ? "shape" : "dims");
            for (long size : spec.shape()) {
                shape.add(size);
            }
        }
    }

    private void ready(HttpExchange http) throws IOException {
        String name = name(http);
        if (!answerers.hasModel(served(name).id())) {
            throw new ApiException(503, "No inference node with model \"" + name + "\" is registered.");
        }
        Http.send(http, 200, Http.MAPPER.createObjectNode().put("name", name).put("ready", true));
    }

    /** Triton's clients ask for it; every size of a shape is named here, so there is no batch dimension beside them. */
    private void config(HttpExchange http) throws IOException {
        String name = name(http);
        ObjectNode json = Http.MAPPER
                .createObjectNode()
                .put("name", name)
                .put("platform", "onnxruntime_onnx")
                .put("backend", "onnxruntime")
                .put("max_batch_size", 0);
        specs(json.putArray("input"), model(name).manifest().inputs(), "data_type", "TYPE_");
        specs(json.putArray("output"), model(name).manifest().outputs(), "data_type", "TYPE_");
        Http.send(http, 200, json);
    }

    private void infer(HttpExchange http) throws IOException {
        String name = name(http);
        TensorPackage model = model(name);
        byte[] body = http.body();
        int jsonBytes = jsonBytes(http, body);
        JsonNode json = Http.json(http, body, jsonBytes);
        // The tensors, and the request to a node that they are put into.
        http.hold(2L * body.length);
        List<Tensor> inputs = inputs(json, body, jsonBytes);
        Set<String> binary = new TreeSet<>();
        List<String> outputs = outputs(json, model, binary);
        Wish wish = Wish.of(json.path("parameters"), "plumbline_", level, model);
        long known = 0;
        model.manifest().checkInputs(inputs);
        InputFacts facts = InputFacts.of(json.get("inputs"), inputs, sources);
        for (String output : outputs) {
            int bytes = model.manifest().output(output).type().bytes();
            known += model.manifest().knownElements(inputs, output) * heldBytes(bytes, binary.contains(output));
        }
        // Before it is paid for, as far as it is known by then.
        http.hold(known);
        Admission.of(http).begin(http, 1, 0, mostCost(model.manifest().rows(inputs), wish.node()));
        Usage used = Usage.NONE;
        List<Purchase> purchases = new ArrayList<>();
        Answered answered;
        try {
            answered = ask(served(name), facts, outputs, wish, purchases);
            used = new Usage(1, 0, 0, answered.purchase().cost());
        } finally {
            Admission.of(http).used(used, Purchase.restOf(purchases));
        }
        Admission.of(http).tell(http);
        long written = 0;
        for (Tensor output : answered.outputs()) {
            written += output.data().length
                    + output.elements() * heldBytes(output.type().bytes(), binary.contains(output.name()));
        }
        http.hold(Math.max(0, written - known));
        ObjectNode out = Http.MAPPER.createObjectNode().put("model_name", name).put("model_version", VERSION);
        if (json.hasNonNull("id")) {
            out.put("id", json.get("id").asText());
        }
        ObjectNode parameters = out.putObject("parameters");
        answered.describe()
                .properties()
                .forEach(entry -> parameters.set("plumbline_" + entry.getKey(), entry.getValue()));
        if (facts.told() != null) {
            parameters.put("plumbline_facts", facts.told());
        }
        ArrayNode array = out.putArray("outputs");
        ByteArrayOutputStream raw = new ByteArrayOutputStream();
        for (Tensor output : answered.outputs()) {
            if (binary.contains(output.name())) {
                ObjectNode head = TensorJson.head(output);
                head.putObject("parameters").put("binary_data_size", output.data().length);
                array.add(head);
                raw.writeBytes(output.data());
            } else {
                array.add(TensorJson.json(output));
            }
        }
        if (binary.isEmpty()) {
            Http.send(http, 200, out);
            return;
        }
        byte[] head = Http.MAPPER.writeValueAsBytes(out);
        http.responseHeader("Content-Type", "application/octet-stream");
        http.responseHeader(JSON_LENGTH, Integer.toString(head.length));
        ByteArrayOutputStream whole = new ByteArrayOutputStream(head.length + raw.size());
        whole.writeBytes(head);
        raw.writeTo(whole);
        http.send(200, whole.toByteArray());
    }

    /** Memory that an element of an output takes while it is written. */
    private static long heldBytes(int bytes, boolean isBinary) {
        return isBinary ? (long) COPIES * bytes : JSON_ELEMENT_BYTES;
    }

    private static int jsonBytes(HttpExchange http, byte[] body) {
        String length = http.requestHeader(JSON_LENGTH);
        if (length == null) {
            return body.length;
        }
        if (!length.matches("\\d{1,9}") || Integer.parseInt(length) > body.length) {
            throw new ApiException(
                    400,
                    "Inference-Header-Content-Length is " + length + ", and the body has " + body.length + " bytes.");
        }
        return Integer.parseInt(length);
    }

    private static List<Tensor> inputs(JsonNode json, byte[] body, int from) {
        if (!json.path("inputs").isArray()) {
            throw new ApiException(400, "The request has no inputs.");
        }
        List<Tensor> inputs = new ArrayList<>();
        int at = from;
        for (JsonNode input : json.get("inputs")) {
            JsonNode size = input.path("parameters").path("binary_data_size");
            if (size.isMissingNode()) {
                inputs.add(TensorJson.tensor(input));
            } else if (!size.isInt() || size.asInt() < 0 || size.asInt() > body.length - at) {
                throw new ApiException(
                        400,
                        "Tensor \"" + input.path("name").asText() + "\" has " + size + " bytes of binary data, and "
                                + (body.length - at) + " are left.");
            } else {
                inputs.add(TensorJson.tensor(input, Arrays.copyOfRange(body, at, at + size.asInt())));
                at += size.asInt();
            }
        }
        if (at != body.length && from != body.length) {
            throw new ApiException(400, (body.length - at) + " bytes of binary data belong to no input.");
        }
        return inputs;
    }

    /** @param binary receives the outputs that are wanted as bytes. */
    private static List<String> outputs(JsonNode json, TensorPackage model, Set<String> binary) {
        boolean allBinary = json.path("parameters").path("binary_data_output").asBoolean(false);
        List<String> names = new ArrayList<>();
        for (JsonNode output : json.path("outputs")) {
            String name = output.path("name").asText("");
            JsonNode parameters = output.path("parameters");
            if (parameters.has("classification") || parameters.has("shared_memory_region")) {
                throw new ApiException(
                        400, "Output \"" + name + "\": classification and shared memory are not served.");
            }
            model.manifest().output(name);
            names.add(name);
            if (parameters.path("binary_data").asBoolean(allBinary)) {
                binary.add(name);
            }
        }
        if (names.isEmpty()) {
            names.addAll(model.manifest().outputNames());
            if (allBinary) {
                binary.addAll(names);
            }
        }
        return names;
    }

    /** An answer that the gateway has checked. */
    record Answered(NodeClient.TensorAnswered answer, Purchase purchase) {
        List<Tensor> outputs() {
            return answer.answer().outputs();
        }

        /** What a client is told beside the outputs. */
        ObjectNode describe() {
            return Http.MAPPER
                    .createObjectNode()
                    .put("request_hash", answer.receipt().requestHash().toString())
                    .put("receipt", HEX.formatHex(answer.receipt().encode()))
                    .put("node", answer.receipt().node().toString())
                    .put("engine", answer.answer().engine().toString())
                    .put("price", answer.receipt().price())
                    .put("cpu_ms", answer.cpuNanos() / 1e6);
        }
    }

    /** The most that so many rows in one request may cost. */
    long mostCost(long rows, NodeWish wish) {
        long price = Math.min(wish.maxPrice(), answerers.mostPrice());
        return Usage.sum(Answerers.cost(rows, price), answerers.fee(wish.level(), rows));
    }

    /**
     * Has a node run a model, and checks its receipt.
     *
     * @param purchases receives what money was put up for: the answer alone, where there is one.
     */
    Answered ask(Served served, List<Tensor> inputs, List<String> outputs, Wish wish, List<Purchase> purchases)
            throws IOException {
        return ask(served, InputFacts.none(inputs), outputs, wish, purchases);
    }

    private Answered ask(Served served, InputFacts facts, List<String> outputs, Wish wish, List<Purchase> purchases)
            throws IOException {
        List<Tensor> inputs = facts.inputs();
        TensorManifest manifest = served.model().manifest();
        manifest.checkInputs(inputs);
        served.limits().checkInputs(inputs);
        if (TensorRequest.bytes(inputs) > TensorRequest.MAX_BYTES) {
            // Before any money is put up for it.
            throw new ApiException(
                    413,
                    "The tensors have " + TensorRequest.bytes(inputs) + " bytes; " + TensorRequest.MAX_BYTES
                            + " are the most. Send them in parts.");
        }
        manifest.requireAnswerFits(inputs, outputs);
        Tries tries = new Tries(answerers, served.id(), wish.node());
        Answerers.Answerer by = tries.first();
        List<Purchase> asked = new ArrayList<>();
        List<Answerers.Answerer> refusers = new ArrayList<>();
        try {
            while (true) {
                int before = asked.size();
                try {
                    Answered answered = ask(served, facts, outputs, wish, by, asked);
                    asked.clear();
                    asked.add(answered.purchase);
                    answerers.answered(answered.answer.receipt(), Math.toIntExact(manifest.rows(inputs)));
                    refusers.forEach(Answerers.Answerer::outdone);
                    return answered;
                } catch (IOException | IllegalArgumentException e) {
                    // A refusal too: the gateway has looked at the request, and another node may take it. An answer
                    // that is too large is no fault of the node's; another may have another opinion.
                    by.refused(e);
                    if (e instanceof IllegalArgumentException && !(e instanceof AnswerTooLargeException)) {
                        refusers.add(by);
                    }
                    if (asked.size() > before) {
                        asked.getLast().failed(e);
                    }
                    by = tries.next(e);
                }
            }
        } finally {
            purchases.addAll(asked);
        }
    }

    private Answered ask(
            Served served,
            InputFacts facts,
            List<String> outputs,
            Wish wish,
            Answerers.Answerer by,
            List<Purchase> asked)
            throws IOException {
        TensorManifest manifest = served.model().manifest();
        byte[] nonce = new byte[16];
        RANDOM.nextBytes(nonce);
        TensorRequest request = new TensorRequest(
                served.id(),
                served.bounds(),
                wish.precision(),
                facts.inputs(),
                facts.facts(),
                facts.time(),
                outputs,
                answerers.requester(),
                nonce);
        byte[] encoded = request.encode();
        long rows = manifest.rows(facts.inputs());
        Purchase purchase = Purchase.begun(
                by, request.hash(), rows, answerers.fee(wish.node().level(), rows));
        asked.add(purchase);
        NodeClient.TensorAnswered answer;
        try {
            answer = by.inferTensors(encoded, rows, wish.node().level());
        } catch (NotAskedException | ApiException e) {
            // Nothing was put up.
            asked.remove(purchase);
            throw e;
        }
        Failure failure = TolerantAuditor.checkReceipt(answer.receipt(), request, answer.answer(), manifest);
        if (failure != null || !answer.receipt().node().equals(by.key())) {
            by.lied("signed a receipt that does not hold");
            throw new IOException("The node's receipt does not hold: " + failure + ".");
        }
        String fault = Purchase.fault(answer.receipt(), rows, by);
        if (fault != null) {
            by.lied(fault);
            throw new IOException("The node " + fault + ".");
        }
        return new Answered(answer, purchase.answered(answer.receipt()));
    }
}
