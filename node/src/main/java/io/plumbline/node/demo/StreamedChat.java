package io.plumbline.node.demo;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;

/** Asks a gateway through its streaming API, as any client would. */
final class StreamedChat {
    private final ObjectMapper mapper = new ObjectMapper();
    private final HttpClient http = HttpClient.newHttpClient();
    private final URI gateway;

    StreamedChat(URI gateway) {
        this.gateway = gateway;
    }

    /**
     * Asks one question, of the likeliest tokens.
     *
     * @param plumbline what is said of how it is answered; null for nothing.
     * @param out shows the text as it comes; null where nobody reads it.
     * @return an object of {@code text} and {@code plumbline}.
     */
    ObjectNode ask(String prompt, int maxTokens, ObjectNode plumbline, PrintStream out)
            throws IOException, InterruptedException {
        ObjectNode body = mapper.createObjectNode()
                .put("stream", true)
                .put("temperature", 0)
                .put("max_tokens", maxTokens);
        body.putArray("messages").addObject().put("role", "user").put("content", prompt);
        if (plumbline != null) {
            body.set("plumbline", plumbline);
        }
        HttpRequest request = HttpRequest.newBuilder(gateway.resolve("/v1/chat/completions"))
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(body.toString()))
                .build();
        HttpResponse<InputStream> response = http.send(request, HttpResponse.BodyHandlers.ofInputStream());
        ObjectNode result = mapper.createObjectNode();
        StringBuilder text = new StringBuilder();
        try (BufferedReader in = new BufferedReader(new InputStreamReader(response.body(), StandardCharsets.UTF_8))) {
            if (response.statusCode() != 200) {
                throw new IOException(
                        mapper.readTree(in).path("error").path("message").asText());
            }
            for (String line = in.readLine(); line != null; line = in.readLine()) {
                if (!line.startsWith("data: {")) {
                    continue;
                }
                JsonNode event = mapper.readTree(line.substring("data: ".length()));
                String piece = event.path("choices")
                        .path(0)
                        .path("delta")
                        .path("content")
                        .asText("");
                text.append(piece);
                if (out != null) {
                    out.print(piece);
                    out.flush();
                }
                if (event.has("plumbline")) {
                    result.set("plumbline", event.get("plumbline"));
                }
            }
        }
        if (out != null) {
            out.println();
        }
        return result.put("text", text.toString());
    }
}
