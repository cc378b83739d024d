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
 * @param messages as sent: a list, or an object of "messages" with "tools" and, where the request named facts or files,
 *     "plumbline" beside it; null where they are not compared.
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
        String ofMessages = messages == null ? null : difference(request);
        if (ofMessages != null) {
            return ofMessages;
        }
        String text = request.withoutStop(signed.text());
        // Shells and editors end a file with a line break that no model has written.
        if (answer != null && !answer.equals(text) && !answer.equals(text + "\n")) {
            return "the audited answer is another text than the one you hold: " + shortened(text);
        }
        return null;
    }

    /** A gateway adds facts and files, and they prove themselves; that they were asked for does not follow. */
    private String difference(Request request) throws IOException {
        JsonNode signed = Http.MAPPER.readTree(request.messages());
        if (!without(messages, "plumbline").equals(without(signed, "sources"))) {
            return "the receipt is for other messages than those you sent: " + shortened(request.messages());
        }
        JsonNode told = signed.path("sources");
        if (SourceNames.of(messages.path("plumbline")).equals(SourceNames.of(told))) {
            return null;
        }
        return told.isMissingNode()
                ? "the model was not told the facts and files that you name"
                : "the model was told other facts and files than the \"plumbline\" beside your messages names: "
                        + shortened(told.toString());
    }

    /** Messages alone are a list. */
    private static JsonNode without(JsonNode json, String field) {
        if (!json.has(field)) {
            return json;
        }
        ObjectNode rest = ((ObjectNode) json).deepCopy();
        rest.remove(field);
        return rest.size() == 1 ? rest.path("messages") : rest;
    }

    private static String shortened(String text) {
        return "\"" + (text.length() > 200 ? text.substring(0, 200) + "…" : text) + "\"";
    }
}
