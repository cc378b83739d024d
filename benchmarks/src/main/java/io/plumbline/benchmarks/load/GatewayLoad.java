package io.plumbline.benchmarks.load;

import static io.plumbline.benchmarks.load.Schedule.require;

import com.beust.jcommander.Parameter;
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
import java.util.Locale;
import java.util.concurrent.Callable;

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

    @Parameter(names = "--timeout", description = "seconds that one request may take; then it has failed")
    private int timeout = 120;

    @Parameter(
            names = "--follow",
            description = "answers at once that are followed to the ledger, where the endpoint gives receipts; 0: none")
    private int follow = 4;

    @Parameter(names = "--follow-seconds", description = "that one may take to be settled and certified")
    private int followSeconds = 60;

    @ParametersDelegate
    private Schedule schedule = new Schedule();

    @ParametersDelegate
    private Limits limits = new Limits();

    @ParametersDelegate
    private LoadResult result = new LoadResult();

    @Override
    public Integer call() throws Exception {
        requireSound();
        Api asked = Api.valueOf(api.toUpperCase(Locale.ROOT));
        Workload.Shape shape = new Workload.Shape(
                Lengths.option("--prompt", prompt, Lengths.MOST),
                Lengths.option("--output", output, Lengths.MOST),
                cancel,
                !whole,
                schedule.seed());
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
            long beginNs = System.nanoTime();
            Scores scores = new Scores(latencies, limits, beginNs + schedule.warmUpNs(), beginNs + schedule.lengthNs());
            Tally tally = scores.tally();
            ReceiptWatch watch = new ReceiptWatch(target, latencies, follow, Duration.ofSeconds(followSeconds));
            Pace pace = schedule.pace();
            Pace.Request request = (number, intendedNs) -> {
                Exchange exchange = caller.exchange(workload.call(number), intendedNs);
                if (scores.add(exchange) && exchange.outcome() == Outcome.ANSWERED) {
                    watch.follow(exchange);
                }
            };
            try (Progress _ = new Progress(() -> line(scores, latencies, pace, watch))) {
                tally.unsent(schedule.run(pace, beginNs, request));
                watch.finish();
            }
            ObjectNode measured = new ObjectMapper().createObjectNode();
            describe(measured.putObject("asked"), name);
            scores.describe(measured);
            watch.describe(measured);
            return result.finish(
                    "gateway",
                    command(name),
                    measured,
                    latencies,
                    began,
                    tally.faults(schedule.isOpen(), schedule.mostErrors()));
        }
    }

    private void requireSound() {
        schedule.requireSound();
        require(
                Arrays.stream(Api.values()).anyMatch(one -> one.name().equalsIgnoreCase(api)),
                "--api is chat, embeddings or tensors.");
        require(cancel >= 0 && cancel <= 1, "--cancel is a share from 0 to 1.");
        require(cancel == 0 || !whole && api.equalsIgnoreCase("chat"), "--cancel is for streams of chat.");
        require(body == null || api.equalsIgnoreCase("tensors"), "--body is the request of --api tensors.");
        require(timeout > 0, "--timeout is 1 or more.");
        require(follow >= 0 && followSeconds >= 0, "--follow and --follow-seconds are 0 or more.");
        limits.requireSound();
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
                scores.tally().of(Outcome.ANSWERED),
                scores.tally().of(Outcome.CANCELLED),
                scores.tally().of(Outcome.FAILED) + scores.tally().of(Outcome.REFUSED),
                pace.underWay(),
                watch.followed(),
                latencies.ms(Scores.FIRST, 50),
                latencies.ms(Scores.FIRST, 99),
                scores.answerTokens());
    }

    private void describe(ObjectNode asked, String name) {
        asked.put("url", url).put("api", api).put("model", name);
        schedule.describe(asked);
        asked.put("prompt", prompt).put("output", output);
        asked.put("cancel", cancel).put("streamed", !whole);
        if (extra != null) {
            asked.put("extra", extra);
        }
    }

    /** The command that does the same again; a key is in no file. */
    private String command(String name) {
        StringBuilder command = new StringBuilder("./plumbline load gateway --url " + url + " --model " + name);
        command.append(api.equals("chat") ? "" : " --api " + api).append(body == null ? "" : " --body " + body);
        command.append(schedule.words()).append(" --prompt " + prompt + " --output " + output);
        command.append(cancel == 0 ? "" : " --cancel " + cancel).append(whole ? " --whole" : "");
        command.append(extra == null ? "" : " --extra '" + extra + "'").append(limits.words());
        return command.toString();
    }
}
