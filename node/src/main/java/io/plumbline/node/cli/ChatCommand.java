package io.plumbline.node.cli;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.node.gateway.CallPayment;
import io.plumbline.node.network.Network;
import io.plumbline.node.network.Terminal;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** {@code plumbline chat}: talks to an OpenAI-compatible endpoint in a terminal, and shows what became of receipts. */
@Parameters(commandNames = "chat", commandDescription = "Talk to an endpoint in this terminal.")
public final class ChatCommand extends CommandOptions implements Callable<Integer> {
    @Parameter(description = "URL: of the endpoint, its /v1 included")
    private String url = "http://localhost:8080/v1";

    @Parameter(names = "--model", description = "the first that the endpoint lists, where none is named")
    private String model;

    @Parameter(names = "--max-tokens", description = "most tokens of an answer")
    private int maxTokens = 256;

    @Parameter(names = "--temperature", description = "0 for the likeliest tokens; the model's own spread at 1")
    private double temperature = 0.7;

    @Parameter(
            names = "--api-key",
            description = "for endpoints that ask for one; the variable OPENAI_API_KEY otherwise")
    private String apiKey = System.getenv("OPENAI_API_KEY");

    @Parameter(
            names = "--fact",
            description = "ID of a feed whose latest value the model is told with each question; again for more")
    private List<String> facts = new ArrayList<>();

    @Parameter(
            names = "--file",
            description = "ID of a text at the data nodes that the model is told with each question; again for more")
    private List<String> files = new ArrayList<>();

    @Parameter(
            names = "--pay",
            description = "KEYFILE: of the ledger's account that pays for each answer, where the endpoint is paid so")
    private Path payerKey;

    @Parameter(names = "--pay-at-most", description = "with --pay: the most that one answer may cost")
    private long payAtMost = 10_000;

    /** How a terminal shows reasoning, and then what is said. */
    private static final String FAINT = "\u001B[2m";

    private static final String PLAIN = "\u001B[0m";

    private final ObjectMapper mapper = new ObjectMapper();

    /** Elsewhere what is said alone is printed: it is another program's input. */
    private final boolean isTerminal =
            System.console() != null && System.console().isTerminal();

    private CallPayer payer;
    private final HttpClient http = HttpClient.newHttpClient();
    private final ArrayNode messages = mapper.createArrayNode();

    @Override
    public Integer call() throws Exception {
        String base = url.replaceAll("/+$", "");
        if (payerKey != null) {
            payer = new CallPayer(Network.readKey(payerKey), payAtMost);
        }
        if (model == null) {
            model = get(base + "/models").path("data").path(0).path("id").asText("");
            if (model.isEmpty()) {
                throw new IOException(base + " lists no model. Name one with --model.");
            }
        }
        if (isTerminal) {
            Terminal.print("Talking to " + model + ". An empty line ends it.");
        }
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        while (true) {
            if (isTerminal) {
                System.out.print("> ");
                System.out.flush();
            }
            String line = in.readLine();
            if (line == null || line.isBlank()) {
                return 0;
            }
            ask(base, line);
        }
    }

