package io.plumbline.node.gateway;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.inference.language.tokenizer.ChatTokenizer;
import io.plumbline.node.client.AnswerStream;
import io.plumbline.node.client.ChosenToken;
import io.plumbline.node.client.DeliveredTokens;
import io.plumbline.node.client.NodeClient;
import io.plumbline.node.http.HttpExchange;
import io.plumbline.node.tenant.Admission;
import io.plumbline.node.tenant.Usage;
import io.plumbline.verifier.audit.Failure;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.audit.ReceiptCheck;
import io.plumbline.verifier.audit.TextCheck;
import io.plumbline.verifier.receipt.Answer;
import io.plumbline.verifier.receipt.Receipt;
import io.plumbline.verifier.receipt.Request;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Path;
import java.util.function.Consumer;
import java.util.function.Function;
import org.agrona.CloseHelper;

/**
 * {@code /v1/chat/completions} and {@code /v1/completions} for one language model: turns messages or text into tokens,
 * has them answered, and checks the receipts.
 */
final class ChatApi implements AutoCloseable {
    private final Answerers answerers;
    private final String modelName;
    private final LoadedModel model;
    private final ChatTokenizer tokenizer;
    private final RequestSources sources;
    private final Level level;

    /** @param level at which answers are audited where a client does not say. */
    ChatApi(Answerers answerers, RequestSources sources, String modelName, Path modelFolder, Level level)
            throws IOException {
        this.answerers = answerers;
        this.modelName = modelName;
        this.model = LoadedModel.open(modelFolder);
        this.tokenizer = ChatTokenizer.of(model.tokenFiles(), sources.ledger());
        this.sources = sources;
        this.level = level;
    }

    /** As {@code /v1/models} lists it. */
    ObjectNode listed() {
        // By which a reader of a receipt knows where its cells lie.
        return ApiServer.listed(modelName, model.id())
                .put("plumbline_layers", model.config().layers());
    }

    /** {@code /v1/chat/completions}. */
    void chat(HttpExchange http, JsonNode body) throws IOException {
        complete(http, parse(body), completion -> new OpenAiCompletion(completion, CompletionShape.CHAT));
    }

    /** {@code /v1/completions}. */
    void text(HttpExchange http, JsonNode body) throws IOException {
        complete(
                http,
                TextRequest.parse(body, modelName, model, tokenizer, answerers.requester(), level),
                completion -> new OpenAiCompletion(completion, CompletionShape.TEXT));
    }

    /** {@code /v1/messages}. */
    void messages(HttpExchange http, JsonNode body) throws IOException {
        complete(http, parse(MessagesRequest.chat(body, false)), MessagesCompletion::new);
    }

    /** {@code /v1/messages/count_tokens}. */
    void countTokens(HttpExchange http, JsonNode body) throws IOException {
        ChatRequest asked = parse(MessagesRequest.chat(body, true));
        int tokens = asked.requests().getFirst().promptTokens().length;
        Http.send(http, 200, Http.MAPPER.createObjectNode().put("input_tokens", tokens));
    }

    /** {@code /v1/responses}. */
    void responses(HttpExchange http, JsonNode body) throws IOException {
        complete(http, parse(ResponsesRequest.chat(body)), completion -> new ResponsesCompletion(completion, body));
    }

    private ChatRequest parse(JsonNode body) throws IOException {
        return ChatRequest.parse(body, modelName, model, tokenizer, sources, answerers.requester(), level);
    }

    /** Bytes that a request's body may have. */
    int maxBodyBytes() {
        return ChatRequest.maxBodyBytes(model.config());
    }

    private void complete(HttpExchange http, ChatRequest asked, Function<Completion, CompletionWriter> wording)
            throws IOException {
        Admission admission = Admission.of(http);
        admission.begin(http, asked.requests().size(), mostTokens(asked), mostCost(asked));
        try (Completion completion = new Completion(this, asked)) {
            completion.onComputed(() -> admission.used(completion.usage(), completion.later()));
            try {
                answer(http, asked, completion, wording.apply(completion), admission);
            } finally {
                completion.awaitCancelled();
                admission.used(completion.usage(), completion.later());
            }
        }
    }

