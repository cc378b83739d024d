package io.plumbline.benchmarks.load;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.benchmarks.BenchmarkResult;
import java.io.FileNotFoundException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.HdrHistogram.ConcurrentHistogram;
import org.HdrHistogram.Histogram;
import org.HdrHistogram.HistogramLogWriter;

/** Histograms of nanoseconds by name, to three digits. Recorded by any thread. */
public final class Latencies {
    private static final long MOST_NS = TimeUnit.HOURS.toNanos(1);
    private static final int DIGITS = 3;
    private static final double MS = 1e6;

    private final Map<String, Histogram> byName = new LinkedHashMap<>();

    /** @param names in the order in which they are reported. */
    public Latencies(String... names) {
        for (String name : names) {
            Histogram histogram = new ConcurrentHistogram(MOST_NS, DIGITS);
            histogram.setTag(name);
            byName.put(name, histogram);
        }
    }

    /** Records a latency; one beyond an hour counts as an hour. */
    public void record(String name, long ns) {
        byName.get(name).recordValue(Math.clamp(ns, 0, MOST_NS));
    }

    /** The values recorded under {@code name} so far. */
    public Histogram histogram(String name) {
        return byName.get(name);
    }

    /** Milliseconds that a share of the values, in percent, do not exceed; 0 where there are none. */
    public double ms(String name, double percentile) {
        Histogram histogram = byName.get(name);
        return histogram.getTotalCount() == 0 ? 0 : histogram.getValueAtPercentile(percentile) / MS;
    }

    /** Percentiles of each that has values, in milliseconds, and the whole histogram: compressed, in base64. */
    public ObjectNode json() {
        ObjectNode json = new ObjectMapper().createObjectNode();
        byName.forEach((name, histogram) -> {
            if (histogram.getTotalCount() > 0) {
                ObjectNode one = json.putObject(name).put("count", histogram.getTotalCount());
                one.put("mean_ms", BenchmarkResult.rounded(histogram.getMean() / MS));
                one.put("p50_ms", BenchmarkResult.rounded(ms(name, 50)));
                one.put("p90_ms", BenchmarkResult.rounded(ms(name, 90)));
                one.put("p99_ms", BenchmarkResult.rounded(ms(name, 99)));
                one.put("p99_9_ms", BenchmarkResult.rounded(ms(name, 99.9)));
                one.put("max_ms", BenchmarkResult.rounded(histogram.getMaxValue() / MS));
                one.put("hdr", encoded(histogram));
            }
        });
        return json;
    }

    private static String encoded(Histogram histogram) {
        ByteBuffer buffer = ByteBuffer.allocate(histogram.getNeededByteBufferCapacity());
        int length = histogram.copy().encodeIntoCompressedByteBuffer(buffer);
        return Base64.getEncoder().encodeToString(Arrays.copyOf(buffer.array(), length));
    }

    /**
     * Writes each as one interval, tagged by its name, into a log that HdrHistogram's own tools read.
     *
     * @param beginMs of the interval, since the epoch; {@code endMs} likewise.
     */
    public void writeLog(Path file, long beginMs, long endMs) throws FileNotFoundException {
        HistogramLogWriter log = new HistogramLogWriter(file.toFile());
        try {
            log.outputLogFormatVersion();
            log.outputStartTime(beginMs);
            log.setBaseTime(beginMs);
            log.outputLegend();
            for (Histogram histogram : byName.values()) {
                if (histogram.getTotalCount() > 0) {
                    Histogram whole = histogram.copy();
                    whole.setTag(histogram.getTag());
                    whole.setStartTimeStamp(beginMs);
                    whole.setEndTimeStamp(endMs);
                    log.outputIntervalHistogram(whole);
                }
            }
        } finally {
            log.close();
        }
    }
}
