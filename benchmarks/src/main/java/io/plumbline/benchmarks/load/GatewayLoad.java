package io.plumbline.benchmarks.load;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.ParameterException;
import com.beust.jcommander.Parameters;
import com.beust.jcommander.ParametersDelegate;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.benchmarks.load.Exchange.Outcome;
import io.plumbline.benchmarks.load.Workload.Api;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;

/** {@code plumbline load gateway}: an OpenAI-compatible endpoint under load, a gateway's or any other. */
@Parameters(
        commandNames = "gateway",
        commandDescription = "An OpenAI-compatible endpoint: first token, inter-token, end to end, goodput, receipts.")
final class GatewayLoad implements Callable<Integer> {
    @Parameter(names = "--url", description = "of the API, its /v1 included")
    private String url = "http://localhost:8080/v1";

    @Parameter(
            names = "--api-key",
            description = "for endpoints that ask for one; the variable OPENAI_API_KEY otherwise")
    private String apiKey = System.getenv("OPENAI_API_KEY");

    @Parameter(names = "--model", description = "the first that the endpoint lists, where none is named")
    private String model;

    @Parameter(names = "--api", description = "chat, embeddings or tensors")
    private String api = "chat";

    @Parameter(names = "--rate", description = "requests a second, sent when they are due (open loop)")
    private double rate;

    @Parameter(names = "--arrivals", description = "of an open loop: poisson or constant")
    private String arrivals = "poisson";

    @Parameter(
            names = "--concurrency",
            description = "in place of --rate: clients that ask again as soon as they have an answer (closed loop)")
    private int concurrency;

    @Parameter(names = "--seconds", description = "in which requests are sent and measured")
    private double seconds = 30;

    @Parameter(names = "--warm-up", description = "seconds at the same load before, of which nothing is kept")
    private double warmUp = 5;

    @Parameter(names = "--prompt", description = "words of a prompt: 128, 16-256, exp:100 or normal:100,20")
    private String prompt = "16-64";

    @Parameter(names = "--output", description = "most tokens of an answer, in the same forms")
    private String output = "64";

    @Parameter(names = "--cancel", description = "share of streams, 0 to 1, whose client leaves in their midst")
    private double cancel;

    @Parameter(names = "--whole", description = "ask for whole answers, not for streams")
    private boolean whole;

    @Parameter(names = "--extra", description = "JSON of fields that each request has, too: {\"temperature\":0}")
    private String extra;

    @Parameter(names = "--body", description = "FILE: with --api tensors: the request")
    private Path body;

    @Parameter(names = "--seed", description = "of prompts, lengths, cancellations and Poisson arrivals")
    private long seed = 1;

    @Parameter(names = "--timeout", description = "seconds that one request may take; then it has failed")
    private int timeout = 120;

    @Parameter(names = "--most-under-way", description = "requests at once; an open loop that needs more fails")
    private int mostUnderWay = 10_000;

    @Parameter(names = "--most-errors", description = "share of requests, 0 to 1, that may fail before the run does")
    private double mostErrors;

    @Parameter(
            names = "--follow",
            description = "answers at once that are followed to the ledger, where the endpoint gives receipts; 0: none")
    private int follow = 4;

    @Parameter(names = "--follow-seconds", description = "that one may take to be settled and certified")
    private int followSeconds = 60;

    @ParametersDelegate
    private Limits limits = new Limits();

    @ParametersDelegate
    private LoadResult result = new LoadResult();

    @Override
    public Integer call() throws Exception {
        requireSound();
        Api asked = Api.valueOf(api.toUpperCase(Locale.ROOT));
        Workload.Shape shape =
                new Workload.Shape(lengths("--prompt", prompt), lengths("--output", output), cancel, !whole, seed);
        Latencies latencies = new Latencies(
                Scores.SEND_LAG,
                Scores.FIRST,
                Scores.INTER,
                Scores.PER_TOKEN,
                Scores.END_TO_END,
                Scores.FIRST_FROM_SENT,
                Scores.END_FROM_SENT,
                Scores.RECEIPT,
                ReceiptWatch.AUDITED,
                ReceiptWatch.PAID,
                ReceiptWatch.CERTIFIED);
        try (Target target = new Target(url, apiKey, Duration.ofSeconds(timeout));
                Caller caller = new Caller(target)) {
            String name = target.model(model);
            Workload workload = body == null
                    ? new Workload(asked, name, shape, extra, "--extra")
                    : new Workload(asked, name, shape, read(body), body.toString());
            long began = System.currentTimeMillis();
            long lengthNs = nanos(warmUp + seconds);
            long beginNs = System.nanoTime();
            Scores scores = new Scores(latencies, limits, beginNs + nanos(warmUp), beginNs + lengthNs);
            ReceiptWatch watch = new ReceiptWatch(target, latencies, follow, Duration.ofSeconds(followSeconds));
            Pace pace = new Pace(mostUnderWay);
            Pace.Request request = (number, intendedNs) -> {
                Exchange exchange = caller.exchange(workload.call(number), intendedNs);
                if (scores.add(exchange) && exchange.outcome() == Outcome.ANSWERED) {
                    watch.follow(exchange);
                }
            };
            try (Progress _ = new Progress(() -> line(scores, latencies, pace, watch))) {
                if (isOpen()) {
                    scores.unsent(pace.open(times(), beginNs, lengthNs, request));
                } else {
                    pace.closed(concurrency, beginNs, lengthNs, request);
                }
                watch.finish();
            }
            ObjectNode measured = new ObjectMapper().createObjectNode();
            describe(measured.putObject("asked"), name);
            scores.describe(measured);
            watch.describe(measured);
            return result.finish(
                    "gateway", command(name), measured, latencies, began, scores.faults(isOpen(), mostErrors));
        }
    }