    private static void answer(
            HttpExchange http, ChatRequest asked, Completion completion, CompletionWriter writer, Admission admission)
            throws IOException {
        if (asked.stream()) {
            http.responseHeader("Content-Type", "text/event-stream");
            http.responseHeader("Cache-Control", "no-cache");
            completion.start();
            http.onClientGone(completion::cancel);
            try (OutputStream out = http.stream(200)) {
                writer.stream(out);
            } catch (IOException e) {
                // The client has gone.
                completion.cancel();
            }
        } else {
            completion.start();
            http.onClientGone(completion::cancel);
            ObjectNode whole = writer.whole();
            admission.used(completion.usage());
            admission.tell(http);
            Http.send(http, 200, whole);
        }
    }

    /** Most tokens that all choices may take, their prompts and answers together. */
    private long mostTokens(ChatRequest asked) {
        long answers = asked.requests().stream()
                .mapToLong(request -> ReceiptCheck.most(request, model.config()))
                .sum();
        return Completion.promptTokens(asked.requests()) + answers;
    }

    /** The most that all choices may come to: each is charged for its prompt as well, and for its audit. */
    private long mostCost(ChatRequest asked) {
        long price = Math.min(asked.wish().maxPrice(), answerers.mostPrice());
        long most = 0;
        for (Request request : asked.requests()) {
            long fee = answerers.fee(asked.wish().level(), tokens(request));
            most = Usage.sum(most, Usage.sum(Answerers.cost(tokens(request), price), fee));
        }
        return most;
    }

    /** A request that is about to be put to a node. */
    Purchase purchase(Request request, Answerers.Answerer by, Level auditedAt) {
        return Purchase.begun(by, request.hash(), answerers.fee(auditedAt, tokens(request)));
    }

    /** For so long may a first token take before another node is asked as well; 0 where none is. */
    long hedgeMs() {
        return answerers.hedgeMs();
    }

    /** Nodes that are there, and are as a client wishes. */
    Tries tries(NodeWish wish) {
        return new Tries(answerers, model.id(), wish);
    }

    /** Most tokens that a request may be charged for, prompt and answer together. */
    private long tokens(Request request) {
        return (long) request.promptTokens().length + ReceiptCheck.most(request, model.config());
    }

    /** Has a request answered. */
    AnswerStream infer(
            Request request, Answerers.Answerer by, Level auditedAt, int topLogprobs, Consumer<ChosenToken> onToken)
            throws IOException {
        return by.infer(request, tokens(request), auditedAt, model.config().vocab(), topLogprobs, onToken);
    }

    /**
     * What the gateway vouches for: signature, hashes, stop rule, price, that the text is what the tokens say, and that
     * all of it is what the node streamed.
     */
    NodeClient.Answered checked(
            NodeClient.Answered answered, Request request, DeliveredTokens delivered, Answerers.Answerer by)
            throws IOException {
        Answer answer = answered.answer();
        Failure failure = ReceiptCheck.check(answered.receipt(), request, answer, model.id(), model.config());
        if (failure == null) {
            failure = TextCheck.answer(request, answer, model.config(), tokenizer);
        }
        if (failure != null || !answered.receipt().node().equals(by.key())) {
            throw refused(by, "signed a receipt that does not hold: " + failure);
        }
        Receipt receipt = answered.receipt();
        String fault = Purchase.fault(receipt, (long) receipt.promptTokens() + receipt.outputTokens(), by);
        if (fault != null) {
            throw refused(by, fault);
        }
        // What is streamed from now on reaches nobody.
        delivered.seal();
        int at = delivered.mismatch(answer.tokens());
        if (at >= 0) {
            throw refused(by, "signed another answer than it streamed: they differ from token " + at + " on");
        }
        return answered;
    }

    private static IOException refused(Answerers.Answerer by, String why) {
        by.lied(why);
        return new IOException("Inference node " + by.key() + " " + why + ".");
    }

    /** Tells the operator of an answer that a client has. */
    void answered(Request request, NodeClient.Answered answered) {
        answerers.answered(answered.receipt(), answered.answer().tokens().length);
    }

    /** The name clients know the model by. */
    String modelName() {
        return modelName;
    }

    ChatTokenizer tokenizer() {
        return tokenizer;
    }

    @Override
    public void close() {
        CloseHelper.closeAll(tokenizer, model);
    }
}
