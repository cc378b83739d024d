package io.plumbline.client;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.verifier.lightclient.CertifiedFeed;
import io.plumbline.verifier.lightclient.TrustedLedger;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Asks a Plumbline server: a gateway of a network, or {@code plumbline serve}. Every answer comes with a receipt whose
 * signature holds, and is the text that was signed, for the messages and options that were sent.
 *
 * <pre>{@code
 * try (PlumblineClient client = PlumblineClient.builder().baseUrl("http://localhost:8080/v1").build()) {
 *     System.out.println(client.chat("Tell me a story.").text());
 * }
 * }</pre>
 *
 * <p>For any number of threads. All calls throw {@link ApiException} where the server refuses, {@link
 * UnreachableException} where no whole answer comes, and {@link VerificationException} where a receipt does not hold.
 */
public final class PlumblineClient implements AutoCloseable {
    private final HttpCalls calls;
    private final String defaultModel;
    private final SettlementWatch settlements;
    private final TrustedLedger ledger;
    private final boolean checksContent;
    private final ModelTerms model;
    private final AnsweredRequests answered = new AnsweredRequests(ContentCheck.ANSWERED_MS);

    /**
     * See {@link PlumblineClientBuilder}.
     *
     * @param ledger that facts are proven by; null where none is known.
     * @param model that every answer is held to.
     */
    PlumblineClient(
            HttpCalls calls,
            String defaultModel,
            SettlementWatch settlements,
            TrustedLedger ledger,
            boolean checksContent,
            ModelTerms model) {
        this.calls = calls;
        this.defaultModel = defaultModel;
        this.settlements = settlements;
        this.ledger = ledger;
        this.checksContent = checksContent;
        this.model = model;
    }

    /** A client to set up. */
    public static PlumblineClientBuilder builder() {
        return new PlumblineClientBuilder();
    }

    /** Asks one question; the server's defaults hold. */
    public ChatAnswer chat(String userMessage) {
        return chat(ChatRequest.of(userMessage));
    }

    /** Asks, and waits for the whole answer. */
    public ChatAnswer chat(ChatRequest request) {
        ObjectNode body = withModel(request.body());
        ContentCheck content = check(body);
        JsonNode json = calls.post("/chat/completions", body);
        JsonNode choice = json.path("choices").path(0);
        AnswerReceipt receipt = AnswerReceipt.of(json.path("plumbline"), terms(body), settlements);
        String finishReason = choice.path("finish_reason").textValue();
        List<CertifiedFeed> facts = content == null
                ? List.of()
                : content.verify(json.path("plumbline"), receipt.receipt(), choice.path("message"), finishReason);
        return new ChatAnswer(
                json.path("id").asText(),
                json.path("model").asText(),
                choice.path("message"),
                finishReason,
                Usage.of(json.path("usage")),
                receipt,
                facts);
    }

    /** Asks one question; the answer as it comes. */
    public ChatStream stream(String userMessage) {
        return stream(ChatRequest.of(userMessage));
    }

    /**
     * Asks; the answer as it comes.
     *
     * @return to be closed, which cancels what is not answered yet.
     */
    public ChatStream stream(ChatRequest request) {
        ObjectNode body = withModel(request.body()).put("stream", true);
        body.putObject("stream_options").put("include_usage", true);
        ContentCheck content = check(body);
        EventStream events = calls.stream("/chat/completions", body);
        return new ChatStream(events, terms(body), settlements, content);
    }

    /** Null where contents are not checked. */
    private ContentCheck check(ObjectNode body) {
        return checksContent ? new ContentCheck(body, ledger, model, answered) : null;
    }

    /**
     * Texts as vectors, by the client's default model, and without one by the server's only one. As {@link
     * #embed(List, String)}.
     */
    public Embeddings embed(List<String> texts) {
        return embed(texts, defaultModel);
    }

    /**
     * Texts as vectors. They are the server's word: a receipt is signed for a request and an output that the server
     * does not disclose here, and nothing ties the texts to the one or the vectors to the other.
     *
     * @param texts 1 to 2,048, as the server has it.
     * @param model by the server's name for it; null for its only one.
     */
    public Embeddings embed(List<String> texts, String model) {
        ObjectNode body = HttpCalls.MAPPER.createObjectNode();
        if (model != null) {
            body.put("model", model);
        }
        ArrayNode input = body.putArray("input");
        texts.forEach(input::add);
        JsonNode json = calls.post("/embeddings", body);
        float[][] vectors = new float[texts.size()][];
        for (JsonNode one : json.path("data")) {
            int index = one.path("index").asInt(-1);
            if (index < 0 || index >= vectors.length) {
                throw new UnreachableException("The server embeds a text " + index + " that was not sent.", null);
            }
            vectors[index] = vector(one.path("embedding"));
        }
        if (Arrays.asList(vectors).contains(null)) {
            throw new UnreachableException("The server has not embedded all texts.", null);
        }
        return new Embeddings(
                List.of(vectors), Usage.of(json.path("usage")), receipts(json.path("plumbline"), terms(body)));
    }

    private static float[] vector(JsonNode json) {
        float[] vector = new float[json.size()];
        for (int i = 0; i < vector.length; i++) {
            vector[i] = (float) json.get(i).asDouble();
        }
        return vector;
    }

    private List<AnswerReceipt> receipts(JsonNode extension, ReceiptTerms terms) {
        List<AnswerReceipt> receipts = new ArrayList<>();
        for (JsonNode one : extension.has("parts") ? extension.get("parts") : List.of(extension)) {
            receipts.add(AnswerReceipt.of(one, terms, settlements));
        }
        return receipts;
    }

    private ObjectNode withModel(ObjectNode body) {
        if (defaultModel != null && !body.has("model")) {
            body.put("model", defaultModel);
        }
        if (checksContent) {
            body.withObject("/plumbline").put(ContentCheck.FIELD, true);
        }
        return body;
    }

    private ReceiptTerms terms(JsonNode body) {
        return ReceiptTerms.of(body, model.id());
    }

    /** Ends all calls that are under way, and the client's threads. An HTTP client that was given stays open. */
    @Override
    public void close() {
        calls.close();
    }
}
