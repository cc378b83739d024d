package io.plumbline.benchmarks;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.inference.language.engine.Accelerator.Rates;
import io.plumbline.verifier.model.ModelConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.StreamSupport;

/**
 * A GPU's speed, as far as it is known. Written whole after each thing that is measured, so that nothing is lost by
 * what fails later: {@code gpu-speed.json} has all of it, {@code gpu-targets.tsv} a line a target: its name, PASS,
 * FAIL or NOT RUN, the value, its spread, what is wanted, and why it was not run.
 */
final class GpuReport {
    /** Of the measured memory bandwidth, at the smallest batch. */
    private static final double WANTED_BANDWIDTH = 0.85;

    /** Of the measured int8 peak, by the longest prompt's linear part. */
    private static final double WANTED_INT8 = 0.60;

    /** Most that the trace may add to the time, in %. */
    private static final double WANTED_TRACE = 3;

    /**
     * Times compiled PyTorch in bf16: at the smallest batch, where both wait for memory and int8 is half of it; and
     * elsewhere.
     */
    private static final double WANTED_SMALLEST = 1.5;

    private static final double WANTED_ELSEWHERE = 1;

    /** Shares of the data sheet between which a measured peak is believed. */
    private static final double LEAST_OF_SHEET = 0.7;

    private static final double MOST_OF_SHEET = 1.05;

