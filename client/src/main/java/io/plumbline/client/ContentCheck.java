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
 * Whether an answer is the one that its receipt is for, and the request the one that was sent: by the bytes of both,
 * which the server discloses and the receipt's hashes cover. What ties messages to prompt tokens, and tokens to text,
 * takes the model's tokenizer: auditors have it.
 */
final class ContentCheck {
    /** The field of a request by which the bytes are asked for. */
    static final String FIELD = "disclose";

    private final ObjectNode sent;
    private final TrustedLedger ledger;
    private final long sentMs = System.currentTimeMillis();

    /**
     * Made when a request is sent: facts must be fresh then.
     *
     * @param sent the request's body.
     * @param ledger that facts are proven by; null where none is known.
     */
    ContentCheck(ObjectNode sent, TrustedLedger ledger) {
        this.sent = sent;
        this.ledger = ledger;
    }

    /**
     * Checks one answer.
     *
     * @param extension the answer's field {@code plumbline}.
     * @param message as the client is shown it.
     * @return facts that the model was told, as far as they are proven here.
     * @throws VerificationException named {@code MALFORMED}, by {@link ReceiptCheck}, {@code MESSAGES}, {@code SOURCES}
     *     or {@code TEXT}.
     */
    List<CertifiedFeed> verify(JsonNode extension, Receipt receipt, JsonNode message) {
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
        JsonNode sources = sources(request.messages());
        List<CertifiedFeed> facts = SourcesCheck.isAsked(sent)
                ? SourcesCheck.verify(sources, sent.path("plumbline"), ledger, sentMs)
                : List.of();
        String signed = request.withoutStop(answer.text());
        if (!isOf(signed, message, extension)) {
            throw new VerificationException("TEXT", "The receipt is for another text than the one that came.", null);
        }
        return facts;
    }

    /** Whether the message is what the signed text says. */
    private boolean isOf(String signed, JsonNode message, JsonNode extension) {
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
                ? SignedMessage.isOf(signed, reasoning, content)
                : areOffered(calls)
                        && SignedMessage.isPartOf(signed, reasoning, calls.size())
                        && SignedMessage.isPartOf(signed, content, calls.size());
    }

    /** Whether each call is of a function that was sent: which of a text is one is the server's reading. */
    private boolean areOffered(JsonNode calls) {
        Set<String> offered = new HashSet<>();
        tools().forEach(tool -> offered.add(tool.path("function").path("name").asText()));
        for (JsonNode call : calls) {
            if (!offered.contains(call.path("function").path("name").asText())) {
                return false;
            }
        }
        return true;
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
        JsonNode told;
        try {
            told = HttpCalls.MAPPER.readTree(messages);
        } catch (JsonProcessingException e) {
            throw others();
        }
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
