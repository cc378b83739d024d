package io.plumbline.node.demo;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.inference.language.importer.ModelImport;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.ledger.state.Settlement;
import io.plumbline.node.cli.CommandOptions;
import io.plumbline.node.network.Event;
import io.plumbline.node.network.Terminal;
import io.plumbline.verifier.audit.Evidence;
import io.plumbline.verifier.audit.Level;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import me.tongfei.progressbar.ProgressBar;

/**
 * The main job end to end: a whole network on loopback, one honest answer settled, one cheat caught and slashed, one
 * question about a fact that data nodes report.
 */
@Parameters(
        commandNames = "demo",
        commandDescription =
                "Start a network on this machine, ask it, audit the answer, settle it; catch a cheat; ask about a fact.")
public final class Demo extends CommandOptions implements Callable<Integer> {
    private static final int CHEAT_LAYER = 1;

    /** Room for any answer the model ends by itself; a cheat's weights may never come to an end. */
    private static final int MAX_TOKENS = 200;

    private static final HexFormat HEX = HexFormat.of();

    @Parameter(names = "--prompt", description = "what to ask")
    private String prompt = "Tell me a story about a clever fox who lost a lantern.";

    @Parameter(names = "--model", description = "DIR: Hugging Face folder; the model that ships where none is named")
    private Path model;

    @Parameter(
            names = "--device",
            description = "what the inference nodes compute with: cpu, auto, gpu, or a GPU's UUID, PCI bus id or index")
    private String device = "cpu";

    @Parameter(names = "--json", description = "print one JSON object at the end and nothing else on standard output")
    private boolean json;

    @Parameter(names = "--events", description = "also print every event of every process on standard error")
    private boolean showEvents;

    private final ObjectMapper mapper = new ObjectMapper();
    private PrintStream out = System.out;
    private Path imported;
    private DemoNetwork network;

    @Override
    public Integer call() throws Exception {
        if (json) {
            out = System.err;
        }
        if (model == null) {
            model = shippedModel();
        }
        try (DemoNetwork started = new DemoNetwork(out, showEvents)) {
            network = started;
            try (ProgressBar bar = json ? null : Terminal.progress("starting")) {
                imported = network.folder().resolve(model.toAbsolutePath().getFileName());
                ModelImport.run(model, imported, share -> DemoNetwork.step(bar, (long) (share * 10)));
                network.start(imported, bar, "--device", device);
            }
            return run();
        }
    }

    private int run() throws IOException, InterruptedException {
        // The honest answer leaves a core free, in which the cheat starts; it is asked while the full nodes audit.
        ChildProcess cheating = network.cheat(imported, "--device", device, "--cheat-layer", "" + CHEAT_LAYER);
        out.println("\n> " + prompt);
        ObjectNode answer = ask(null, true);
        FutureTask<ObjectNode> lying = new FutureTask<>(() -> {
            cheating.await(Event.Ready.class, event -> true, DemoNetwork.START_MS);
            return ask(network.cheatKey(), false);
        });
        Thread.ofPlatform().daemon().start(lying);
        JsonNode settled = network.awaitSettlement(
                answer.path("plumbline").path("request_hash").asText(), Settlement.Status.SETTLED);
        ObjectNode result = mapper.createObjectNode();
        result.put("answer", answer.get("text").asText());
        result.set("receipt", answer.get("plumbline"));
        report(result, answer, settled);

        out.println("\nThe same request to a node that computes layer " + CHEAT_LAYER + " with other weights:");
        ObjectNode lie;
        try {
            lie = lying.get();
        } catch (ExecutionException e) {
            throw new IOException(e.getCause().getMessage(), e.getCause());
        }
        JsonNode slashed = network.awaitSettlement(
                lie.path("plumbline").path("request_hash").asText(), Settlement.Status.SLASHED);
        reportCheat(result, lie, slashed);
        boolean isTold;
        try (FactDemo facts = new FactDemo(network, out)) {
            isTold = facts.run(network.requester(), result);
        }
        network.reportBalances(result);
        if (json) {
            System.out.println(mapper.writerWithDefaultPrettyPrinter().writeValueAsString(result));
        }
        boolean good = isTold
                && result.path("ledger").path("settled").asBoolean()
                && result.path("cheat").path("caught").asBoolean();
        return good ? 0 : 1;
    }

    /** @param node that is to answer; null for any. */
    private ObjectNode ask(String node, boolean print) throws IOException, InterruptedException {
        ObjectNode plumbline = node == null ? null : mapper.createObjectNode().put("node", node);
        return new StreamedChat(network.gateway()).ask(prompt, MAX_TOKENS, plumbline, print ? out : null);
    }

