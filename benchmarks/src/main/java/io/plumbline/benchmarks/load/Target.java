package io.plumbline.benchmarks.load;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** An OpenAI-compatible endpoint under load. */
final class Target implements AutoCloseable {
    /** More of a refusal is not read. */
    private static final int MAX_ERROR_BYTES = 64 << 10;

    private static final int MAX_REASON = 300;

    private static final int MAX_JSON_BYTES = 64 << 20;

    private final ObjectMapper mapper = new ObjectMapper();
    private final HttpClient http = HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(Duration.ofSeconds(10))
            .build();
    private final URI base;
    private final String apiKey;
    private final Duration timeout;

    /**
     * @param url of the API, its /v1 included.
     * @param apiKey null where none is needed.
     * @param timeout of each whole exchange.
     */
    Target(String url, String apiKey, Duration timeout) throws IOException {
        try {
            this.base = URI.create(url.replaceAll("/+$", "") + "/");
        } catch (IllegalArgumentException e) {
            throw new IOException("--url " + url + " is no URL: write http://localhost:8080/v1.", e);
        }
        if (base.getHost() == null || !("http".equals(base.getScheme()) || "https".equals(base.getScheme()))) {
            throw new IOException("--url " + url + " is no URL of http or https: write http://localhost:8080/v1.");
        }
        this.apiKey = apiKey;
        this.timeout = timeout;
    }

    Duration timeout() {
        return timeout;
    }

    private HttpRequest.Builder request(String path) {
        HttpRequest.Builder request = HttpRequest.newBuilder(base.resolve(path)).timeout(timeout);
        if (apiKey != null && !apiKey.isEmpty()) {
            request.header("Authorization", "Bearer " + apiKey);
        }
        return request;
    }

    /** Sends a request whose answer is read as it comes. The caller closes it. */
    HttpResponse<InputStream> post(String path, String body) throws IOException, InterruptedException {
        return http.send(
                request(path)
                        .header("Content-Type", "application/json")
                        .POST(HttpRequest.BodyPublishers.ofString(body))
                        .build(),
                HttpResponse.BodyHandlers.ofInputStream());
    }

    /** The JSON at a path; a missing node where the endpoint has none there. */
    JsonNode get(String path) throws IOException, InterruptedException {
        HttpResponse<byte[]> response = whole(path);
        return response.statusCode() == 200 ? mapper.readTree(response.body()) : mapper.missingNode();
    }

    /** A whole answer within the time that an exchange may take. */
    private HttpResponse<byte[]> whole(String path) throws IOException, InterruptedException {
        CompletableFuture<HttpResponse<byte[]>> answer = http.sendAsync(
                request(path).GET().build(),
                HttpResponse.BodyHandlers.limiting(HttpResponse.BodyHandlers.ofByteArray(), MAX_JSON_BYTES));
        try {
            return answer.get(timeout.toMillis(), TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            answer.cancel(true);
            throw new IOException("no answer within " + timeout.toSeconds() + " s", e);
        } catch (ExecutionException e) {
            throw e.getCause() instanceof IOException why ? why : new IOException(e.getCause());
        }
    }

    /**
     * The model that requests go to: {@code wanted}, or the first that the endpoint lists.
     *
     * @throws IOException in words for the operator, where the endpoint cannot be used.
     */
    String model(String wanted) throws IOException, InterruptedException {
        HttpResponse<byte[]> response;
        try {
            response = whole("models");
        } catch (IOException e) {
            throw new IOException(
                    base + " cannot be reached" + (e.getMessage() == null ? "" : " (" + e.getMessage() + ")")
                            + ". Start an endpoint with ./plumbline serve MODEL, or name another by --url.",
                    e);
        }
        if (response.statusCode() == 401) {
            throw new IOException(base + " answered 401: " + reason(response.body())
                    + " Name a key by --api-key or by the variable OPENAI_API_KEY.");
        }
        if (wanted != null) {
            return wanted;
        }
        String first = response.statusCode() != 200
                ? ""
                : mapper.readTree(response.body())
                        .path("data")
                        .path(0)
                        .path("id")
                        .asText();
        if (first.isEmpty()) {
            throw new IOException(base + "models answered " + response.statusCode()
                    + " and names no model: name one by --model, and look at --url, which ends in /v1.");
        }
        return first;
    }

    /** Why the endpoint refused a request, as far as it says. */
    String reason(InputStream in) throws IOException {
        return reason(in.readNBytes(MAX_ERROR_BYTES));
    }

    /** In the endpoint's own words; its first line where it is no JSON of an error. */
    private String reason(byte[] body) {
        String said = new String(body, StandardCharsets.UTF_8).strip();
        try {
            String message = mapper.readTree(said).path("error").path("message").asText();
            if (!message.isEmpty()) {
                return shortened(message);
            }
        } catch (IOException e) {
            // It is shown as it is.
        }
        return shortened(said.lines().findFirst().orElse("it says nothing"));
    }

    /** As much of a reason as fits into a line. */
    static String shortened(String text) {
        return text.length() <= MAX_REASON ? text : text.substring(0, MAX_REASON) + "...";
    }

    @Override
    public void close() {
        http.shutdownNow();
    }
}
