package io.plumbline.client;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandler;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.HttpResponse.BodySubscribers;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Calls of the API over HTTP: bounded in time and bytes, and tried again where the server is busy. For any number of
 * threads.
 */
final class HttpCalls implements AutoCloseable {
    static final ObjectMapper MAPPER = new ObjectMapper();

    /** Of a refusal; more of it is not read. */
    private static final int MAX_ERROR_BYTES = 1 << 20;

    private static final int OK = 200;
    private static final int PAYMENT_REQUIRED = 402;
    private static final int TOO_MANY_REQUESTS = 429;
    private static final int UNAVAILABLE = 503;

    private final HttpClient http;
    private final boolean isOwn;
    private final String base;
    private final Settings settings;

    /**
     * The bounds of a call.
     *
     * @param apiKey sent as a bearer token; null for none.
     * @param timeout of a whole answer, of a stream's beginning, and of each pause in it.
     * @param maxBytes of a whole answer, and of a whole stream.
     * @param retries after the first try.
     * @param longestWait for a busy server, before one try.
     * @param payer pays for calls that are refused with 402; null where none does.
     */
    record Settings(
            String apiKey, Duration timeout, long maxBytes, int retries, Duration longestWait, CallPayer payer) {}

    /**
     * @param given not closed with this; null for one of its own.
     * @param base the API's URL without a slash at its end.
     */
    HttpCalls(HttpClient given, String base, Settings settings) {
        this.isOwn = given == null;
        this.http = isOwn
                ? HttpClient.newBuilder()
                        .version(HttpClient.Version.HTTP_1_1)
                        .connectTimeout(settings.timeout())
                        .build()
                : given;
        this.base = base;
        this.settings = settings;
    }

    /** A response: its bytes, or a stream of events where that was asked for and the status is 200. */
    private record Body(byte[] bytes, EventStream events) {}

    /** Posts JSON; its answer. */
    JsonNode post(String path, ObjectNode json) {
        return json(
                path,
                call(post(path, json.toString()), bytes(settings.maxBytes())).bytes());
    }

    /** Posts JSON; a stream of events, which the caller closes. */
    EventStream stream(String path, ObjectNode json) {
        EventStream events = new EventStream(settings.timeout(), settings.maxBytes());
        BodyHandler<Body> handler = head -> head.statusCode() == OK
                ? BodySubscribers.mapping(events, self -> new Body(null, self))
                : bytes(MAX_ERROR_BYTES).apply(head);
        return call(post(path, json.toString()), handler).events();
    }

    /** Bytes at a path, at most so many. */
    byte[] get(String path, int maxBytes) {
        return call(request(path).GET(), bytes(maxBytes)).bytes();
    }

    private HttpRequest.Builder post(String path, String body) {
        return request(path)
                .header("Content-Type", "application/json")
                .POST(BodyPublishers.ofString(body, StandardCharsets.UTF_8));
    }

    private HttpRequest.Builder request(String path) {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(base + path));
        if (settings.apiKey() != null) {
            request.header("Authorization", "Bearer " + settings.apiKey());
        }
        return request;
    }

    private static BodyHandler<Body> bytes(long most) {
        return head -> BodySubscribers.mapping(
                BodyHandlers.limiting(BodyHandlers.ofByteArray(), most).apply(head), bytes -> new Body(bytes, null));
    }

    /** Sends, and again where the server is busy and says so in time. */
    private Body call(HttpRequest.Builder builder, BodyHandler<Body> handler) {
        HttpRequest request = builder.build();
        boolean isPaid = false;
        for (int tries = 0; ; tries++) {
            HttpResponse<Body> response = send(request, handler);
            int status = response.statusCode();
            if (status == OK) {
                return response.body();
            }
            if (status == PAYMENT_REQUIRED && settings.payer() != null && !isPaid) {
                String payment = payment(response.body().bytes());
                if (payment != null) {
                    // The header may be sent again where the server is busy: it pays once.
                    isPaid = true;
                    request = builder.setHeader(CallPayer.HEADER, payment).build();
                    continue;
                }
            }
            boolean isBusy = status == TOO_MANY_REQUESTS || status == UNAVAILABLE;
            String retryAfter = response.headers().firstValue("Retry-After").orElse(null);
            Duration wait = RetryDelay.of(retryAfter, tries, Clock.systemUTC());
            if (!isBusy || tries == settings.retries() || wait.compareTo(settings.longestWait()) > 0) {
                throw ApiException.of(status, errorOf(response.body().bytes()));
            }
            sleep(wait);
        }
    }

    /** The header that pays for a call; null where it is not paid. */
    private String payment(byte[] refusal) {
        JsonNode json = errorOf(refusal);
        if (!json.has("accepts")) {
            return null;
        }
        String path = "/accounts/" + settings.payer().key();
        long credit = json(path, get(path, MAX_ERROR_BYTES)).path("credit").asLong();
        return settings.payer().pay(json, credit);
    }

    private HttpResponse<Body> send(HttpRequest request, BodyHandler<Body> handler) {
        CompletableFuture<HttpResponse<Body>> sent = http.sendAsync(request, handler);
        try {
            return sent.get(settings.timeout().toNanos(), TimeUnit.NANOSECONDS);
        } catch (TimeoutException e) {
            // Ends the exchange, and closes its connection.
            sent.cancel(true);
            throw new UnreachableException(request.uri() + " gave no answer within " + settings.timeout() + ".", e);
        } catch (InterruptedException e) {
            sent.cancel(true);
            throw interrupted(e);
        } catch (ExecutionException e) {
            Throwable why = e.getCause();
            throw new UnreachableException(request.uri() + " gave no whole answer: " + why, why);
        }
    }

    /**
     * Waits.
     *
     * @throws UnreachableException where the thread is interrupted; it stays so.
     */
    static void sleep(Duration wait) {
        try {
            Thread.sleep(wait);
        } catch (InterruptedException e) {
            throw interrupted(e);
        }
    }

    static UnreachableException interrupted(InterruptedException e) {
        Thread.currentThread().interrupt();
        return new UnreachableException("Interrupted while waiting for the server.", e);
    }

    private JsonNode json(String path, byte[] bytes) {
        try {
            return MAPPER.readTree(bytes);
        } catch (IOException e) {
            throw new UnreachableException(base + path + " said what is no JSON: " + e.getMessage(), e);
        }
    }

    /** An error's JSON; what is none, a proxy's page for one, is left out. */
    private static JsonNode errorOf(byte[] bytes) {
        try {
            return MAPPER.readTree(bytes);
        } catch (IOException e) {
            return MissingNode.getInstance();
        }
    }

    /** Ends what is under way. */
    @Override
    public void close() {
        if (isOwn) {
            http.shutdownNow();
        }
    }
}
