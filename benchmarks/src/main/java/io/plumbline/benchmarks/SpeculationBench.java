package io.plumbline.benchmarks;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.inference.language.engine.Engine;
import io.plumbline.inference.language.engine.ForwardPass;
import io.plumbline.inference.language.engine.Generator;
import io.plumbline.inference.language.engine.KvCache;
import io.plumbline.inference.language.engine.Workers;
import io.plumbline.inference.language.importer.ModelStore;
import io.plumbline.inference.language.kernels.Backend;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.inference.language.tokenizer.ChatTokenizer;
import io.plumbline.inference.tensor.TensorPackage;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.LogitAdjustments;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.receipt.Sampling;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;

/**
 * Headline cpu-speculation: decode with tokens computed ahead on a guess, beside the same engine without, on texts that
 * repeat themselves and on texts that do not. Rounds alternate between both; trace roots are compared first, since all
 * of it is for equal bits.
 */
@Parameters(commandNames = "speculation", commandDescription = "Decode with guesses, beside decode without.")
final class SpeculationBench implements Callable<Integer> {
    private static final Bytes32 NODE = Bytes32.ZERO;
    private static final int PROMPT = 16;
    private static final int MILLION = LogitAdjustments.MILLION;

    @Parameter(names = "--size", description = "150m or 1.1b: the random weights that the headline is measured on")
    private String size = "150m";

    @Parameter(names = "--threads", description = "threads")
    private int threads = Runtime.getRuntime().availableProcessors();

    @Parameter(names = "--rounds", description = "readings of each")
    private int rounds = 7;

    @Parameter(names = "--output", description = "tokens of an answer")
    private int output = 384;

    @Parameter(names = "--streams", description = "answers at once; the headline is about the first")
    private List<Integer> streams = List.of(1, 4);

    @Parameter(names = "--drafts", description = "most tokens ahead")
    private int drafts = Engine.Limits.DRAFTS;

    @Parameter(names = "--cache", description = "DIR: where models are made")
    private Path cache = Path.of(System.getProperty("java.io.tmpdir"), "plumbline-bench");

    @Parameter(names = "--results", description = "DIR: where results are written")
    private Path results = Path.of("benchmarks", "results");

    private final ObjectNode details = new ObjectMapper().createObjectNode();

    /** A kind of text, by how its tokens are chosen. */
    private record Text(String name, int[] prompt, Sampling sampling) {
        Request request(LoadedModel model, int output, int stream) {
            int[] tokens = prompt.clone();
            // Streams are different texts.
            tokens[0] = 3 + (tokens[0] + stream) % (model.config().vocab() - 3);
            return new Request(
                    model.id(),
                    "",
                    0,
                    tokens,
                    sampling.withSeed(sampling.seed() + stream),
                    output,
                    new int[0],
                    List.of(),
                    Bytes32.ZERO,
                    new byte[16]);
        }
    }

    /** Readings of a text, in tokens a second. */
    private record Pair(Readings with, Readings without) {
        Readings ratio() {
            return with.map(value -> value / without.median());
        }
    }

    @Override
    public Integer call() throws IOException {
        details.put("threads", threads).put("output", output).put("drafts", drafts);
        Pair headline;
        try (LoadedModel model =
                LoadedModel.open(Models.prepare(cache, Models.Size.of(size)).imported())) {
            int[] prompt = new Random(1).ints(PROMPT, 3, model.config().vocab()).toArray();
            List<Text> texts = List.of(
                    // The largest logit leads into a loop: text that repeats itself, as edits and quotes do.
                    new Text("loop", prompt, Sampling.GREEDY),
                    // Eight tokens in any order: everything was there before, and guesses are wrong most of the time.
                    new Text("eight tokens in any order", prompt, anyOf(8)),
                    new Text("random tokens", prompt, new Sampling(Sampling.MAX_TEMPERATURE, 0, MILLION, 5)));
            headline = measure(model, "random weights, " + size, texts);
        }
        Path shipped = Path.of("models", "plumbline-stories-2m");
        try (LoadedModel model =
                        LoadedModel.open(new ModelStore(TensorPackage.store()).find(shipped, share -> {}, note -> {}));
                ChatTokenizer tokenizer = ChatTokenizer.of(model.tokenFiles())) {
            int[] prompt = tokenizer.prompt(List.of(new ChatTokenizer.Message("user", "Tell me a story about a fox.")));
            List<Text> texts = List.of(
                    new Text("story, greedy", prompt, Sampling.GREEDY),
                    new Text("story, temperature 0.8", prompt, new Sampling(0.8f, 0, 950_000, 5)));
            measure(model, "plumbline-stories-2m", texts);
        }
        new BenchmarkResult(
                        "cpu-speculation",
                        headline.with(),
                        "tokens/s",
                        false,
                        "the same engine without speculation",
                        headline.without(),
                        null,
                        "./plumbline bench speculation --size " + size + " --threads " + threads,
                        details)
                .write(results);
        return 0;
    }

