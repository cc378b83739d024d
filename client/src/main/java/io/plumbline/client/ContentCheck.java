package io.plumbline.client;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.verifier.audit.Failure;
import io.plumbline.verifier.audit.ReceiptCheck;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.receipt.Answer;
import io.plumbline.verifier.receipt.Receipt;
import io.plumbline.verifier.receipt.Request;
import java.util.Base64;

/**
 * Whether an answer is the one that its receipt is for, and the request the one that was sent: by the bytes of both,
 * which the server discloses and the receipt's hashes cover. What ties messages to prompt tokens, and tokens to text,
 * takes the model's tokenizer: auditors have it.
 */
final class ContentCheck {
    /** The field of a request by which the bytes are asked for. */
    static final String FIELD = "disclose";

    private ContentCheck() {}

    /**
     * Checks one answer.
     *
     * @param extension the answer's field {@code plumbline}.
     * @param sent the request's body.
     * @param message as the client is shown it.
     * @throws VerificationException named {@code MALFORMED}, by {@link ReceiptCheck}, {@code MESSAGES} or {@code TEXT}.
     */
    static void verify(JsonNode extension, Receipt receipt, ObjectNode sent, JsonNode message) {
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
        if (!isConversation(request.messages(), sent)) {
            throw new VerificationException(
                    "MESSAGES", "The receipt is for other messages or tools than those that were sent.", null);
        }
        String signed = request.withoutStop(answer.text());
        // Calls of tools are the server's reading of the text: it tells the text beside them.
        String shown = message.path("tool_calls").isEmpty()
                ? message.path("content").asText("")
                : extension.path("text").asText();
        if (!shown.equals(signed)) {
            throw new VerificationException("TEXT", "The receipt is for another text than the one that came.", null);
        }
    }

    private static byte[] bytes(JsonNode extension, String field) {
        return Base64.getDecoder().decode(extension.path(field).asText());
    }

    /** Whether a request's messages are those that were sent: alone, or with the tools beside them. */
    private static boolean isConversation(String messages, ObjectNode sent) {
        try {
            JsonNode told = HttpCalls.MAPPER.readTree(messages);
            JsonNode tools = sent.path("tools");
            boolean hasTools =
                    !tools.isEmpty() && !sent.path("tool_choice").asText().equals("none");
            return hasTools
                    ? told.size() == 2
                            && isSame(told.path("messages"), sent.path("messages"))
                            && isSame(told.path("tools"), tools)
                    : isSame(told, sent.path("messages"));
        } catch (JsonProcessingException e) {
            return false;
        }
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
