package io.plumbline.node.cli;

import io.plumbline.verifier.receipt.LogitAdjustments;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.receipt.Sampling;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * A request's options in a line for a person. An audit finds an answer right by whatever its request asks; that this is
 * what the client asked, and not what a gateway made of it, the client alone can see.
 */
final class RequestLine {
    private static final double MILLION = LogitAdjustments.MILLION;
    private static final int MOST_SHOWN = 200;

    private RequestLine() {}

    /** All options but those that ask for nothing. */
    static String of(Request request) {
        Sampling sampling = request.sampling();
        LogitAdjustments adjustments = sampling.adjustments();
        List<String> parts = new ArrayList<>();
        parts.add("temperature " + sampling.temperature());
        add(parts, "top_p", sampling.topPMillionths(), LogitAdjustments.MILLION);
        if (sampling.topK() != 0) {
            parts.add("top_k " + sampling.topK());
        }
        add(parts, "min_p", sampling.minPMillionths(), 0);
        parts.add("seed " + sampling.seed());
        add(parts, "presence_penalty", adjustments.presence(), 0);
        add(parts, "frequency_penalty", adjustments.frequency(), 0);
        add(parts, "repetition_penalty", adjustments.repetition(), LogitAdjustments.MILLION);
        Map<Integer, Double> biases = new TreeMap<>();
        for (int i = 0; i < adjustments.biased().length; i++) {
            biases.put(adjustments.biased()[i], adjustments.biases()[i] / MILLION);
        }
        if (!biases.isEmpty()) {
            parts.add("logit_bias " + shown(biases.toString()));
        }
        parts.add("max_tokens " + request.maxTokens());
        if (!request.stopTexts().isEmpty()) {
            parts.add("stop " + request.stopTexts());
        }
        if (!request.grammar().isEmpty()) {
            parts.add("grammar " + shown(request.grammar()));
        }
        return time(request.time()) + " with " + String.join(", ", parts);
    }

    private static void add(List<String> parts, String field, int millionths, int nothing) {
        if (millionths != nothing) {
            parts.add(field + " " + millionths / MILLION);
        }
    }

    /** A request may name any number of seconds. */
    private static String time(long seconds) {
        boolean isInstant = seconds >= Instant.MIN.getEpochSecond() && seconds <= Instant.MAX.getEpochSecond();
        return isInstant ? Instant.ofEpochSecond(seconds).toString() : seconds + " s since 1970";
    }

    private static String shown(String text) {
        String line = text.strip().replaceAll("\\s+", " ");
        int most = Math.min(MOST_SHOWN, line.codePointCount(0, line.length()));
        int end = line.offsetByCodePoints(0, most);
        return line.substring(0, end) + (end < line.length() ? " ..." : "");
    }
}
