package io.plumbline.node.demo;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/**
 * Clients that ask a gateway without a pause: streamed and whole answers, at every level, some of whose clients go
 * away in the midst of them.
 */
final class SoakClients {
    private static final List<String> LEVELS = List.of("AUDITED", "AUDITED", "AUDITED", "AUDITED", "FULL", "SIGNED");
    private static final List<String> PROMPTS = List.of(
            "Tell me of a fox.",
            "What does the owl say to the mouse at night?",
            "A story about a lantern, please.",
            "Who lives on the hill?");

    /** Of so many clients that stream one goes away before the end. */
    private static final int GOES_AWAY_ONE_IN = 25;

    private static final int MAX_TOKENS = 12;

    /** Before a client whose request failed asks again. */
    private static final long PAUSE_MS = 200;

    private final ObjectMapper mapper = new ObjectMapper();
    private final HttpClient http = HttpClient.newHttpClient();
    private final Supplier<URI> gateway;
    private final BooleanSupplier isFaulty;
    private final List<Thread> threads = new ArrayList<>();
    private final Queue<String> unsettled = new ConcurrentLinkedQueue<>();
    private final AtomicLong answered = new AtomicLong();
    private final AtomicLong busy = new AtomicLong();
    private final AtomicLong gone = new AtomicLong();
    private final AtomicLong failedInFaults = new AtomicLong();
    private final Map<String, Long> failed = new TreeMap<>();
    private volatile boolean isOver;

    /**
     * @param gateway where it is now.
     * @param isFaulty whether a process was killed just now, so that requests may fail.
     */
    SoakClients(int clients, long seed, Supplier<URI> gateway, BooleanSupplier isFaulty) {
        this.gateway = gateway;
        this.isFaulty = isFaulty;
        for (int i = 0; i < clients; i++) {
            Random random = new Random(seed + i);
            threads.add(Thread.startVirtualThread(() -> ask(random)));
        }
    }

    /** Hashes of requests whose answers clients have whole; taken out as they are found settled. */
    Queue<String> unsettled() {
        return unsettled;
    }

    long answered() {
        return answered.get();
    }

    /** Requests refused because there was too much to do. */
    long busy() {
        return busy.get();
    }

    /** Answers whose clients went away. */
    long gone() {
        return gone.get();
    }

    long failedInFaults() {
        return failedInFaults.get();
    }

    /** Requests that failed while nothing was killed, by reason. */
    Map<String, Long> failed() {
        synchronized (failed) {
            return new TreeMap<>(failed);
        }
    }

    private void ask(Random random) {
        while (!isOver) {
            boolean mayFail = isFaulty.getAsBoolean();
            try {
                askOnce(random);
            } catch (IOException e) {
                if (mayFail || isFaulty.getAsBoolean()) {
                    failedInFaults.incrementAndGet();
                } else if (!isOver) {
                    synchronized (failed) {
                        failed.merge(String.valueOf(e.getMessage()), 1L, Long::sum);
                    }
                }
                if (pause()) {
                    return;
                }
            } catch (InterruptedException e) {
                return;
            }
        }
    }

    private static boolean pause() {
        try {
            Thread.sleep(PAUSE_MS);
            return false;
        } catch (InterruptedException e) {
            return true;
        }
    }

    private void askOnce(Random random) throws IOException, InterruptedException {
        boolean isStreamed = random.nextInt(3) == 0;
        boolean goesAway = isStreamed && random.nextInt(GOES_AWAY_ONE_IN) == 0;
        ObjectNode body = mapper.createObjectNode();
        body.putArray("messages")
                .addObject()
                .put("role", "user")
                .put("content", PROMPTS.get(random.nextInt(PROMPTS.size())));
        body.put("max_tokens", 1 + random.nextInt(MAX_TOKENS)).put("stream", isStreamed);
        body.putObject("plumbline").put("level", LEVELS.get(random.nextInt(LEVELS.size())));
        HttpResponse<InputStream> response = http.send(
                HttpRequest.newBuilder(gateway.get().resolve("/v1/chat/completions"))
                        .header("Content-Type", "application/json")
                        .timeout(Duration.ofMinutes(2))
                        .POST(HttpRequest.BodyPublishers.ofString(body.toString()))
                        .build(),
                HttpResponse.BodyHandlers.ofInputStream());
        try (InputStream in = response.body()) {
            if (response.statusCode() == 429 || response.statusCode() == 503) {
                busy.incrementAndGet();
                Thread.sleep(PAUSE_MS);
            } else if (response.statusCode() != 200) {
                throw new IOException("status " + response.statusCode() + ": "
                        + new String(in.readAllBytes(), StandardCharsets.UTF_8));
            } else if (isStreamed) {
                if (stream(in, goesAway)) {
                    Thread.sleep(PAUSE_MS);
                }
            } else {
                whole(mapper.readTree(in).path("plumbline").path("request_hash").asText());
            }
        }
    }

    private void whole(String request) throws IOException {
        if (request.isEmpty()) {
            throw new IOException("an answer without a request's hash");
        }
        answered.incrementAndGet();
        unsettled.add(request);
    }

    /** @return whether there was too much to do. */
    private boolean stream(InputStream in, boolean goesAway) throws IOException {
        BufferedReader lines = new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8));
        String request = "";
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            if (line.equals("data: [DONE]")) {
                whole(request);
                return false;
            }
            if (line.startsWith("data: ")) {
                JsonNode event = mapper.readTree(line.substring(6));
                if (event.path("error").path("code").asText().equals("overloaded")) {
                    busy.incrementAndGet();
                    return true;
                }
                if (event.has("error")) {
                    throw new IOException(event.path("error").path("message").asText());
                }
                request = event.path("plumbline").path("request_hash").asText(request);
                if (goesAway) {
                    gone.incrementAndGet();
                    return false;
                }
            }
        }
        throw new IOException("a stream ended before its end");
    }

    /** Lets each finish what it asks. */
    void finish() throws InterruptedException {
        isOver = true;
        for (Thread thread : threads) {
            thread.join();
        }
    }
}
