package io.plumbline.client;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.verifier.audit.Failure;
import io.plumbline.verifier.audit.ReceiptCheck;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.lightclient.CertifiedFeed;
import io.plumbline.verifier.lightclient.TrustedLedger;
import io.plumbline.verifier.receipt.Answer;
import io.plumbline.verifier.receipt.Receipt;
import io.plumbline.verifier.receipt.Request;
import java.util.Base64;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Whether an answer is the one that its receipt is for, and the request the one that was sent, all that it chooses
 * answers by included: by the bytes of both, which the server discloses and the receipt's hashes cover. What ties
 * messages to prompt tokens, and tokens to text, takes the model's tokenizer: auditors have it.
 */
final class ContentCheck {
    /** The field of a request by which the bytes are asked for. */
    static final String FIELD = "disclose";

    /** Clocks of a client and a server differ by less. */
    private static final long CLOCKS_MS = 300_000;

    /** After this, a request that was answered is refused by its time. */
    static final long ANSWERED_MS = 2 * CLOCKS_MS + 1_000;

    private final JsonNode sent;
    private final TrustedLedger ledger;
    private final ModelTerms model;
    private final AnsweredRequests answered;
    private final long sentMs = System.currentTimeMillis();

    /**
     * Made when a request is sent: facts must be fresh then, and its time be of then.
     *
     * @param sent the request's body.
     * @param ledger that facts are proven by; null where none is known.
     * @param model that is meant.
     * @param answered requests whose answers the client has had.
     */
    ContentCheck(ObjectNode sent, TrustedLedger ledger, ModelTerms model, AnsweredRequests answered) {
        // Numbers as a reader of the JSON has them.
        this.sent = json(sent.toString());
        this.ledger = ledger;
        this.model = model;
        this.answered = answered;
    }

    /**
     * Checks one answer.
     *
     * @param extension the answer's field {@code plumbline}.
     * @param message as the client is shown it.
     * @param finishReason of the same; null for none.
     * @return facts that the model was told, as far as they are proven here.
     * @throws VerificationException named {@code MALFORMED}, by {@link ReceiptCheck}, {@code MODEL}, {@code MESSAGES},
     *     {@code SOURCES}, {@code OPTIONS}, {@code TIME}, {@code TEXT} or {@code FINISH}.
     */
    List<CertifiedFeed> verify(JsonNode extension, Receipt receipt, JsonNode message, String finishReason) {
        Request request;
        Answer answer;
        try {
            request = Request.decode(bytes(extension, "request"));
            answer = Answer.decode(bytes(extension, "answer"));
        } catch (IllegalArgumentException | MalformedException e) {
            throw new VerificationException(
                    "MALFORMED",
                    "The server has not disclosed the request and the answer behind the receipt: " + e.getMessage(),
                    e);
        }
        Failure failure = ReceiptCheck.binding(receipt, request, answer);
        if (failure != null) {
            throw new VerificationException(failure.step().name(), "The receipt does not hold: " + failure + ".", null);
        }
        model.verify(request);
        JsonNode sources = sources(request.messages());
        List<CertifiedFeed> facts = SourcesCheck.isAsked(sent)
                ? SourcesCheck.verify(sources, sent.path("plumbline"), ledger, sentMs)
                : List.of();
        OptionsCheck.verify(sent, request, model.context());
        FormCheck.verify(sent, tools(), request.grammar());
        requireTime(request.time());
        String signed = request.withoutStop(answer.text());
        if (!isOf(signed, message, extension, "length".equals(finishReason))) {
            throw new VerificationException("TEXT", "The receipt is for another text than the one that came.", null);
        }
        requireFinish(request, answer, finishReason);
        if (!answered.add(receipt.requestHash(), System.nanoTime() / 1_000_000)) {
            throw new VerificationException(
                    "REQUEST", "The receipt is for an earlier request, whose answer has come already.", null);
        }
        return facts;
    }

    /** A template may show a model the date, and an old request's answer is old. */
    private void requireTime(long seconds) {
        long earliest = (sentMs - CLOCKS_MS) / 1000;
        long latest = (System.currentTimeMillis() + CLOCKS_MS) / 1000;
        if (seconds < earliest || seconds > latest) {
            throw new VerificationException(
                    "TIME",
                    "The receipt is for a request of " + seconds + " s since 1970, and this one was sent at "
                            + sentMs / 1000 + ". Where nothing else is wrong, see to this host's clock.",
                    null);
        }
    }

