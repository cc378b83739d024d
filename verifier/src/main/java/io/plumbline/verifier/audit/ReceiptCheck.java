package io.plumbline.verifier.audit;

import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.grammar.Grammar;
import io.plumbline.verifier.grammar.GrammarException;
import io.plumbline.verifier.model.ModelConfig;
import io.plumbline.verifier.numerics.Constants;
import io.plumbline.verifier.receipt.Answer;
import io.plumbline.verifier.receipt.Receipt;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.trace.TraceLayout;
import java.util.Arrays;

/** What receipt, request and answer show by themselves: no opening, no tokenizer, no model but its shape. */
public final class ReceiptCheck {
    private ReceiptCheck() {}

    /** Most output tokens of a request: what it asks for, as far as the model's context reaches. */
    public static int most(Request request, ModelConfig config) {
        return Math.min(request.maxTokens(), config.maxPositions() - request.promptTokens().length + 1);
    }

    /**
     * What receipt, request and answer show where the model's shape is not known: signature, contract, model, hashes,
     * counts, and the stop rule but for the model's context.
     *
     * @param request null where it is not at hand.
     * @param answer null where it is not at hand.
     * @return what does not hold, or null.
     */
    public static Failure binding(Receipt receipt, Request request, Answer answer) {
        if (!receipt.signatureHolds()) {
            return Failure.of(Step.SIGNATURE, "the receipt was not signed by the node it names");
        }
        if (receipt.contractVersion() < 1 || receipt.contractVersion() > Constants.CONTRACT_VERSION) {
            return Failure.of(
                    Step.MODEL,
                    "numeric contract " + receipt.contractVersion() + " is none of 1 to " + Constants.CONTRACT_VERSION);
        }
        if (request != null && !receipt.modelId().equals(request.modelId())) {
            return Failure.of(Step.MODEL, "the receipt names another model than the request");
        }
        if (request != null
                && (!receipt.requestHash().equals(request.hash())
                        || receipt.promptTokens() != request.promptTokens().length)) {
            return Failure.of(Step.REQUEST, "the receipt was made for another request");
        }
        if (answer != null
                && (!Arrays.equals(receipt.outputHash(), answer.hash())
                        || receipt.outputTokens() != answer.tokens().length)) {
            return Failure.of(Step.OUTPUT, "the receipt was made for another answer");
        }
        return request == null || answer == null ? null : stop(request, answer);
    }

    /** Whether the answer keeps to the request's own stop rule and cancellation. */
    private static Failure stop(Request request, Answer answer) {
        int[] tokens = answer.tokens();
        if (tokens.length == 0) {
            return Failure.of(Step.STOP, "the answer is empty");
        }
        for (int i = 0; i < tokens.length - 1; i++) {
            if (request.stopsAt(tokens[i])) {
                return Failure.of(Step.STOP, "the answer goes on after stop token " + tokens[i]);
            }
        }
        if (tokens.length > request.maxTokens()) {
            return Failure.of(Step.STOP, tokens.length + " tokens, of " + request.maxTokens() + " at most");
        }
        if (answer.isCancelled()
                && (!answer.cancellation().holds(request)
                        || tokens.length < answer.cancellation().delivered())) {
            return Failure.of(Step.STOP, "the requester did not cancel the answer after " + tokens.length + " tokens");
        }
        return null;
    }

    /**
     * Signature, hashes, counts, the stop rule as far as tokens show it, and whether a cancellation is the requester's.
     *
     * @param modelId 32 bytes: the model that was asked for.
     * @return what does not hold, or null.
     */
    public static Failure check(Receipt receipt, Request request, Answer answer, Bytes32 modelId, ModelConfig config) {
        Failure failure = binding(receipt, request, answer);
        if (failure != null) {
            return failure;
        }
        if (!receipt.modelId().equals(modelId)) {
            return Failure.of(Step.MODEL, "the receipt names another model than the one asked for");
        }
        if (receipt.contractVersion() != config.contractVersion()) {
            return Failure.of(
                    Step.MODEL,
                    "numeric contract " + receipt.contractVersion() + " where the model's is "
                            + config.contractVersion());
        }
        for (int token : request.promptTokens()) {
            if (token < 0 || token >= config.vocab()) {
                return Failure.of(Step.REQUEST, "prompt token " + token + " is not in the vocabulary");
            }
        }
        try {
            if (!request.grammar().isEmpty()) {
                Grammar.parse(request.grammar());
            }
        } catch (GrammarException e) {
            return Failure.of(Step.REQUEST, e.getMessage());
        }
        int[] tokens = answer.tokens();
        for (int token : tokens) {
            if (token < 0 || token >= config.vocab()) {
                return Failure.of(Step.OUTPUT, "output token " + token + " is not in the vocabulary");
            }
        }
        int length = TraceLayout.tokens(request.promptTokens().length, tokens.length);
        int most = most(request, config);
        // Whether a stop text or a grammar's cost ended it is for TextCheck, which has the tokenizer.
        boolean mayEnd = request.stopsAt(tokens[tokens.length - 1])
                || !request.stopTexts().isEmpty()
                || !request.grammar().isEmpty()
                || answer.isCancelled();
        if (tokens.length > most || (tokens.length < most && !mayEnd)) {
            return Failure.of(Step.STOP, tokens.length + " tokens, not ended by the stop rule; it gives " + most);
        }
        if (receipt.traceBytes() != new TraceLayout(config).traceBytes(length)) {
            return Failure.of(Step.HEADER, "the trace length is not that of " + length + " tokens");
        }
        return null;
    }
}
