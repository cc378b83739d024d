package io.plumbline.node.gateway;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.verifier.receipt.Answer;
import io.plumbline.verifier.receipt.Request;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * What a client holds of an answer, to be compared with what stands behind its receipt: an audit proves the answer
 * that the node signed, and a client must know that this is the one it has read.
 *
 * @param answer the text as read; null where it is not compared.
 * @param messages as sent; null where they are not compared.
 */
public record HeldTexts(String answer, JsonNode messages) {
    /**
     * Reads what the client names.
     *
     * @param answerFile a path, "-" for standard input, or null.
     * @param messagesFile null for none.
     */
    public static HeldTexts read(String answerFile, Path messagesFile) throws IOException {
        String answer = null;
        if (answerFile != null) {
            byte[] bytes = answerFile.equals("-") ? System.in.readAllBytes() : Files.readAllBytes(Path.of(answerFile));
            answer = new String(bytes, StandardCharsets.UTF_8);
        }
        if (messagesFile == null) {
            return new HeldTexts(answer, null);
        }
        try {
            return new HeldTexts(answer, Http.MAPPER.readTree(Files.readAllBytes(messagesFile)));
        } catch (JacksonException e) {
            throw new IOException(messagesFile + " is not JSON: " + e.getOriginalMessage(), e);
        }
    }

    /** How these differ from the request and answer behind a receipt, for a person; null where they do not. */
    public String difference(Request request, Answer signed) throws IOException {
        if (messages != null && !messages.equals(sent(request))) {
            return "the receipt is for other messages than those you sent: " + shortened(request.messages());
        }
        String text = request.withoutStop(signed.text());
        // Shells and editors end a file with a line break that no model has written.
        if (answer != null && !answer.equals(text) && !answer.equals(text + "\n")) {
            return "the audited answer is another text than the one you hold: " + shortened(text);
        }
        return null;
    }

    /** Messages as a client sends them: facts and files are the gateway's to add, and prove themselves. */
    private static JsonNode sent(Request request) throws IOException {
        JsonNode all = Http.MAPPER.readTree(request.messages());
        if (!(all instanceof ObjectNode object) || !object.has("sources")) {
            return all;
        }
        object.remove("sources");
        return object.size() == 1 ? object.path("messages") : object;
    }

    private static String shortened(String text) {
        return "\"" + (text.length() > 200 ? text.substring(0, 200) + "…" : text) + "\"";
    }
}