    /** An answer that was cut must not pass for a whole one. */
    private static void requireFinish(Request request, Answer answer, String finishReason) {
        int last = answer.tokens()[answer.tokens().length - 1];
        boolean hasEnded = request.stopsAt(last)
                || request.withoutStop(answer.text()).length() < answer.text().length();
        if (!hasEnded && !"length".equals(finishReason)) {
            throw new VerificationException(
                    "FINISH", "The answer was cut, and is shown as finished: " + finishReason + ".", null);
        }
    }

    /** Whether the message is what the signed text says. */
    private boolean isOf(String signed, JsonNode message, JsonNode extension, boolean isCut) {
        String content = message.path("content").asText("");
        String reasoning = message.path("reasoning_content").asText("");
        JsonNode calls = message.path("tool_calls");
        if (calls.isEmpty() && reasoning.isEmpty() && content.equals(signed)) {
            return true;
        }
        // A message that was read out of a text comes with the text.
        if (!extension.path("text").asText().equals(signed)) {
            return false;
        }
        return calls.isEmpty()
                ? SignedMessage.isOf(signed, reasoning, content, isCut)
                : areOffered(calls)
                        && SignedCalls.areIn(signed, calls, offered(), isCut)
                        && SignedMessage.isPartOf(signed, reasoning, calls.size())
                        && SignedMessage.isPartOf(signed, content, calls.size());
    }

    /** Whether each call is of a function that was sent: which of a text is one is the server's reading. */
    private boolean areOffered(JsonNode calls) {
        Set<String> offered = offered();
        for (JsonNode call : calls) {
            if (!offered.contains(call.path("function").path("name").asText())) {
                return false;
            }
        }
        return true;
    }

    private Set<String> offered() {
        Set<String> offered = new HashSet<>();
        tools().forEach(tool -> offered.add(tool.path("function").path("name").asText()));
        return offered;
    }

    /** The functions that the model was to be told; missing where a call was not wanted. */
    private JsonNode tools() {
        boolean isUnwanted = sent.path("tool_choice").asText().equals("none");
        return isUnwanted ? MissingNode.getInstance() : sent.path("tools");
    }

    private static byte[] bytes(JsonNode extension, String field) {
        return Base64.getDecoder().decode(extension.path(field).asText());
    }

    /**
     * The sources that a request has beside its messages. These are those that were sent, alone or with the tools
     * beside them.
     *
     * @return the facts and files; missing where there are none.
     */
    private JsonNode sources(String messages) {
        JsonNode told = json(messages);
        JsonNode tools = tools();
        boolean hasTools = !tools.isEmpty();
        boolean hasSources = SourcesCheck.isAsked(sent);
        boolean hasOptions = !sent.path("chat_template_kwargs").isEmpty()
                || sent.path("reasoning_effort").isTextual();
        if (!hasTools && !hasSources && !hasOptions) {
            if (!isSame(told, sent.path("messages"))) {
                throw others();
            }
            return MissingNode.getInstance();
        }
        boolean isSent = told.size() == 1 + (hasTools ? 1 : 0) + (hasSources ? 1 : 0) + (hasOptions ? 1 : 0)
                && isSame(told.path("messages"), sent.path("messages"))
                && (!hasTools || isSame(told.path("tools"), tools))
                && (!hasOptions || areOptions(told.path("template")));
        if (!isSent) {
            throw others();
        }
        return told.path("sources");
    }

    /** Whether a chat template was told what was sent: an effort by its name, or that there is to be no thinking. */
    private boolean areOptions(JsonNode told) {
        ObjectNode expected = HttpCalls.MAPPER.createObjectNode();
        if (sent.path("chat_template_kwargs") instanceof ObjectNode options) {
            expected.setAll(options);
        }
        String effort = sent.path("reasoning_effort").asText("");
        if (effort.equals("none") && told.has("enable_thinking") && !told.has("reasoning_effort")) {
            expected.put("enable_thinking", false);
        } else if (!effort.isEmpty()) {
            expected.put("reasoning_effort", effort);
        }
        return isSame(told, expected);
    }

    private static JsonNode json(String text) {
        try {
            return HttpCalls.MAPPER.readTree(text);
        } catch (JsonProcessingException e) {
            throw others();
        }
    }

    private static VerificationException others() {
        return new VerificationException(
                "MESSAGES", "The receipt is for other messages or tools than those that were sent.", null);
    }

    /** Whether two values are the same; 1 and 1.0 are. */
    private static boolean isSame(JsonNode one, JsonNode other) {
        return one.equals(
                (a, b) -> a.isNumber() && b.isNumber()
                        ? a.decimalValue().compareTo(b.decimalValue())
                        : a.equals(b) ? 0 : 1,
                other);
    }
}
