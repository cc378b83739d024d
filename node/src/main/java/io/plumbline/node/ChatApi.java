package io.plumbline.node;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import io.plumbline.inference.model.LoadedModel;
import io.plumbline.inference.tokenizer.ChatTokenizer;
import io.plumbline.ledger.state.Node;
import io.plumbline.transport.Peer;
import io.plumbline.verifier.audit.Auditor;
import io.plumbline.verifier.audit.Failure;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.receipt.Request;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.function.Consumer;
import org.agrona.CloseHelper;

/** {@code /v1/chat/completions} for one language model: turns messages into tokens, has a node answer, and checks its receipt. */
final class ChatApi implements AutoCloseable {
    private final Market market;
    private final String modelName;
    private final LoadedModel model;
    private final ChatTokenizer tokenizer;
    private final Level level;

    /** @param level at which answers are audited where a client does not say. */
    ChatApi(Market market, String modelName, Path modelFolder, Level level) throws IOException {
        this.market = market;
        this.modelName = modelName;
        this.model = LoadedModel.open(modelFolder);
        this.tokenizer = ChatTokenizer.open(modelFolder);
        this.level = level;
    }

    /** As {@code /v1/models} lists it. */
    ObjectNode listed() {
        return Gateway.listed(modelName, model.id());
    }

    void complete(ServerRequest http, ServerResponse response) {
        Http.guarded(response, Http::openAi, () -> {
            JsonNode body = Http.json(http);
            ChatRequest chat = ChatRequest.parse(
                    body, modelName, model, tokenizer, market.keys().publicKey(), level);
            String named = body.path("plumbline").path("node").asText("");
            try (Completion completion = new Completion(this, chat, market.choose(model.id(), named))) {
                if (chat.stream()) {
                    response.header("Content-Type", "text/event-stream");
                    response.header("Cache-Control", "no-cache");
                    completion.start();
                    try (OutputStream out = response.outputStream()) {
                        completion.stream(out);
                    } catch (IOException e) {
                        // The client has gone; closing the completion tells the node.
                    }
                } else {
                    completion.start();
                    Http.send(response, 200, completion.whole());
                }
            }
        });
    }

    /** Puts up the price of all that {@code request} may cost, and has {@code node} answer it. */
    NodeClient.Inference infer(
            Request request, Node node, Level auditedAt, int topLogprobs, Consumer<NodeClient.Chosen> onToken)
            throws IOException {
        long price = node.pricePerToken() * (request.promptTokens().length + request.maxTokens());
        Peer peer = market.escrow(request.hash(), node, price, auditedAt);
        return market.client().infer(peer, request, topLogprobs, onToken);
    }

    /** What the gateway vouches for: signature, hashes, stop rule, and that the text is what the tokens say. */
    NodeClient.Answered checked(NodeClient.Answered answered, Request request, Node node) throws IOException {
        Failure failure =
                Auditor.checkReceipt(answered.receipt(), request, answered.answer(), model.id(), model.config());
        if (failure != null || !Arrays.equals(answered.receipt().node(), node.key())) {
            throw new IOException("The node's receipt does not hold: " + failure + ".");
        }
        // Who cancels has gone and reads no answer: a node that says so to one who waits has ended it by itself.
        if (answered.answer().cancelled()) {
            throw new IOException("The node ended the answer before its stop rule did.");
        }
        if (!tokenizer
                .decode(answered.answer().tokens())
                .equals(answered.answer().text())) {
            throw new IOException("The node's text is not what its tokens say.");
        }
        return answered;
    }

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
