package io.plumbline.node.demo;

import com.beust.jcommander.Parameters;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.plumbline.inference.language.importer.ModelImport;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.ledger.state.Genesis;
import io.plumbline.ledger.state.Genesis.Deposit;
import io.plumbline.node.cli.CommandOptions;
import io.plumbline.node.full.FullNode;
import io.plumbline.node.gateway.Gateway;
import io.plumbline.node.gateway.Terms;
import io.plumbline.node.http.Origins;
import io.plumbline.node.inference.ComputeBackend;
import io.plumbline.node.inference.InferenceNode;
import io.plumbline.node.network.Events;
import io.plumbline.node.network.Network;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.platform.Directories;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.io.PrintStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;

/**
 * All roles in this one process, with a single full node: one question asked, answered, audited and settled. It shows
 * in seconds whether Plumbline works on a host; the launcher also records it once, so that later starts load and
 * compile faster.
 */
@Parameters(commandNames = "self-test", commandDescription = "Run every role in one process and settle one answer.")
public final class SelfTest extends CommandOptions implements Callable<Integer> {
    private static final long TIMEOUT_MS = 60_000;

    private final ObjectMapper mapper = new ObjectMapper();
    private final HttpClient http = HttpClient.newHttpClient();

    @Override
    public Integer call() throws Exception {
        Path folder = Files.createTempDirectory("plumbline-self-test-");
        try {
            String status = run(folder);
            System.out.println("self-test   " + status);
            return status.equals("SETTLED") ? 0 : 1;
        } finally {
            Directories.discard(folder);
        }
    }

    @SuppressWarnings("try") // the nodes only have to be there
    private String run(Path folder) throws Exception {
        Path model = folder.resolve("model");
        ModelImport.run(CommandOptions.shippedModel(), model, share -> {});
        KeyPair full = KeyPair.random();
        KeyPair node = KeyPair.random();
        KeyPair requester = KeyPair.random();
        Genesis genesis = new Genesis(
                List.of(full.publicKey()),
                List.of(new Deposit(node.publicKey(), 100_000), new Deposit(requester.publicKey(), 100_000)));
        Network network = Network.onThisHost(genesis);
        Events events = new Events(new PrintStream(PrintStream.nullOutputStream()));
        try (FullNode fullNode = FullNode.launch(
                        network,
                        full,
                        new FullNode.Context(List.of(model), folder.resolve("verifier.key"), folder.resolve("full")),
                        events,
                        (code, why) -> {});
                InferenceNode inferenceNode = InferenceNode.launch(
                        network,
                        node,
                        new InferenceNode.Context(folder.resolve("node"), "localhost", 0, 50_000, 2),
                        InferenceNode.language(model, ComputeBackend.Choice.cpu(1, 64 << 20), LoadedModel::layers),
                        events,
                        (code, why) -> {});
                Gateway gateway = Gateway.launch(
                        network,
                        requester,
                        Map.of("stories", model),
                        new Gateway.Context(
                                folder.resolve("gateway"), "localhost", 0, Terms.at(Level.FULL), Origins.LOCAL),
                        events,
                        (code, why) -> {})) {
            URI base = URI.create("http://localhost:" + gateway.port());
            JsonNode answer = send(HttpRequest.newBuilder(base.resolve("/v1/chat/completions"))
                    .POST(HttpRequest.BodyPublishers.ofString(
                            "{\"messages\":[{\"role\":\"user\",\"content\":\"Tell me a story about a bear.\"}]}")));
            String request = answer.path("plumbline").path("request_hash").asText();
            long end = System.currentTimeMillis() + TIMEOUT_MS;
            String status = "nothing ordered";
            while (System.currentTimeMillis() < end && !status.matches("SETTLED|SLASHED|REFUNDED")) {
                Thread.sleep(50);
                status = send(HttpRequest.newBuilder(base.resolve("/v1/receipts/" + request)))
                        .path("status")
                        .asText();
            }
            return status;
        }
    }

    private JsonNode send(HttpRequest.Builder request) throws IOException, InterruptedException {
        return mapper.readTree(
                http.send(request.build(), HttpResponse.BodyHandlers.ofString()).body());
    }
}