    /** Draws about evenly from {@code n} tokens: a bias puts them first, and the temperature levels them. */
    private static Sampling anyOf(int n) {
        int[] tokens = IntStream.range(0, n).map(i -> 100 + 7 * i).toArray();
        int[] biases = new int[n];
        Arrays.fill(biases, LogitAdjustments.MAX_BIAS);
        LogitAdjustments adjustments = new LogitAdjustments(0, 0, MILLION, tokens, biases);
        return new Sampling(Sampling.MAX_TEMPERATURE, n, MILLION, 0, 5, adjustments);
    }

    /** The first text's pair of the first number of streams; all of them into the details. */
    private Pair measure(LoadedModel model, String name, List<Text> texts) {
        Pair first = null;
        for (int count : streams) {
            for (Text text : texts) {
                Pair pair = measure(model, name, text, count);
                first = first == null ? pair : first;
            }
        }
        return first;
    }

    private Pair measure(LoadedModel model, String name, Text text, int count) {
        double[] with = new double[rounds];
        double[] without = new double[rounds];
        try (Engine guessing = engine(model, count, drafts);
                Engine plain = engine(model, count, 0)) {
            List<Generator.Result> expected = answers(plain, model, text, count, new AtomicLong());
            List<Generator.Result> found = answers(guessing, model, text, count, new AtomicLong());
            for (int i = 0; i < count; i++) {
                if (!Arrays.equals(expected.get(i).traceRoot(), found.get(i).traceRoot())) {
                    throw new IllegalStateException(text.name() + ": the trace root with guesses is another one.");
                }
            }
            for (int round = 0; round < rounds; round++) {
                // Which comes first alternates, so that a machine that slows down or speeds up harms both alike.
                for (boolean guesses : new boolean[] {round % 2 == 0, round % 2 != 0}) {
                    (guesses ? with : without)[round] = speed(guesses ? guessing : plain, model, text, count);
                }
            }
            Pair pair = new Pair(new Readings(with), new Readings(without));
            String label = name + ", " + text.name() + ", " + count + (count == 1 ? " answer" : " answers at once");
            ObjectNode one = details.putObject(label);
            one.put("tokensPerS", pair.with().toString());
            one.put("withoutSpeculation", pair.without().toString());
            one.put("ratio", BenchmarkResult.rounded(pair.ratio().median()));
            one.put("guessed", guessing.draftedTokens()).put("right", guessing.acceptedTokens());
            one.put("traceRoot", Blake3.hex(found.getFirst().traceRoot()));
            System.out.printf(
                    Locale.ROOT,
                    "%s: %s, without %s tokens/s: %.3f times; %d of %d guesses right; trace root %.12s%n",
                    label,
                    pair.with(),
                    pair.without(),
                    pair.ratio().median(),
                    guessing.acceptedTokens(),
                    guessing.draftedTokens(),
                    Blake3.hex(found.getFirst().traceRoot()));
            return pair;
        }
    }

    private Engine engine(LoadedModel model, int count, int ahead) {
        ForwardPass forward = new ForwardPass(model, model.layers(), Backend.best(), new Workers(threads));
        long pages = (long) (count + 1) * KvCache.pagesFor(model.config().maxPositions());
        long bytes = pages * KvCache.pageBytes(model.config());
        return new Engine(forward, NODE, new Engine.Limits(Generator.PREFILL_BLOCK, count, 64, bytes, ahead));
    }

    /** Tokens a second of all answers together, from the first token that is heard on. */
    private double speed(Engine engine, LoadedModel model, Text text, int count) {
        AtomicLong begin = new AtomicLong();
        List<Generator.Result> answers = answers(engine, model, text, count, begin);
        double seconds = (System.nanoTime() - begin.get()) / 1e9;
        return answers.stream().mapToInt(answer -> answer.tokens().length).sum() / seconds;
    }

    private List<Generator.Result> answers(Engine engine, LoadedModel model, Text text, int count, AtomicLong begin) {
        List<CompletableFuture<Generator.Result>> all = new ArrayList<>();
        int most = Math.min(output, model.config().maxPositions() - text.prompt().length);
        for (int i = 0; i < count; i++) {
            CompletableFuture<Generator.Result> done = new CompletableFuture<>();
            all.add(done);
            engine.submit(text.request(model, most, i), new Engine.Listener() {
                @Override
                public boolean onToken(int token, float[] logits, int offset) {
                    begin.compareAndSet(0, System.nanoTime());
                    return false;
                }

                @Override
                public void onDone(Generator.Result result) {
                    done.complete(result);
                }

                @Override
                public void onFailed(RuntimeException why) {
                    done.completeExceptionally(why);
                }
            });
        }
        return all.stream().map(CompletableFuture::join).toList();
    }
}
