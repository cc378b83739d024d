package io.plumbline.benchmarks;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.inference.engine.ForwardPass;
import io.plumbline.inference.engine.Generator;
import io.plumbline.inference.engine.Replay;
import io.plumbline.inference.engine.SpeedProbe;
import io.plumbline.inference.engine.Workers;
import io.plumbline.inference.kernels.Backend;
import io.plumbline.inference.model.LoadedModel;
import io.plumbline.verifier.audit.AnswerView;
import io.plumbline.verifier.audit.Auditor;
import io.plumbline.verifier.audit.Cell;
import io.plumbline.verifier.audit.Failure;
import io.plumbline.verifier.audit.Opening;
import io.plumbline.verifier.model.ModelConfig;
import io.plumbline.verifier.model.VerifierKey;
import io.plumbline.verifier.receipt.Answer;
import io.plumbline.verifier.receipt.Keys;
import io.plumbline.verifier.receipt.Receipt;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.receipt.Sampling;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.function.Supplier;

/**
 * Headlines audit-full-8b, audit-full-70b and audit-vs-replay: what one core needs to check every matrix, every head and every chosen token.
 * Two layers of the real shape are run and audited; a whole model's cost is its layers' and the output matrix's, added up.
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

    @Parameter(names = "--rounds", description = "readings")
    private int rounds = 7;

    @Parameter(names = "--cache", description = "DIR: where models are made")
    private Path cache = Path.of(System.getProperty("java.io.tmpdir"), "plumbline-bench");

    @Parameter(names = "--results", description = "DIR: where results are written")
    private Path results = Path.of("benchmarks", "results");

    private static double cpuMs(Supplier<Failure> work) {
        long begin = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
        Failure failure = work.get();
        double ms = (ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() - begin) / 1e6;
        if (failure != null) {
            throw new IllegalStateException("An honest opening fails: " + failure);
        }
        return ms;
    }

    private static Failure check(Auditor auditor, AnswerView view, Receipt receipt, Cell cell, MemorySegment opening) {
        try {
            return auditor.cell(view, receipt, Sampling.GREEDY, cell, Opening.of(opening, null));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private Sample read(Supplier<Failure> work, double perReading) {
        double[] readings = new double[rounds];
        cpuMs(work);
        cpuMs(work);
        for (int i = 0; i < rounds; i++) {
            readings[i] = cpuMs(work) / perReading;
        }
        return new Sample(readings);
    }

    @Override
    public Integer call() throws IOException {
        int layers = shape.equals("70b") ? 80 : 32;
        // As published, of an 8B and a 70B token, in ms, without attention.
        double published = shape.equals("70b") ? 10.1 : 1.98;
        Models models = Models.prepare(cache, Models.Size.of(shape + "-layers"));
        ObjectNode details = new ObjectMapper().createObjectNode();
        try (LoadedModel model = LoadedModel.open(models.imported())) {
            ModelConfig config = model.config();
            // The first reads the file into memory, which is not what is measured.
            model.verifierKey(share -> {});
            long begin = System.nanoTime();
            VerifierKey key = model.verifierKey(share -> {});
            double keySeconds = (System.nanoTime() - begin) / 1e9;
            long weights = SpeedProbe.weightBytes(model);
            System.out.printf(
                    Locale.ROOT, "key of %d MB of weights, checked and summed: %.1f s%n", weights >> 20, keySeconds);
            Keys node = Keys.random();
            int[] prompt = new int[context - 1];
            for (int i = 0; i < prompt.length; i++) {
                prompt[i] = 3 + (int) (i * 7919L % (config.vocab() - 3));
            }
            Request request = new Request(
                    model.id(),
                    "[]",
                    prompt,
                    Sampling.GREEDY,
                    2,
                    new int[0],
                    List.of(),
                    node.publicKey(),
                    new byte[16]);
            try (ForwardPass all = new ForwardPass(model);
                    ForwardPass one = new ForwardPass(model, model.layers(), Backend.best(), new Workers(1))) {
                Generator generator = new Generator(all, node.publicKey());
                Generator.Result result = generator.generate(request, token -> {});
                Answer answer = new Answer(result.tokens(), "");
                Receipt receipt = Receipt.of(request, answer, result.traceRoot(), result.traceBytes(), 0, node);
                Replay replay = new Replay(generator, all, node.publicKey(), request, result.tokens());
                AnswerView view = new AnswerView(key.manifest(), node.publicKey(), prompt, result.tokens());
                Auditor auditor = new Auditor(key);
                Cell cell = new Cell(1, context - block, context);
                MemorySegment opening = replay.bytes(cell);
                Sample perLayer = read(() -> check(auditor, view, receipt, cell, opening), block);
                Cell last = new Cell(config.layers(), context - 1, context);
                MemorySegment choice = replay.bytes(last);
                Sample perChoice = read(() -> check(auditor, view, receipt, last, choice), 1);
                Sample again = again(one, layers);
                double token = layers * perLayer.median() + perChoice.median();
                details.put("context", context).put("cellTokens", block).put("layers", layers);
                details.put("msPerLayer", perLayer.toString()).put("msPerChoice", perChoice.toString());
                details.put("openingBytesPerToken", layers * (opening.byteSize() / block) + choice.byteSize());
                details.put("keyMBPerModel", keyBytes(config, layers) >> 20);
                details.put("keyGBs", Headline.rounded(weights / 1e9 / keySeconds));
                details.put("msAgainPerToken", again.toString());
                System.out.println(details.toPrettyString());
                double[] tokens = new double[rounds];
                double[] ratios = new double[rounds];
                for (int i = 0; i < rounds; i++) {
                    tokens[i] = layers * perLayer.reading(i) + perChoice.median();
                    ratios[i] = again.median() / tokens[i];
                }
                String command = "./plumbline bench audit --shape " + shape;
                System.out.printf(Locale.ROOT, "%.2f ms a token%n", token);
                new Headline(
                                "audit-full-" + shape,
                                new Sample(tokens),
                                "ms of one core a token",
                                true,
                                "CommitLLM, as published, M4, without attention",
                                new Sample(published),
                                null,
                                command,
                                details)
                        .write(results);
                if (shape.equals("8b")) {
                    new Headline(
                                    "audit-vs-replay",
                                    new Sample(tokens),
                                    "ms of one core a token",
                                    true,
                                    "running it again, batched, on the same core",
                                    again,
                                    null,
                                    command,
                                    details)
                            .write(results);
                }
            }
        }
        return 0;
    }

    /** ms of one core a token, in a prefill of the same context: the layers', and the output matrix's where a token was chosen. */
    private Sample again(ForwardPass one, int layers) {
        SpeedProbe probe = new SpeedProbe(one, Generator.PREFILL_BLOCK);
        probe.prefill(Generator.PREFILL_BLOCK, false);
        double[] readings = new double[3];
        for (int i = 0; i < readings.length; i++) {
            readings[i] =
                    1e3 / probe.prefill(context, false) / one.model().config().layers() * layers;
        }
        return new Sample(readings);
    }

    private static long keyBytes(ModelConfig c, int layers) {
        long n = c.qkvDim() + 2L * c.hidden() + 2L * c.mlp();
        long k = 2L * c.hidden() + c.queryDim() + c.mlp();
        return layers * 2 * (4 * n + 8 * k) + 2 * (4L * c.vocab() + 8L * c.hidden());
    }
}
