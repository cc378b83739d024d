package io.plumbline.node.health;

import com.fasterxml.jackson.databind.JsonNode;
import io.plumbline.inference.language.importer.ModelImport;
import io.plumbline.ledger.state.Genesis;
import io.plumbline.node.Main;
import io.plumbline.node.network.Network;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.agrona.CloseHelper;

/** A network of one full node, an inference node and a gateway, each a process of its own with its health on a port. */
public final class ChildNetwork implements AutoCloseable {
    private final Path folder;
    private final Path model;
    private final HttpClient http = HttpClient.newHttpClient();
    private final List<ChildRole> children = new ArrayList<>();

    public ChildNetwork(Path folder) throws IOException {
        this.folder = folder;
        this.model = folder.resolve("stories");
        ModelImport.run(Path.of("../models/plumbline-stories-2m"), model, share -> {});
        List<KeyPair> keys = new ArrayList<>();
        for (String name : List.of("full-node", "inference-node", "gateway")) {
            KeyPair pair = KeyPair.random();
            Network.writeKey(folder.resolve(name + ".key"), pair);
            keys.add(pair);
        }
        Genesis genesis = new Genesis(
                List.of(keys.get(0).publicKey()),
                List.of(
                        new Genesis.Deposit(keys.get(1).publicKey(), 1_000_000),
                        new Genesis.Deposit(keys.get(2).publicKey(), 1_000_000)));
        Network.onThisHost(genesis).write(folder.resolve("network.json"));
    }

    private ChildRole start(Class<?> main, String role, String... options) throws IOException {
        List<String> arguments = new ArrayList<>(main == Main.class ? List.of(role) : List.of());
        arguments.addAll(List.of(options));
        if (!arguments.contains("--health")) {
            arguments.addAll(List.of("--health", "0"));
        }
        Map<String, String> own = new LinkedHashMap<>();
        own.put("--network", folder.resolve("network.json").toString());
        own.put("--key", folder.resolve(role + ".key").toString());
        own.put("--dir", folder.resolve(role).toString());
        own.put("--model", model.toString());
        own.forEach((option, value) -> {
            if (!arguments.contains(option)) {
                arguments.addAll(List.of(option, value));
            }
        });
        ChildRole child = new ChildRole(main, arguments);
        children.add(child);
        return child;
    }

    public ChildRole fullNode(String... options) throws IOException {
        return start(Main.class, "full-node", options);
    }

    /** One that breaks once the file {@code broken} is there. */
    public ChildRole node(String how, String... options) throws IOException {
        return start(
                BreakableNode.class,
                "inference-node",
                Stream.concat(
                                Stream.of(options),
                                Stream.of(
                                        "--broken",
                                        broken().toString(),
                                        "--how",
                                        how,
                                        "--threads",
                                        "1",
                                        "--cache-mib",
                                        "64"))
                        .toArray(String[]::new));
    }

    public Path broken() {
        return folder.resolve("broken");
    }

    public Path folder() {
        return folder;
    }

    public ChildRole gateway(String... options) throws IOException {
        return start(
                Main.class,
                "gateway",
                Stream.concat(Stream.of(options), Stream.of("--port", "0")).toArray(String[]::new));
    }

    /** The port of the operator's listener. */
    public static int health(ChildRole role) throws Exception {
        return role.awaitEvent("listening").path("port").asInt();
    }

    /** The port of the API. */
    public static int api(ChildRole gateway) throws Exception {
        JsonNode ready = gateway.awaitEvent("ready");
        return ready.path("port").asInt();
    }

    /** Asks for a story, streamed, of so many tokens; what comes is read line by line. */
    public HttpResponse<Stream<String>> stream(int port, int tokens) throws Exception {
        return http.send(story(port, tokens, true), HttpResponse.BodyHandlers.ofLines());
    }

    public HttpResponse<String> ask(int port, int tokens) throws Exception {
        return http.send(story(port, tokens, false), HttpResponse.BodyHandlers.ofString());
    }

    private static HttpRequest story(int port, int tokens, boolean streamed) {
        return HttpRequest.newBuilder(URI.create("http://localhost:" + port + "/v1/chat/completions"))
                .header("content-type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString("{\"messages\":[{\"role\":\"user\",\"content\":"
                        + "\"Tell me a story about a bear.\"}],\"temperature\":1,\"seed\":7,\"max_tokens\":" + tokens
                        + ",\"stream\":" + streamed + "}"))
                .build();
    }

    @Override
    public void close() {
        CloseHelper.closeAll(children.reversed());
    }
}
