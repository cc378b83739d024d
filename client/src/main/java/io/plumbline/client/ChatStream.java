package io.plumbline.client;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.lightclient.CertifiedFeed;
import java.util.HexFormat;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;

/**
 * An answer as it comes, piece by piece; then {@link #answer()} has all of it with its receipt. Pieces are shown before
 * anything is signed; the server compares them with what is signed, and the stream fails where they differ.
 *
 * <p>Closing it before its end cancels the request: the node stops. One thread reads; any may close.
 */
public final class ChatStream implements Iterable<String>, Iterator<String>, AutoCloseable {
    private static final String DONE = "[DONE]";

    private final EventStream events;
    private final ReceiptTerms terms;
    private final SettlementWatch settlements;
    private final ContentCheck content;
    private final StreamedMessage message = new StreamedMessage();
    private JsonNode last = MissingNode.getInstance();
    private JsonNode extension = MissingNode.getInstance();
    private JsonNode usage = MissingNode.getInstance();
    private volatile Bytes32 requestHash;
    private String finishReason;
    private String piece;
    private ChatAnswer answer;

    /**
     * @param terms that its receipt is held to.
     * @param content compares the answer with what was signed; null where it is not compared.
     */
    ChatStream(EventStream events, ReceiptTerms terms, SettlementWatch settlements, ContentCheck content) {
        this.content = content;
        this.events = events;
        this.terms = terms;
        this.settlements = settlements;
    }

    /** This: the pieces can be read once. */
    @Override
    public Iterator<String> iterator() {
        return this;
    }

    /**
     * Waits for the next piece.
     *
     * @return false once the answer is whole.
     * @throws ApiException where the server ends it with an error.
     * @throws UnreachableException where it breaks off, or was closed.
     * @throws VerificationException where its receipt does not hold, or is for another text or request.
     */
    @Override
    public boolean hasNext() {
        while (piece == null && answer == null) {
            String data = events.next();
            if (data == null) {
                throw new UnreachableException("The answer ended before it was whole, or was closed.", null);
            }
            if (data.equals(DONE)) {
                answer = whole();
                close();
            } else {
                take(json(data));
            }
        }
        return piece != null;
    }

    /** The next piece of the text: whole characters, at least one. Throws as {@link #hasNext} does. */
    @Override
    public String next() {
        if (!hasNext()) {
            throw new NoSuchElementException("The answer is whole.");
        }
        String taken = piece;
        piece = null;
        return taken;
    }

    /** The whole answer, once it is there: reads what was not read yet. Throws as {@link #hasNext} does. */
    public ChatAnswer answer() {
        while (hasNext()) {
            piece = null;
        }
        return answer;
    }

    /**
     * 32 bytes that stand for the request, by the server's word: for asking what became of an answer that broke off.
     * Another node that begins anew has another request.
     *
     * @return null before the first event has come, which is before the first piece.
     */
    public Bytes32 requestHash() {
        return requestHash;
    }

    private JsonNode json(String data) {
        try {
            return HttpCalls.MAPPER.readTree(data);
        } catch (JacksonException e) {
            close();
            throw new UnreachableException("An event of the stream is no JSON: " + e.getMessage(), e);
        }
    }

    private void take(JsonNode event) {
        if (event.has("error")) {
            close();
            throw ApiException.of(200, event);
        }
        last = event;
        if (event.hasNonNull("usage")) {
            usage = event.get("usage");
        }
        JsonNode beside = event.path("plumbline");
        if (beside.path("request_hash").asText().matches("[0-9a-f]{64}")) {
            requestHash = Bytes32.of(
                    HexFormat.of().parseHex(beside.get("request_hash").asText()));
        }
        if (beside.has("receipt")) {
            extension = beside;
        }
        JsonNode choice = event.path("choices").path(0);
        if (choice.hasNonNull("finish_reason")) {
            finishReason = choice.get("finish_reason").asText();
        }
        String text = message.add(choice.path("delta"));
        piece = text.isEmpty() ? null : text;
    }

    private ChatAnswer whole() {
        AnswerReceipt receipt = AnswerReceipt.of(extension, terms, settlements);
        List<CertifiedFeed> facts = content == null
                ? List.of()
                : content.verify(extension, receipt.receipt(), message.json(), finishReason);
        return new ChatAnswer(
                last.path("id").asText(),
                last.path("model").asText(),
                message.json(),
                finishReason,
                Usage.of(usage),
                receipt,
                facts);
    }

    /** Cancels the request where it is not answered yet. */
    @Override
    public void close() {
        events.close();
    }
}
