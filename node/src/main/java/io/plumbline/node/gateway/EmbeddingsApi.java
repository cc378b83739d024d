package io.plumbline.node.gateway;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.inference.tensor.TensorPackage;
import io.plumbline.inference.tensor.TextEmbedder;
import io.plumbline.node.http.HttpExchange;
import io.plumbline.node.tenant.Admission;
import io.plumbline.node.tenant.Usage;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.tensor.Tensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;

/** {@code /v1/embeddings} as OpenAI has it, for those of the tensor models that embed text. */
final class EmbeddingsApi implements AutoCloseable {
    /** Texts in one request, as OpenAI has it. */
    private static final int MAX_TEXTS = 2048;

    /** Texts in one request to a node; more are asked for in parts, each with a receipt of its own. */
    private static final int PART_TEXTS = 256;

    private final TensorApi tensors;
    private final Level level;
    private final SortedMap<String, TextEmbedder> embedders = new TreeMap<>();

    /** @param level at which answers are audited where a client does not say. */
    EmbeddingsApi(TensorApi tensors, Level level) throws IOException {
        this.tensors = tensors;
        this.level = level;
        for (String name : tensors.names()) {
            if (TextEmbedder.takes(tensors.model(name))) {
                embedders.put(name, TextEmbedder.open(tensors.model(name)));
            }
        }
    }

    void embed(HttpExchange http) throws IOException {
        Http.guarded(http, Http::openAi, () -> {
            byte[] body = http.body();
            Http.send(http, 200, embedded(http, Http.json(http, body, body.length)));
        });
    }

    private ObjectNode embedded(HttpExchange http, JsonNode body) throws IOException {
        RequestFields fields = new RequestFields(body);
        String name = fields.text("model", embedders.size() == 1 ? embedders.firstKey() : "");
        TextEmbedder embedder = embedders.get(name);
        if (embedder == null) {
            throw new ApiException(
                    404,
                    "model_not_found",
                    "model",
                    "The model \"" + name + "\" embeds no text; those of this gateway are " + embedders.keySet() + ".");
        }
        Http.requireMayAsk(http, name);
        fields.requireOnly(
                Set.of("model", "input", "encoding_format", "plumbline"),
                Set.of("user"),
                Map.of("dimensions", List.of(), "input_type", List.of(), "prompt_name", List.of()));
        fields.object("plumbline").requireOnly("level", "precision", "node");
        String format = fields.text("encoding_format", "float");
        if (!format.matches("float|base64")) {
            throw RequestFields.invalid("encoding_format", "is \"float\" or \"base64\".");
        }
        TensorPackage model = tensors.model(name);
        List<long[]> texts = texts(body.path("input"), embedder);
        TensorApi.Wish wish = TensorApi.Wish.of(body.path("plumbline"), "", level, model);
        // None is paid for where another cannot be asked.
        List<List<Tensor>> inputs = new ArrayList<>();
        for (int from = 0; from < texts.size(); from += PART_TEXTS) {
            inputs.add(embedder.inputs(part(texts, from)));
        }
        int tokens = tokens(texts);
        Admission admission = Admission.of(http);
        long most = 0;
        for (List<Tensor> one : inputs) {
            most = Usage.sum(most, tensors.mostCost(model.manifest().rows(one), wish.node()));
        }
        admission.begin(http, 1, tokens, most);
        List<float[]> vectors = new ArrayList<>();
        ArrayNode receipts = Http.MAPPER.createArrayNode();
        Usage used = Usage.NONE;
        List<Purchase> purchases = new ArrayList<>();
        try {
            for (List<Tensor> one : inputs) {
                TensorApi.Answered answered =
                        tensors.ask(tensors.served(name), one, List.of(embedder.output()), wish, purchases);
                List<long[]> part = part(texts, vectors.size());
                receipts.add(answered.describe().put("first", vectors.size()).put("count", part.size()));
                vectors.addAll(embedder.vectors(answered.outputs().getFirst(), part));
                used = used.plus(
                        new Usage(1, tokens(part), 0, answered.purchase().cost()));
            }
        } finally {
            admission.used(used, Purchase.restOf(purchases));
        }
        admission.tell(http);
        ObjectNode json = Http.MAPPER.createObjectNode().put("object", "list");
        ArrayNode data = json.putArray("data");
        for (int i = 0; i < vectors.size(); i++) {
            ObjectNode one = data.addObject().put("object", "embedding").put("index", i);
            if (format.equals("base64")) {
                one.put("embedding", base64(vectors.get(i)));
            } else {
                ArrayNode numbers = one.putArray("embedding");
                for (float number : vectors.get(i)) {
                    numbers.add(number);
                }
            }
        }
        json.put("model", name);
        json.putObject("usage").put("prompt_tokens", tokens).put("total_tokens", tokens);
        if (receipts.size() == 1) {
            json.set("plumbline", receipts.get(0));
        } else {
            json.putObject("plumbline").set("parts", receipts);
        }
        return json;
    }

    private static List<long[]> part(List<long[]> texts, int from) {
        return texts.subList(from, Math.min(texts.size(), from + PART_TEXTS));
    }

    private static int tokens(List<long[]> texts) {
        return texts.stream().mapToInt(text -> text.length).sum();
    }

    private static String base64(float[] vector) {
        ByteBuffer bytes = ByteBuffer.allocate(4 * vector.length).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asFloatBuffer().put(vector);
        return Base64.getEncoder().encodeToString(bytes.array());
    }

    /** Text, texts, tokens, or lists of tokens. */
    private static List<long[]> texts(JsonNode input, TextEmbedder embedder) {
        List<long[]> texts = new ArrayList<>();
        if (input.size() > MAX_TEXTS && !input.get(0).isIntegralNumber()) {
            throw tooMany(input.size());
        }
        requireModest(input, embedder);
        if (input.isTextual()) {
            texts.add(embedder.tokens(input.asText()));
        } else if (input.isArray() && !input.isEmpty() && input.get(0).isIntegralNumber()) {
            texts.add(tokens(input));
        } else {
            for (JsonNode one : input) {
                texts.add(one.isTextual() ? embedder.tokens(one.asText()) : tokens(one));
            }
        }
        if (texts.isEmpty()) {
            throw tooMany(0);
        }
        return texts;
    }

    /** Before any is made tokens of. */
    private static void requireModest(JsonNode input, TextEmbedder embedder) {
        List<String> texts = new ArrayList<>();
        for (JsonNode one : input.isTextual() ? List.of(input) : input) {
            if (one.isTextual()) {
                texts.add(one.asText());
            }
        }
        try {
            embedder.requireModest(texts);
        } catch (IllegalArgumentException e) {
            throw new ApiException(400, "invalid_value", "input", e.getMessage());
        }
    }

    private static ApiException tooMany(int count) {
        return RequestFields.invalid(
                "input", "is a text, tokens, or 1 to " + MAX_TEXTS + " of either; there are " + count + ".");
    }

    private static long[] tokens(JsonNode input) {
        long[] tokens = new long[input.size()];
        for (int i = 0; i < tokens.length; i++) {
            if (!input.get(i).canConvertToLong()
                    || !input.get(i).isIntegralNumber()
                    || input.get(i).asLong() < 0) {
                throw RequestFields.invalid(
                        "input", "holds " + input.get(i) + ", which is neither a text nor a token.");
            }
            tokens[i] = input.get(i).asLong();
        }
        return tokens;
    }

    @Override
    public void close() {
        embedders.values().forEach(TextEmbedder::close);
    }
}
