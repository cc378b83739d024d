package io.plumbline.node.demo;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.inference.tensor.Calibration;
import io.plumbline.inference.tensor.TensorJson;
import io.plumbline.inference.tensor.TensorPackage;
import io.plumbline.ledger.state.Settlement;
import io.plumbline.node.cli.CommandOptions;
import io.plumbline.node.full.TensorAudit;
import io.plumbline.node.network.Event;
import io.plumbline.node.network.Terminal;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.tensor.Tensor;
import io.plumbline.verifier.tolerant.TolerantAuditor;
import io.plumbline.verifier.tolerant.TolerantEvidence;
import java.io.IOException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import me.tongfei.progressbar.ProgressBar;

/**
 * {@code plumbline tensor-demo}: the same network with an ONNX model that names shapes in pictures. An honest answer
 * is run again and settled; a smaller model in its place is caught.
 */
@Parameters(
        commandNames = "tensor-demo",
        commandDescription =
                "Start a network on this machine that runs an ONNX model, audits, settles, and catches a cheat.")
public final class TensorDemo extends CommandOptions implements Callable<Integer> {
    private static final List<String> CLASSES = List.of("circle", "square", "triangle", "cross", "ring", "bar");
    private static final String NAME = "shapes";

    /** Greys of a picture as characters, dark to light. */
    private static final String GREYS = " .:-=+*#%@";

    private static final int SIDE = 32;

    @Parameter(names = "--events", description = "also print every event of every process on standard error")
    private boolean showEvents;

    private final ObjectMapper mapper = new ObjectMapper();
    private final HttpClient http = HttpClient.newHttpClient();

    @Override
    public Integer call() throws Exception {
        Path shipped = CommandOptions.shippedModel().resolveSibling("plumbline-shapes");
        Path samples = shipped.resolve("samples.json");
        Path cheap = shipped.resolve("shapes-small.onnx");
        try (DemoNetwork network = new DemoNetwork(System.out, showEvents)) {
            Path imported = network.folder().resolve(NAME);
            try (ProgressBar bar = Terminal.progress("starting")) {
                TensorPackage model = TensorPackage.importModel(shipped.resolve("shapes.onnx"), imported, share -> {});
                Calibration.Plan plan = new Calibration.Plan(List.of(TensorJson.read(samples)), 24, 1, List.of());
                model.keep(Calibration.run(
                        model,
                        model.precision(),
                        model.shapes(),
                        plan,
                        Calibration.SAFETY,
                        share -> DemoNetwork.step(bar, (long) (share * 10))));
                network.start(imported, bar);
            }
            return run(network, imported, (ObjectNode) mapper.readTree(samples.toFile()), cheap);
        }
    }

    private int run(DemoNetwork network, Path imported, ObjectNode request, Path cheap) throws Exception {
        ChildProcess cheating = network.cheat(imported, "--cheat-model", cheap.toString());
        JsonNode answer = ask(network, request);
        show(
                TensorJson.tensor(request.path("inputs").path(0)),
                TensorJson.tensor(answer.path("outputs").path(0)));
        JsonNode said = answer.path("parameters");
        String hash = said.path("plumbline_request_hash").asText();
        JsonNode settled = network.awaitSettlement(hash, Settlement.Status.SETTLED);
        Event.TolerantWork audit =
                DemoNetwork.audited(network.fullNodes().getFirst(), hash).tolerant();
        System.out.println(
                "receipt     " + said.path("plumbline_receipt").asText().length() / 2 + " bytes; computed by "
                        + said.path("plumbline_engine").asText());
        System.out.printf(
                Locale.ROOT,
                "audit       FULL: run again on a full node's own processors, %d elements within the model's bounds, %.1f ms%n",
                audit.elements(),
                audit.cpuMs());
        System.out.println("ledger      " + settled.path("status").asText().toLowerCase(Locale.ROOT) + " at height "
                + settled.path("height") + " by " + settled.path("verdicts").size() + " verdicts, "
                + DemoNetwork.certified(settled));

        System.out.println("\nThe same request to a node that runs a model of a sixth of the size:");
        cheating.await(Event.Ready.class, event -> true, DemoNetwork.START_MS);
        request.putObject("parameters").put("plumbline_node", network.cheatKey());
        JsonNode lie = ask(network, request);
        String lieHash = lie.path("parameters").path("plumbline_request_hash").asText();
        JsonNode refunded = network.awaitSettlement(lieHash, Settlement.Status.REFUNDED);
        Event.Audited found = DemoNetwork.audited(network.fullNodes().getFirst(), lieHash);
        boolean isCaught = !found.good();
        System.out.println(
                "audit       " + (isCaught ? "caught: " + found.fault().detail() : "NOT caught"));
        if (isCaught) {
            Path file = Path.of(found.fault().evidence());
            TolerantEvidence evidence = TolerantEvidence.decode(Files.readAllBytes(file));
            TolerantAuditor.Report again = TensorAudit.run(
                    TensorPackage.open(imported),
                    evidence.receipt(),
                    evidence.request(),
                    evidence.answer(),
                    Level.FULL,
                    null);
            System.out.println("evidence    " + Files.size(file) + " bytes, checked offline: "
                    + (again.good() ? "NOT proven" : "proven to anyone who runs the model"));
        }
        // Only what the ledger itself can check costs a stake, and it runs no models.
        System.out.println(
                "ledger      not paid, at height " + refunded.path("height") + ", " + DemoNetwork.certified(refunded));
        ObjectNode result = mapper.createObjectNode();
        result.putObject("ledger");
        network.reportBalances(result);
        return isCaught && settled.path("status").asText().equals("SETTLED") ? 0 : 1;
    }

    private JsonNode ask(DemoNetwork network, ObjectNode request) throws IOException, InterruptedException {
        HttpResponse<byte[]> response = http.send(
                HttpRequest.newBuilder(network.gateway().resolve("/v2/models/" + NAME + "/infer"))
                        .POST(HttpRequest.BodyPublishers.ofByteArray(mapper.writeValueAsBytes(request)))
                        .build(),
                HttpResponse.BodyHandlers.ofByteArray());
        JsonNode json = mapper.readTree(response.body());
        if (response.statusCode() != 200) {
            throw new IOException(json.path("error").asText());
        }
        return json;
    }

    /** Four pictures side by side at half their height, and what they are. */
    private static void show(Tensor pictures, Tensor scores) {
        double[] pixels = pictures.values();
        double[] all = scores.values();
        int count = (int) Math.min(4, pictures.shape()[0]);
        System.out.println();
        for (int y = 0; y < SIDE; y += 2) {
            StringBuilder line = new StringBuilder();
            for (int i = 0; i < count; i++) {
                for (int x = 0; x < SIDE; x++) {
                    double grey = pixels[(i * SIDE + y) * SIDE + x];
                    line.append(GREYS.charAt((int) Math.min(GREYS.length() - 1, grey * GREYS.length())));
                }
                line.append("  ");
            }
            System.out.println(line);
        }
        StringBuilder names = new StringBuilder();
        for (int i = 0; i < count; i++) {
            int best = 0;
            for (int k = 1; k < CLASSES.size(); k++) {
                best = all[i * CLASSES.size() + k] > all[i * CLASSES.size() + best] ? k : best;
            }
            names.append(String.format(
                    Locale.ROOT,
                    "%-34s",
                    "> " + CLASSES.get(best) + String.format(Locale.ROOT, " (%.1f)", all[i * 6 + best])));
        }
        System.out.println(names.toString().stripTrailing() + "\n");
    }
}
