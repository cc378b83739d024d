package io.plumbline.node.gateway;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.inference.language.tokenizer.ChatTokenizer;
import io.plumbline.ledger.state.Node;
import io.plumbline.node.client.ChosenToken;
import io.plumbline.node.client.DeliveredTokens;
import io.plumbline.node.client.Inference;
import io.plumbline.node.client.NodeClient;
import io.plumbline.node.http.HttpExchange;
import io.plumbline.verifier.audit.Failure;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.audit.ReceiptCheck;
import io.plumbline.verifier.audit.TextCheck;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.receipt.Answer;
import io.plumbline.verifier.receipt.Request;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.function.Consumer;
import org.agrona.CloseHelper;

/**
 * {@code /v1/chat/completions} for one language model: turns messages into tokens, has a node answer, and checks its
 * receipt.
 */
final class ChatApi implements AutoCloseable {
    private final NodeSelector market;
    private final String modelName;
    private final LoadedModel model;
    private final ChatTokenizer tokenizer;
    private final Level level;

    /** @param level at which answers are audited where a client does not say. */
    ChatApi(NodeSelector market, String modelName, Path modelFolder, Level level) throws IOException {
        this.market = market;
        this.modelName = modelName;
        this.model = LoadedModel.open(modelFolder);
        this.tokenizer = ChatTokenizer.of(model.tokenFiles());
        this.level = level;
    }

    /** As {@code /v1/models} lists it. */
    ObjectNode listed() {
        return Gateway.listed(modelName, model.id());
    }

    void complete(HttpExchange http) throws IOException {
        Http.guarded(http, Http::openAi, () -> {
            JsonNode body = Http.json(http, ChatRequest.maxBodyBytes(model.config()), ChatRequest.MAX_VALUES);
            ChatRequest chat = ChatRequest.parse(
                    body, modelName, model, tokenizer, market.keys().publicKey(), level);
            try (Completion completion = new Completion(this, chat)) {
                if (chat.stream()) {
                    http.responseHeader("Content-Type", "text/event-stream");
                    http.responseHeader("Cache-Control", "no-cache");
                    completion.start();
                    http.onClientGone(completion::cancel);
                    try (OutputStream out = http.stream(200)) {
                        completion.stream(out);
                    } catch (IOException e) {
                        // The client has gone; closing the completion tells the node.
                    }
                } else {
                    completion.start();
                    http.onClientGone(completion::cancel);
                    Http.send(http, 200, completion.whole());
                }
            }
        });
    }

    /** A node that is there for answers audited at {@code wanted}. */
    Tries tries(Level wanted, String named) {
        return new Tries(market, model.id(), wanted, named);
    }

    /** Puts up the price of all that {@code request} may cost, and has a node answer it. */
    Inference infer(
            Request request,
            NodeSelector.Reached reached,
            Level auditedAt,
            int topLogprobs,
            Consumer<ChosenToken> onToken)
            throws IOException {
        long tokens = (long) request.promptTokens().length + ReceiptCheck.most(request, model.config());
        market.escrow(request.hash(), reached.node(), tokens, auditedAt);
        return market.client().infer(reached.peer(), request, model.config().vocab(), topLogprobs, onToken);
    }

    /** A node has answered nothing: it is left out for a while. */
    void refused(Node node, Exception why) {
        market.refused(node, why);
    }

    /**
     * What the gateway vouches for: signature, hashes, stop rule, that the text is what the tokens say, and that all
     * of it is what the node streamed.
     */
    NodeClient.Answered checked(NodeClient.Answered answered, Request request, DeliveredTokens delivered, Node node)
            throws IOException {
        Answer answer = answered.answer();
        Failure failure = ReceiptCheck.check(answered.receipt(), request, answer, model.id(), model.config());
        if (failure == null) {
            failure = TextCheck.answer(request, answer, model.config(), tokenizer);
        }
        if (failure != null || !Arrays.equals(answered.receipt().node(), node.key())) {
            throw refused(node, "signed a receipt that does not hold: " + failure);
        }
        // What is streamed from now on reaches nobody.
        delivered.seal();
        int at = delivered.mismatch(answer.tokens());
        if (at >= 0) {
            throw refused(node, "signed another answer than it streamed: they differ from token " + at + " on");
        }
        return answered;
    }

    private IOException refused(Node node, String why) {
        market.lied(node, why);
        return new IOException("Inference node " + Blake3.hex(node.key()) + " " + why + ".");
    }

    /** Tells the operator of an answer that a client has. */
    void answered(Request request, NodeClient.Answered answered) {
        market.answered(answered.receipt(), answered.answer().tokens().length);
    }

    /** Ends an answer that nobody reads on. */
    void cancel(Inference inference) {
        inference.cancel(market.keys());
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
