package io.plumbline.node;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.plumbline.inference.model.ModelImport;
import io.plumbline.ledger.state.Case;
import java.io.IOException;
import java.io.PrintStream;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A network of processes under load, of which one after the other is killed as it stands and comes back: what was
 * answered is paid for.
 */
class KillRoundsTest {
    private static final Path MODEL = Path.of("../models/plumbline-stories-2m");

    /** A full node that is back audits again within this, on a machine that has more to do than it can. */
    private static final long AT_ONCE_MS = 15_000;

    @TempDir
    private Path folder;

    private final ObjectMapper mapper = new ObjectMapper();
    private final HttpClient http = HttpClient.newHttpClient();
    private final ConcurrentLinkedQueue<String> answered = new ConcurrentLinkedQueue<>();
    private volatile boolean isOver;

    @Test
    void whatWasAnsweredIsPaidForWhoeverIsKilled() throws Exception {
        assumeTrue(
                !System.getProperty("plumbline.faults", "true").equals("false"),
                "Faults were not tried: -Dplumbline.faults=false said so.");
        Path imported = folder.resolve("model");
        ModelImport.run(MODEL, imported, share -> {});
        Random random = new Random(17);
        try (DemoNetwork network = new DemoNetwork(new PrintStream(PrintStream.nullOutputStream()), false)) {
            network.start(imported, null);
            List<Thread> load = new ArrayList<>();
            for (int i = 0; i < 2; i++) {
                load.add(Thread.startVirtualThread(() -> load(network)));
            }
            List<Child> fullNodes = new ArrayList<>(network.fullNodes());
            try {
                for (int round = 0; round < 5; round++) {
                    Thread.sleep(1_000 + random.nextInt(1_000));
                    if (round == 2) {
                        network.restartHonestNode();
                        continue;
                    }
                    int one = random.nextInt(fullNodes.size());
                    long begin = System.nanoTime();
                    Child again = fullNodes.get(one).again();
                    fullNodes.set(one, again);
                    network.adopt(again);
                    again.await("ready", event -> true, DemoNetwork.START_MS);
                    long ready = System.nanoTime();
                    // It is at what is answered from now on, not at what others have judged while it was away.
                    Set<String> earlier = Set.copyOf(answered);
                    again.await(
                            "audited",
                            event -> {
                                String request = event.path("request").asText();
                                return answered.contains(request) && !earlier.contains(request);
                            },
                            AT_ONCE_MS);
                    System.out.println("round " + round + ": full node " + one + " ready after "
                            + TimeUnit.NANOSECONDS.toMillis(ready - begin) + " ms, audited after "
                            + TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begin) + " ms");
                }
            } finally {
                isOver = true;
            }
            for (Thread thread : load) {
                thread.join();
            }
            Map<String, Integer> statuses = new TreeMap<>();
            for (String request : answered) {
                statuses.merge(settled(network, request), 1, Integer::sum);
            }
            System.out.println("answered and settled: " + statuses);
            assertTrue(answered.size() > 20, answered.size() + " answers");
            assertEquals(Map.of(Case.Status.SETTLED.name(), answered.size()), statuses);
        }
    }

    private void load(DemoNetwork network) {
        while (!isOver) {
            try {
                String body = "{\"messages\":[{\"role\":\"user\",\"content\":\"Tell me of a fox.\"}],\"max_tokens\":3,"
                        + "\"plumbline\":{\"level\":\"AUDITED\"}}";
                HttpResponse<String> response = http.send(
                        HttpRequest.newBuilder(network.gateway().resolve("/v1/chat/completions"))
                                .POST(HttpRequest.BodyPublishers.ofString(body))
                                .build(),
                        HttpResponse.BodyHandlers.ofString());
                String request = mapper.readTree(response.body())
                        .path("plumbline")
                        .path("request_hash")
                        .asText();
                if (!request.isEmpty()) {
                    answered.add(request);
                }
                Thread.sleep(150);
            } catch (IOException e) {
                // The node was killed in the midst of it.
            } catch (InterruptedException e) {
                return;
            }
        }
    }

    private static String settled(DemoNetwork network, String request) throws Exception {
        long end = System.currentTimeMillis() + 180_000;
        String status = "";
        while (System.currentTimeMillis() < end && !status.matches("SETTLED|REFUNDED|SLASHED")) {
            JsonNode found = network.get("/v1/receipts/" + request);
            status = found.path("status").asText();
            Thread.sleep(20);
        }
        return status;
    }
}