    private void ask(String base, String text) throws IOException, InterruptedException {
        messages.addObject().put("role", "user").put("content", text);
        ObjectNode body = mapper.createObjectNode()
                .put("model", model)
                .put("stream", true)
                .put("max_tokens", maxTokens)
                .put("temperature", temperature);
        body.set("messages", messages);
        if (!facts.isEmpty()) {
            body.withObject("/plumbline").set("facts", mapper.valueToTree(facts));
        }
        if (!files.isEmpty()) {
            body.withObject("/plumbline").set("files", mapper.valueToTree(files));
        }
        HttpResponse<Stream<String>> response = post(base, body, null);
        if (response.statusCode() == 402 && payer != null) {
            String refusal;
            try (Stream<String> lines = response.body()) {
                refusal = String.join("\n", lines.limit(100).toList());
            }
            long credit =
                    get(base + "/accounts/" + payer.account()).path("credit").asLong();
            response = post(base, body, payer.pay(mapper.readTree(refusal), credit));
        }
        StringBuilder answer = new StringBuilder();
        boolean isThinking = false;
        JsonNode receipt = null;
        try (Stream<String> lines = response.body()) {
            if (response.statusCode() != 200) {
                throw refused(
                        response.statusCode(),
                        String.join("\n", lines.limit(100).toList()));
            }
            for (Iterator<String> each = lines.iterator(); each.hasNext(); ) {
                String line = each.next();
                if (!line.startsWith("data: {")) {
                    continue;
                }
                JsonNode event = mapper.readTree(line.substring("data: ".length()));
                if (event.has("error")) {
                    throw new IOException(event.path("error").path("message").asText("the answer failed"));
                }
                JsonNode delta = event.path("choices").path(0).path("delta");
                String thought = delta.path("reasoning_content").asText("");
                String piece = delta.path("content").asText("");
                if (!thought.isEmpty() && isTerminal) {
                    System.out.print(FAINT + plain(thought) + PLAIN);
                    isThinking = true;
                }
                if (!piece.isEmpty() && isThinking) {
                    System.out.print("\n\n");
                    isThinking = false;
                }
                System.out.print(plain(piece));
                System.out.flush();
                answer.append(piece);
                receipt = event.path("plumbline").has("receipt") ? event.path("plumbline") : receipt;
            }
        }
        System.out.println();
        messages.addObject().put("role", "assistant").put("content", answer.toString());
        if (receipt != null) {
            for (JsonNode fact : receipt.path("facts")) {
                Terminal.print("  told " + fact.path("name").asText() + ": "
                        + fact.path("value").asText() + " " + fact.path("unit").asText() + " of "
                        + fact.path("time").asText() + ", in block " + fact.path("block"));
            }
            for (JsonNode file : receipt.path("files")) {
                Terminal.print("  told file " + file.path("blob").asText() + ", " + file.path("bytes") + " bytes");
            }
            Terminal.print("  " + state(base, receipt));
        }
    }

    /** @param payment null for none. */
    private HttpResponse<Stream<String>> post(String base, ObjectNode body, String payment)
            throws IOException, InterruptedException {
        HttpRequest.Builder request = request(base + "/chat/completions")
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(body.toString()));
        if (payment != null) {
            request.header(CallPayment.HEADER, payment);
        }
        return http.send(request.build(), HttpResponse.BodyHandlers.ofLines());
    }

    /** A model's words may move a terminal's cursor to the next line, and nowhere else. */
    private static String plain(String text) {
        return Arrays.stream(text.split("\n", -1)).map(Terminal::printable).collect(Collectors.joining("\n"));
    }

    private String state(String base, JsonNode receipt) throws IOException, InterruptedException {
        String request = receipt.path("request_hash").asText();
        JsonNode found = get(base + "/receipts/" + request);
        return "receipt " + request.substring(0, Math.min(16, request.length())) + "…, "
                + found.path("status").asText("unknown") + ", "
                + found.path("finality").asText("")
                + (found.has("log") ? ", entry " + found.path("log").path("entry") : "") + ", price "
                + receipt.path("price");
    }

    private HttpRequest.Builder request(String address) throws IOException {
        try {
            HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(address));
            return apiKey == null || apiKey.isEmpty() ? request : request.header("Authorization", "Bearer " + apiKey);
        } catch (IllegalArgumentException e) {
            throw new IOException(url + " is no address: " + e.getMessage(), e);
        }
    }

    private JsonNode get(String address) throws IOException, InterruptedException {
        HttpResponse<String> response;
        try {
            response = http.send(request(address).build(), HttpResponse.BodyHandlers.ofString());
        } catch (java.net.ConnectException e) {
            throw new IOException("Nothing answers at " + url + ". Start a server: ./plumbline serve MODEL.", e);
        }
        if (response.statusCode() != 200) {
            throw refused(response.statusCode(), response.body());
        }
        return mapper.readTree(response.body());
    }

    private IOException refused(int status, String body) {
        String why = body;
        try {
            why = mapper.readTree(body).path("error").path("message").asText(body);
        } catch (JacksonException e) {
            // Not one of ours.
        }
        return new IOException("The endpoint answered " + status + ": " + why);
    }
}
