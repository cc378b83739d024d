package io.plumbline.benchmarks;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.inference.language.engine.ForwardPass;
import io.plumbline.inference.language.engine.Generator;
import io.plumbline.inference.language.engine.Replay;
import io.plumbline.inference.language.engine.SpeedProbe;
import io.plumbline.inference.language.engine.Workers;
import io.plumbline.inference.language.kernels.Backend;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.inference.language.tokenizer.ChatTokenizer;
import io.plumbline.verifier.audit.AnswerView;
import io.plumbline.verifier.audit.Assignment;
import io.plumbline.verifier.audit.AuditReport;
import io.plumbline.verifier.audit.Auditor;
import io.plumbline.verifier.audit.Cell;
import io.plumbline.verifier.audit.Cells;
import io.plumbline.verifier.audit.Failure;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.audit.Opening;
import io.plumbline.verifier.audit.OpeningLayout;
import io.plumbline.verifier.choice.ChoiceRule;
import io.plumbline.verifier.model.Manifest;
import io.plumbline.verifier.model.ModelConfig;
import io.plumbline.verifier.model.VerifierKey;
import io.plumbline.verifier.receipt.Answer;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Receipt;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.receipt.Sampling;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;

/**
 * Headlines audit-full-8b, audit-full-70b, audit-vs-replay, opening-8b and audited-500: what one core needs to check
 * every matrix, every head and every chosen token, and what level AUDITED costs for a whole answer. Two layers of the
 * real shape are run and audited; a whole model's cost is its layers' and the output matrix's, added up.
 */
@Parameters(
        commandNames = "audit",
        commandDescription = "A full audit of one token on one core, beside running it again.")
final class AuditBench implements Callable<Integer> {
    @Parameter(names = "--shape", description = "8b or 70b")
    private String shape = "8b";

    @Parameter(names = "--context", description = "tokens")
    private int context = 1024;

    @Parameter(names = "--block", description = "tokens in a cell")
    private int block = 256;

    @Parameter(
            names = "--contexts",
            description = "contexts to measure a layer's audit at, in cells of 16 tokens; 32768 takes minutes")
    private List<Integer> contexts = List.of();

    @Parameter(names = "--rounds", description = "readings")
    private int rounds = 7;

    @Parameter(names = "--cache", description = "DIR: where models are made")
    private Path cache = Path.of(System.getProperty("java.io.tmpdir"), "plumbline-bench");

    @Parameter(names = "--results", description = "DIR: where results are written")
    private Path results = Path.of("benchmarks", "results");

    /** Tokens of a cell where contexts are compared. */
    private static final int CONTEXT_CELL = 16;

    /** Tokens of the answer that is audited at level AUDITED, its prompt included. */
    private static final int ANSWER = 500;

    /** What is measured is warm: the compiler has had this long. */
    private static final long WARM_NS = 3_000_000_000L;

    private static final int WARM_AUDITS = 300;

    private LoadedModel model;
    private VerifierKey key;
    private ChatTokenizer tokenizer;
    private Auditor auditor;
    private int layers;

    /** One honest answer over {@code context} tokens. */
    private record Served(Request request, Answer answer, Receipt receipt, AnswerView view, Replay replay) {}

    private static double cpuMs(Supplier<Failure> work) {
        long begin = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
        Failure failure = work.get();
        double ms = (ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() - begin) / 1e6;
        if (failure != null) {
            throw new IllegalStateException("An honest opening fails: " + failure);
        }
        return ms;
    }

    private Readings read(Supplier<Failure> work, double perReading) {
        double[] readings = new double[rounds];
        for (long begin = System.nanoTime(); System.nanoTime() - begin < WARM_NS; ) {
            cpuMs(work);
        }
        for (int i = 0; i < rounds; i++) {
            readings[i] = cpuMs(work) / perReading;
        }
        return new Readings(readings);
    }

    /**
     * Generates the answer's tokens, or with {@code output} takes those: a layer's cells do not ask what was chosen.
     */
    private Served serve(ForwardPass forward, int tokens, int[] output) {
        KeyPair node = KeyPair.random();
        int[] prompt = new int[tokens - 1];
        for (int i = 0; i < prompt.length; i++) {
            prompt[i] = 3 + (int) (i * 7919L % (model.config().vocab() - 3));
        }
        Request request = new Request(
                model.id(), "", 0, prompt, Sampling.GREEDY, 2, new int[0], List.of(), node.publicKey(), new byte[16]);
        Generator generator = new Generator(forward, node.publicKey());
        int[] chosen = output != null
                ? output
                : generator.generate(request, token -> {}).tokens();
        return served(request, chosen, new Replay(generator, forward, node.publicKey(), request, chosen), node);
    }

    private Served served(Request request, int[] output, Replay replay, KeyPair node) {
        Answer answer = new Answer(output, tokenizer.decode(output));
        AnswerView view = new AnswerView(key.manifest(), node.publicKey(), request.promptTokens(), output);
        long bytes = view.layout().traceBytes(view.length());
        Receipt receipt = Receipt.of(request, answer, replay.root(), bytes, 0, node);
        return new Served(request, answer, receipt, view, replay);
    }