    private static String ms(double value) {
        return String.format(Locale.ROOT, "%.1f ms", value);
    }

    private void report(ObjectNode result, ObjectNode answer, JsonNode settled)
            throws IOException, InterruptedException {
        JsonNode plumbline = answer.get("plumbline");
        String request = plumbline.get("request_hash").asText();
        Event.Answered answered = network.honestNode()
                .await(Event.Answered.class, e -> e.request().equals(request), DemoNetwork.SETTLE_MS);
        Event.Replayed replayed = network.honestNode()
                .await(Event.Replayed.class, e -> e.request().equals(request), DemoNetwork.SETTLE_MS);
        int tokens = answered.units();
        double inferenceMs = plumbline.get("cpu_ms").asDouble();
        result.putObject("inference")
                .put("tokens", tokens)
                .put("cpuMs", inferenceMs)
                .put("replayCpuMs", replayed.cpuMs());
        Event.ExactWork audit = null;
        for (ChildProcess fullNode : network.fullNodes()) {
            Event.ExactWork one = DemoNetwork.audited(fullNode, request).exact();
            audit = audit == null || one.cpuMs() < audit.cpuMs() ? one : audit;
        }
        result.putObject("audit")
                .put("level", Level.FULL.name())
                .put("cells", audit.cells())
                .put("rows", audit.rows())
                .put("heads", audit.heads())
                .put("positions", audit.positions())
                .put("bytes", audit.bytes())
                .put("cpuMs", audit.cpuMs());
        boolean isSettled = settled.get("status").asText().equals("SETTLED");
        result.putObject("ledger").put("height", settled.get("height").asLong()).put("settled", isSettled);

        out.println("\nreceipt     " + plumbline.get("receipt").asText().length() / 2 + " bytes, trace root "
                + plumbline.get("trace_root").asText().substring(0, 16) + "… over "
                + plumbline.get("trace_bytes").asLong()
                + " bytes that nobody kept");
        out.println("inference   " + tokens + " tokens, " + ms(inferenceMs)
                + " of CPU; running it again as one prefill " + ms(replayed.cpuMs()));
        out.println("audit       " + Level.FULL + ": " + audit.cells() + " cells, "
                + audit.rows()
                + " matrix rows, " + audit.heads() + " attention heads, " + audit.positions() + " choices, "
                + audit.bytes() + " bytes");
        out.println(String.format(
                Locale.ROOT,
                "            %s of CPU without the weights: %.2f of the inference, %.2f of running it again",
                ms(audit.cpuMs()),
                audit.cpuMs() / inferenceMs,
                audit.cpuMs() / replayed.cpuMs()));
        out.println("ledger      " + settled.get("status").asText().toLowerCase(Locale.ROOT) + " at height "
                + settled.get("height")
                + " by " + settled.get("verdicts").size() + " verdicts, " + DemoNetwork.certified(settled));
    }

    private void reportCheat(ObjectNode result, ObjectNode lie, JsonNode slashed)
            throws IOException, InterruptedException {
        String request = lie.path("plumbline").path("request_hash").asText();
        Event.Audited audit = DemoNetwork.audited(network.fullNodes().getFirst(), request);
        boolean caught = !audit.good();
        boolean isSlashed = slashed.get("status").asText().equals("SLASHED") && network.cheatHasLostItsStake();
        result.putObject("cheat")
                .put("caught", caught)
                .put("cell", caught ? audit.fault().cell() : "")
                .put("step", caught ? audit.fault().step() : "")
                .put("slashed", isSlashed);
        out.println("audit       "
                + (caught
                        ? "caught at " + audit.fault().cell() + ", step "
                                + audit.fault().step() + ": "
                                + audit.fault().detail()
                        : "NOT caught"));
        if (caught) {
            // What the full node kept proves it to anyone who has the model, with nobody to ask.
            Path file = Path.of(audit.fault().evidence());
            try (LoadedModel weights = LoadedModel.open(imported)) {
                Evidence.Finding finding =
                        Evidence.decode(Files.readAllBytes(file)).check(weights::tensor, null);
                Evidence.FalseProduct product = finding.product();
                result.withObject("/cheat").put("proven", finding.failure() != null);
                out.println("evidence    " + Files.size(file) + " bytes, checked offline: "
                        + (product == null
                                ? "NOT proven"
                                : "row " + product.row() + " of " + product.tensor() + " gives " + product.right()
                                        + ", the node signed " + product.claimed()));
            }
        }
        out.println("ledger      " + (isSlashed ? "slashed" : "NOT slashed") + " at height " + slashed.get("height")
                + ", " + DemoNetwork.certified(slashed));
    }
}
