package io.plumbline.node.serve;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.plumbline.inference.language.importer.ModelStore;
import io.plumbline.inference.language.importer.WeightBits;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.node.gateway.ApiServer;
import io.plumbline.node.gateway.FileSources;
import io.plumbline.node.http.Origins;
import io.plumbline.node.inference.ComputeBackend;
import io.plumbline.node.inference.LanguageEngine;
import io.plumbline.node.network.Events;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Receipt;
import java.io.IOException;
import java.io.PrintStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Two language models in one process. */
@Timeout(120)
class SeveralModelsTest {
    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final KeyPair KEYS = KeyPair.random();
    private static final Path SHIPPED = Path.of("../models/plumbline-stories-2m");

    @TempDir
    Path folder;

    private final Map<String, Path> folders = new LinkedHashMap<>();
    private final Map<String, LanguageEngine> engines = new LinkedHashMap<>();
    private final HttpClient http = HttpClient.newHttpClient();
    private LocalServer server;

    @BeforeEach
    void start() throws IOException {
        folders.put("eight", imported(WeightBits.INT8));
        folders.put("four", imported(WeightBits.INT4));
        for (Map.Entry<String, Path> named : folders.entrySet()) {
            engines.put(
                    named.getKey(),
                    new LanguageEngine(
                            named.getValue(),
                            ComputeBackend.Choice.cpu(1, 0).sharedBy(2),
                            LoadedModel::layers,
                            KEYS,
                            0,
                            null,
                            new Events(new PrintStream(PrintStream.nullOutputStream()))));
        }
        server = LocalServer.launch(
                new LocalModels(folders, engines, List.of()),
                KEYS,
                new ReceiptLog(folder.resolve("log")),
                new FileSources(List.of()),
                new ApiServer.Place("localhost", 0, Origins.LOCAL),
                Throwable::printStackTrace);
    }

    private Path imported(WeightBits bits) throws IOException {
        return new ModelStore(folder.resolve("models"), bits).find(SHIPPED, share -> {}, note -> {});
    }

    @AfterEach
    void stop() {
        server.close();
        http.close();
    }

    private CompletableFuture<JsonNode> ask(String model) {
        HttpRequest request = HttpRequest.newBuilder(
                        URI.create("http://localhost:" + server.port() + "/v1/chat/completions"))
                .POST(HttpRequest.BodyPublishers.ofString("{\"model\":\"" + model + "\",\"max_tokens\":24,"
                        + "\"temperature\":0,\"messages\":[{\"role\":\"user\",\"content\":\"Tell me a story.\"}]}"))
                .build();
        return http.sendAsync(request, HttpResponse.BodyHandlers.ofString()).thenApply(response -> {
            try {
                return MAPPER.readTree(response.body());
            } catch (IOException e) {
                throw new java.io.UncheckedIOException(e);
            }
        });
    }

    @Test
    void eachAnswersByItsNameSideBySideAndSignsForItself() throws Exception {
        Map<String, List<CompletableFuture<JsonNode>>> asked = new LinkedHashMap<>();
        for (int i = 0; i < 4; i++) {
            for (String name : folders.keySet()) {
                asked.computeIfAbsent(name, any -> new ArrayList<>()).add(ask(name));
            }
        }
        for (String name : folders.keySet()) {
            String text = null;
            for (CompletableFuture<JsonNode> one : asked.get(name)) {
                JsonNode answer = one.get();
                assertEquals(name, answer.path("model").asText(), answer.toString());
                Receipt receipt = Receipt.decode(HexFormat.of()
                        .parseHex(answer.path("plumbline").path("receipt").asText()));
                assertTrue(receipt.signatureHolds());
                assertEquals(engines.get(name).model().id(), receipt.modelId());
                String said = answer.at("/choices/0/message/content").asText();
                assertEquals(text == null ? said : text, said);
                text = said;
            }
        }
        assertNotEquals(
                engines.get("eight").model().id(), engines.get("four").model().id());
        assertTrue(ask("five").get().at("/error/message").asText().contains("five"));
    }

    @Test
    void theirMetricsAreToldApart() {
        SimpleMeterRegistry registry = new SimpleMeterRegistry();
        server.bindTo(registry);
        for (LanguageEngine engine : engines.values()) {
            String id = engine.model().id().toString();
            assertTrue(registry.get("plumbline.kv.pages.capacity")
                            .tag("model", id)
                            .gauge()
                            .value()
                    > 0);
        }
    }
}