    private Failure check(Served served, Cell cell, MemorySegment opening) {
        try {
            ChoiceRule rule = ChoiceRule.of(served.request(), tokenizer::vocabulary);
            return auditor.cell(served.view(), served.receipt(), rule, cell, Opening.of(opening, null));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public Integer call() throws IOException {
        layers = shape.equals("70b") ? 80 : 32;
        // As published, of an 8B and a 70B token, in ms, without attention.
        double published = shape.equals("70b") ? 10.1 : 1.98;
        Models models = Models.prepare(cache, Models.Size.of(shape + "-pair"));
        ObjectNode details = new ObjectMapper().createObjectNode();
        try (LoadedModel opened = LoadedModel.open(models.imported());
                ForwardPass all = new ForwardPass(opened);
                ForwardPass one = new ForwardPass(opened, opened.layers(), Backend.best(), new Workers(1))) {
            model = opened;
            ModelConfig config = model.config();
            // The first reads the file into memory, which is not what is measured.
            model.verifierKey(share -> {});
            long begin = System.nanoTime();
            key = model.verifierKey(share -> {});
            double keySeconds = (System.nanoTime() - begin) / 1e9;
            tokenizer = ChatTokenizer.of(key.tokenFiles());
            auditor = new Auditor(key, tokenizer);
            long weights = SpeedProbe.weightBytes(model);
            System.out.printf(
                    Locale.ROOT, "key of %d MB of weights, checked and summed: %.1f s%n", weights >> 20, keySeconds);
            Served served = serve(all, context, null);
            Cell cell = new Cell(1, context - block, context);
            MemorySegment opening = served.replay().bytes(cell);
            Readings perLayer = read(() -> check(served, cell, opening), block);
            Cell last = new Cell(config.layers(), context - 1, context);
            MemorySegment choice = served.replay().bytes(last);
            Readings perChoice = read(() -> check(served, last, choice), 1);
            Readings again = again(one);
            double token = layers * perLayer.median() + perChoice.median();
            details.put("context", context).put("cellTokens", block).put("layers", layers);
            details.put("msPerLayer", perLayer.toString()).put("msPerChoice", perChoice.toString());
            details.put("openingBytesPerToken", layers * (opening.byteSize() / block) + choice.byteSize());
            details.put("keyMBPerModel", keyBytes(config, layers) >> 20);
            details.put("keyGBs", BenchmarkResult.rounded(weights / 1e9 / keySeconds));
            details.put("msAgainPerToken", again.toString());
            System.out.println(details.toPrettyString());
            double[] tokens = new double[rounds];
            for (int i = 0; i < rounds; i++) {
                tokens[i] = layers * perLayer.reading(i) + perChoice.median();
            }
            String command = "./plumbline bench audit --shape " + shape
                    + (contexts.isEmpty()
                            ? ""
                            : " --contexts " + contexts.toString().replaceAll("[\\[\\] ]", ""));
            System.out.printf(Locale.ROOT, "%.2f ms a token%n", token);
            String unit = "ms of one core a token";
            String replayed = "running it again, batched, on the same core";
            new BenchmarkResult(
                            "audit-full-" + shape,
                            new Readings(tokens),
                            unit,
                            true,
                            "CommitLLM, as published, M4, without attention",
                            new Readings(published),
                            null,
                            command,
                            details)
                    .write(results);
            if (shape.equals("8b")) {
                new BenchmarkResult(
                                "audit-vs-replay",
                                new Readings(tokens),
                                unit,
                                true,
                                replayed,
                                again,
                                null,
                                command,
                                details)
                        .write(results);
                opening(opening, choice, command);
                audited(all, again, command);
            }
            if (!contexts.isEmpty()) {
                contexts(all, command);
            }
        }
        return 0;
    }

    /** Bytes of a token's opening on its way, and the time to pack and to unpack it. */
    private void opening(MemorySegment cell, MemorySegment choice, String command) throws IOException {
        double plain = (layers * (cell.byteSize() / (double) block) + choice.byteSize()) / 1e6;
        PackedOpening layer = PackedOpening.of(cell, rounds);
        PackedOpening last = PackedOpening.of(choice, rounds);
        ObjectNode details = new ObjectMapper().createObjectNode().put("context", context);
        details.put(
                "msPacking", layer.msPacking().map(ms -> layers * ms / block).toString());
        details.put(
                "msUnpacking",
                layer.msUnpacking().map(ms -> layers * ms / block).toString());
        new BenchmarkResult(
                        "opening-8b",
                        new Readings((layers * layer.bytes() / (double) block + last.bytes()) / 1e6),
                        "MB of opening a token as it is sent, 8B shape, context " + context,
                        true,
                        "as it is read, without packing",
                        new Readings(plain),
                        null,
                        command,
                        details)
                .write(results);
        System.out.println(details.toPrettyString());
    }

    /**
     * ms a token and layer at the end of each context. A head costs as many multiply-adds as there are keys, so from
     * the first context on it should grow in a line at most.
     */
    private void contexts(ForwardPass all, String command) throws IOException {
        ObjectNode table = new ObjectMapper().createObjectNode();
        Readings first = null;
        Readings last = null;
        for (int tokens : contexts) {
            Served served = serve(all, tokens, new int[] {3, 4});
            Cell cell = new Cell(1, tokens - CONTEXT_CELL, tokens);
            MemorySegment opening = served.replay().bytes(cell);
            last = read(() -> check(served, cell, opening), CONTEXT_CELL);
            first = first == null ? last : first;
            table.put("" + tokens, last.toString());
            System.out.printf(Locale.ROOT, "context %d: %s ms a token and layer%n", tokens, last);
        }
        double times = (double) contexts.getLast() / contexts.getFirst();
        new BenchmarkResult(
                        "audit-context",
                        last,
                        "ms of one core a token and layer at context " + contexts.getLast() + ", cells of 16 tokens",
                        true,
                        "context " + contexts.getFirst() + ", grown in a line",
                        first.map(ms -> ms * times),
                        null,
                        command,
                        table)
                .write(results);
    }

    /** Level AUDITED of one answer: random cells and chosen tokens. */
    private void audited(ForwardPass all, Readings again, String command) throws IOException {
        Served served = serve(all, ANSWER, null);
        double[] ms = new double[rounds];
        double[] megabytes = new double[rounds];
        Random random = new Random(7);
        // An audit is short beside making its openings: many warm the compiler as long as a few cells do.
        for (int i = -WARM_AUDITS; i < rounds; i++) {
            byte[] beacon = new byte[32];
            random.nextBytes(beacon);
            List<Cell> asked = new ArrayList<>();
            Assignment assignment = new Assignment(Level.AUDITED, beacon, List.of());
            // Openings are made by another thread: what is counted is the auditor's.
            AuditReport report = auditor.audit(
                    served.receipt(),
                    served.request(),
                    served.answer(),
                    assignment,
                    cell -> {
                        asked.add(cell);
                        return Opening.of(
                                CompletableFuture.supplyAsync(
                                                () -> served.replay().bytes(cell))
                                        .join(),
                                null);
                    },
                    null);
            if (!report.good()) {
                throw new IllegalStateException("An honest answer fails: " + report.failure());
            }
            if (i >= 0) {
                ms[i] = report.cpuNanos() / 1e6;
                megabytes[i] = asked.stream()
                                .mapToLong(cell -> wholeBytes(served, cell))
                                .sum()
                        / 1e6;
            }
        }
        ObjectNode details = new ObjectMapper().createObjectNode();
        details.put("tokens", ANSWER).put("cells", Cells.DRAWN_CELLS).put("choices", Cells.DRAWN_CHOICES);
        details.put("openedMB", new Readings(megabytes).toString());
        details.put("receiptBytes", Receipt.BYTES);
        new BenchmarkResult(
                        "audited-500",
                        new Readings(ms),
                        "ms of one core an answer of 500 tokens, 8B shape",
                        true,
                        "running it again, batched, on the same core",
                        new Readings(ANSWER * again.median()),
                        null,
                        command,
                        details)
                .write(results);
        System.out.println(details.toPrettyString());
    }

    /** Bytes of a cell's opening in a model of all layers: the proof of a record lies deeper in a longer trace. */
    private long wholeBytes(Served served, Cell cell) {
        ModelConfig c = model.config();
        ModelConfig whole = new ModelConfig(
                c.hidden(),
                layers,
                c.heads(),
                c.kvHeads(),
                c.headDim(),
                c.mlp(),
                c.vocab(),
                c.maxPositions(),
                c.eps(),
                c.rope(),
                c.qkvBias(),
                c.qkNorm(),
                c.architecture());
        Manifest manifest =
                new Manifest(whole, key.manifest().files(), key.manifest().tensors());
        AnswerView view = new AnswerView(
                manifest,
                served.receipt().node(),
                served.request().promptTokens(),
                served.answer().tokens());
        boolean choice = cell.layer() == c.layers();
        // The first layer's cells open embedding rows too: one layer in as many as there are, not in two.
        int layer = choice ? layers : layers / 2 + cell.layer();
        return OpeningLayout.of(view, new Cell(layer, cell.from(), cell.to())).bytes();
    }

    /**
     * ms of one core a token, in a prefill of the same context: the layers', and the output matrix's where a token
     * was chosen.
     */
    private Readings again(ForwardPass one) {
        SpeedProbe probe = new SpeedProbe(one, Generator.PREFILL_BLOCK);
        probe.prefill(Generator.PREFILL_BLOCK, false);
        double[] readings = new double[3];
        for (int i = 0; i < readings.length; i++) {
            readings[i] =
                    1e3 / probe.prefill(context, false) / one.model().config().layers() * layers;
        }
        return new Readings(readings);
    }

    private static long keyBytes(ModelConfig c, int layers) {
        long n = c.qkvDim(0) + 2L * c.hidden() + 2L * c.mlp();
        long k = 2L * c.hidden() + c.queryDim(0) + c.mlp();
        return layers * 2 * (4 * n + 8 * k) + 2 * (4L * c.vocab() + 8L * c.hidden());
    }
}