    private static final ObjectMapper MAPPER = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);

    private final Path results;
    private final ObjectNode about;
    private final List<Integer> batches;
    private final List<Integer> prompts;
    private final ModelConfig config;
    private final long weightBytes;
    private final Map<String, TraceCost> ours = new LinkedHashMap<>();
    private final Map<String, String> failed = new LinkedHashMap<>();
    private JsonNode theirs = MAPPER.createObjectNode();
    private JsonNode vllm = MAPPER.createObjectNode();
    private String noPeer = "the peer has not measured it";
    private String noRates = "the peaks were not measured";
    private Rates rates;

    /** A line of {@code gpu-targets.tsv}. */
    private record Line(String name, String verdict, String value, String spread, String wanted, String why) {
        @Override
        public String toString() {
            return String.join("\t", name, verdict, value, spread, wanted, why);
        }
    }

    /**
     * @param about model, GPU and how it is measured.
     * @param batches of the decoding cases, ascending.
     * @param prompts of the prefill cases, ascending.
     */
    GpuReport(
            Path results,
            ObjectNode about,
            List<Integer> batches,
            List<Integer> prompts,
            ModelConfig config,
            long weightBytes) {
        this.results = results;
        this.about = about;
        this.batches = batches;
        this.prompts = prompts;
        this.config = config;
        this.weightBytes = weightBytes;
    }

    void ours(String what, TraceCost cost) throws IOException {
        ours.put(what, cost);
        write();
    }

    /** A case, "peaks", "peer" or "device" failed. */
    void failed(String what, String why) throws IOException {
        failed.put(what, oneLine(why));
        switch (what) {
            case "peer" -> noPeer = oneLine(why);
            case "peaks" -> noRates = oneLine(why);
            default -> {}
        }
        write();
    }

    void withoutPeer(String why) throws IOException {
        noPeer = why;
        write();
    }

    void rates(Rates measured) throws IOException {
        rates = measured;
        write();
    }

    void theirs(JsonNode said) throws IOException {
        theirs = said;
        write();
    }

    void vllm(JsonNode said) throws IOException {
        vllm = said;
        write();
    }

    boolean complete() {
        return failed.isEmpty();
    }

    JsonNode theirs() {
        return theirs;
    }

    private static String oneLine(String why) {
        return String.valueOf(why).replaceAll("\\s+", " ");
    }

    static Readings sample(JsonNode readings) {
        return readings.isArray() && !readings.isEmpty()
                ? new Readings(StreamSupport.stream(readings.spliterator(), false)
                        .mapToDouble(JsonNode::asDouble)
                        .toArray())
                : new Readings(Double.NaN);
    }

    /**
     * The most of all int8 rates that were measured: no instruction of ours is called the peak of a device that does
     * more.
     */
    private double int8Peak() {
        double torch = theirs.path("int8OpsPerS").asDouble();
        return rates == null ? torch : Math.max(rates.int8Peak(), torch);
    }

    private static int number(String what) {
        return Integer.parseInt(what.replaceAll("\\D", ""));
    }

    /** Of the measured bandwidth: every decoded token of a batch reads all weights once. */
    private Readings bandwidth(String what) {
        double all = rates == null ? Double.NaN : rates.bytesPerSecond();
        return ours.get(what).traced().map(tokens -> tokens / number(what) * weightBytes / all);
    }

    /**
     * Of the measured int8 peak, by the linear part: the weights' elements, twice, but for the output matrix, which
     * only the last token needs.
     */
    private Readings int8(String what) {
        double operations = 2.0 * (weightBytes - (long) config.vocab() * config.hidden());
        double all = int8Peak() == 0 ? Double.NaN : int8Peak();
        return ours.get(what).traced().map(tokens -> tokens * operations / all);
    }

    ObjectNode details() {
        ObjectNode details = about.deepCopy();
        if (rates != null) {
            details.put("readGBs", BenchmarkResult.rounded(rates.bytesPerSecond() / 1e9));
            details.put("int8MmaTOPS", BenchmarkResult.rounded(rates.int8OperationsPerSecond() / 1e12));
            details.put("int8PeakTOPS", BenchmarkResult.rounded(int8Peak() / 1e12));
            if (rates.datasheetInt8() > 0) {
                details.put(
                        "readOfDatasheet",
                        BenchmarkResult.rounded(rates.bytesPerSecond() / rates.datasheetBytesPerSecond()));
                details.put("int8PeakOfDatasheet", BenchmarkResult.rounded(int8Peak() / rates.datasheetInt8()));
            }
        }
        if (!vllm.isEmpty()) {
            details.put(
                    "vllm",
                    vllm.path("vllm").asText("skipped: " + vllm.path("absent").asText()));
        }
        if (theirs.has("bf16OpsPerS")) {
            details.put(
                    "bf16TorchTFLOPS",
                    BenchmarkResult.rounded(theirs.path("bf16OpsPerS").asDouble() / 1e12));
        }
        ours.forEach((what, cost) -> {
            ObjectNode row = details.putObject(what);
            row.put("tokensPerS", cost.traced().toString());
            row.put("withoutTrace", cost.bare().toString());
            row.put("tracePercent", cost.percent().toString());
            if (theirs.has(what)) {
                row.put("pytorchTokensPerS", sample(theirs.path(what)).toString());
            }
            if (vllm.has(what)) {
                row.put("vllmTokensPerS", sample(vllm.path(what)).toString());
            }
            if (rates != null) {
                row.put(
                        what.startsWith("decode") ? "shareOfBandwidth" : "shareOfInt8Peak",
                        (what.startsWith("decode") ? bandwidth(what) : int8(what)).toString());
            }
        });
        if (!failed.isEmpty()) {
            details.set("failed", MAPPER.valueToTree(failed));
        }
        if (theirs.has("failed")) {
            details.set("peerFailed", theirs.path("failed"));
        }
        return details;
    }

    private void write() throws IOException {
        Files.createDirectories(results);
        Files.writeString(results.resolve("gpu-speed.json"), MAPPER.writeValueAsString(details()) + "\n");
        Files.write(
                results.resolve("gpu-targets.tsv"),
                targets().stream().map(Line::toString).toList());
    }

    private List<Line> targets() {
        List<Line> lines = new ArrayList<>();
        String decode = "decode" + batches.getFirst();
        lines.add(ofSheet(
                "memory reads, of the data sheet", rates == null ? Double.NaN : rates.bytesPerSecond(), "GB/s", 1e9));
        lines.add(ofSheet("int8 peak, of the data sheet", rates == null ? Double.NaN : int8Peak(), "TOPS", 1e12));
        lines.add(share(
                "decode at batch " + batches.getFirst() + ", of measured memory bandwidth", decode, WANTED_BANDWIDTH));
        if (!prompts.isEmpty()) {
            String prefill = "prefill" + prompts.getLast();
            lines.add(share(
                    "prefill of " + prompts.getLast() + ", linear part of measured int8 peak", prefill, WANTED_INT8));
            lines.add(trace("trace in prefill of " + prompts.getLast(), prefill));
        }
        lines.add(trace("trace in decode at batch " + batches.getFirst(), decode));
        for (int batch : batches) {
            double wanted = batch == batches.getFirst() ? WANTED_SMALLEST : WANTED_ELSEWHERE;
            lines.add(beside("decode at batch " + batch + " beside compiled PyTorch", "decode" + batch, wanted));
        }
        for (int prompt : prompts) {
            lines.add(
                    beside("prefill of " + prompt + " beside compiled PyTorch", "prefill" + prompt, WANTED_ELSEWHERE));
        }
        return lines;
    }

    private static Line notRun(String name, String wanted, String why) {
        return new Line(name, "NOT RUN", "", "", wanted, why);
    }

    private String whyNot(String what) {
        return failed.getOrDefault(what, "it was not measured");
    }

    private static String formatted(String format, Object... values) {
        return String.format(Locale.ROOT, format, values);
    }

    private static String verdict(boolean good) {
        return good ? "PASS" : "FAIL";
    }

    private Line ofSheet(String name, double measured, String unit, double scale) {
        String wanted = formatted("%.2f to %.2f", LEAST_OF_SHEET, MOST_OF_SHEET);
        if (rates == null) {
            return notRun(name, wanted, noRates);
        }
        double sheet = unit.equals("GB/s") ? rates.datasheetBytesPerSecond() : rates.datasheetInt8();
        String value = formatted("%.0f %s", measured / scale, unit);
        if (!(sheet > 0)) {
            return new Line(name, "NOT RUN", value, "", wanted, "no data sheet of this GPU is known here");
        }
        double share = measured / sheet;
        return new Line(
                name,
                verdict(share >= LEAST_OF_SHEET && share <= MOST_OF_SHEET),
                formatted("%s, %.2f of %.0f", value, share, sheet / scale),
                "",
                wanted,
                "");
    }

    /** A share above 1 fails: what was measured as the peak was too low. */
    private Line share(String name, String what, double wanted) {
        String says = formatted("%.2f to 1", wanted);
        if (!ours.containsKey(what)) {
            return notRun(name, says, whyNot(what));
        }
        Readings share = what.startsWith("decode") ? bandwidth(what) : int8(what);
        if (Double.isNaN(share.median())) {
            return notRun(name, says, noRates);
        }
        String value = formatted(
                "%.2f (%s tokens/s)",
                share.median(), formatted("%.0f", ours.get(what).traced().median()));
        return new Line(
                name, verdict(share.median() >= wanted && share.median() <= 1), value, share.spread(), says, "");
    }

    private Line trace(String name, String what) {
        String wanted = formatted("%.0f %% at most", WANTED_TRACE);
        if (!ours.containsKey(what)) {
            return notRun(name, wanted, whyNot(what));
        }
        Readings percent = ours.get(what).percent();
        return new Line(
                name,
                verdict(percent.median() <= WANTED_TRACE),
                formatted("%.1f %%", percent.median()),
                percent.spread(),
                wanted,
                "");
    }

    private Line beside(String name, String what, double times) {
        String wanted = formatted("%.1f times at least", times);
        if (!ours.containsKey(what)) {
            return notRun(name, wanted, whyNot(what));
        }
        Readings peer = sample(theirs.path(what));
        if (Double.isNaN(peer.median())) {
            return notRun(name, wanted, theirs.path("failed").path(what).asText(noPeer));
        }
        Readings value = ours.get(what).traced();
        return new Line(
                name,
                verdict(value.median() >= times * peer.median()),
                formatted(
                        "%.2f times (%.0f and %.0f tokens/s)",
                        value.median() / peer.median(), value.median(), peer.median()),
                value.spread() + "; peer " + peer.spread(),
                wanted,
                "");
    }

    void print() {
        System.out.printf(Locale.ROOT, "%n%-52s %-8s %-40s %-28s %s%n", "target", "", "measured", "spread", "wanted");
        for (Line line : targets()) {
            System.out.printf(
                    Locale.ROOT,
                    "%-52s %-8s %-40s %-28s %s%n",
                    line.name(),
                    line.verdict(),
                    line.value().isEmpty() ? line.why() : line.value(),
                    line.spread(),
                    line.wanted());
        }
        System.out.println();
    }
}