    private static long nanos(double seconds) {
        return (long) (seconds * TimeUnit.SECONDS.toNanos(1));
    }

    private boolean isOpen() {
        return rate > 0;
    }

    private Arrivals times() {
        return arrivals.equals("constant") ? Arrivals.constant(rate) : Arrivals.poisson(rate, seed);
    }

    private void requireSound() {
        if (rate > 0 == concurrency > 0 || rate < 0 || concurrency < 0 || !Double.isFinite(rate)) {
            throw new ParameterException("Name either --rate (requests a second) or --concurrency (clients), above 0.");
        }
        require(List.of("poisson", "constant").contains(arrivals), "--arrivals is poisson or constant.");
        require(
                Arrays.stream(Api.values()).anyMatch(one -> one.name().equalsIgnoreCase(api)),
                "--api is chat, embeddings or tensors.");
        require(cancel >= 0 && cancel <= 1, "--cancel is a share from 0 to 1.");
        require(cancel == 0 || !whole && api.equalsIgnoreCase("chat"), "--cancel is for streams of chat.");
        require(body == null || api.equalsIgnoreCase("tensors"), "--body is the request of --api tensors.");
        require(mostErrors >= 0 && mostErrors <= 1, "--most-errors is a share from 0 to 1.");
        require(seconds > 0 && warmUp >= 0 && seconds + warmUp < 1e6, "--seconds is above 0, --warm-up 0 or more.");
        require(timeout > 0 && mostUnderWay > 0, "--timeout and --most-under-way are 1 or more.");
        require(follow >= 0 && followSeconds >= 0, "--follow and --follow-seconds are 0 or more.");
        limits.requireSound();
    }

    private static void require(boolean holds, String otherwise) {
        if (!holds) {
            throw new ParameterException(otherwise);
        }
    }

    private static Lengths lengths(String option, String text) {
        try {
            return Lengths.parse(text);
        } catch (IllegalArgumentException e) {
            throw new ParameterException(option + ": " + e.getMessage());
        }
    }

    private static String read(Path file) throws IOException {
        try {
            return Files.readString(file);
        } catch (NoSuchFileException e) {
            throw new IOException("--body: " + file + " does not exist.", e);
        }
    }

    private static String line(Scores scores, Latencies latencies, Pace pace, ReceiptWatch watch) {
        return String.format(
                Locale.ROOT,
                "answered %d, cancelled %d, errors %d, under way %d, receipts followed %d;"
                        + " first token p50 %.4g, p99 %.4g ms; %d tokens",
                scores.of(Outcome.ANSWERED),
                scores.of(Outcome.CANCELLED),
                scores.of(Outcome.FAILED) + scores.of(Outcome.REFUSED),
                pace.underWay(),
                watch.followed(),
                latencies.ms(Scores.FIRST, 50),
                latencies.ms(Scores.FIRST, 99),
                scores.answerTokens());
    }

    private void describe(ObjectNode asked, String name) {
        asked.put("url", url).put("api", api).put("model", name);
        if (isOpen()) {
            asked.put("rate", rate).put("arrivals", arrivals);
        } else {
            asked.put("concurrency", concurrency);
        }
        asked.put("seconds", seconds)
                .put("warm_up", warmUp)
                .put("prompt", prompt)
                .put("output", output);
        asked.put("cancel", cancel).put("streamed", !whole).put("seed", seed);
        if (extra != null) {
            asked.put("extra", extra);
        }
    }

    /** The command that does the same again; a key is in no file. */
    private String command(String name) {
        StringBuilder command = new StringBuilder("./plumbline load gateway --url " + url + " --model " + name);
        command.append(api.equals("chat") ? "" : " --api " + api).append(body == null ? "" : " --body " + body);
        command.append(isOpen() ? " --rate " + rate + " --arrivals " + arrivals : " --concurrency " + concurrency);
        command.append(
                " --seconds " + seconds + " --warm-up " + warmUp + " --prompt " + prompt + " --output " + output);
        command.append(cancel == 0 ? "" : " --cancel " + cancel).append(whole ? " --whole" : "");
        command.append(extra == null ? "" : " --extra '" + extra + "'").append(" --seed " + seed);
        command.append(limits.words()).append(mostErrors == 0 ? "" : " --most-errors " + mostErrors);
        return command.toString();
    }
}
