package io.plumbline.benchmarks.load;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.ParameterException;
import com.fasterxml.jackson.databind.node.ObjectNode;

/** Latencies that a good answer keeps, in milliseconds from when its request was due; 0 for no limit. */
final class Limits {
    @Parameter(names = "--ttft-limit-ms", description = "goodput: the longest to the first token; 0 for no limit")
    private double firstMs;

    @Parameter(
            names = "--inter-token-limit-ms",
            description = "goodput: the longest between tokens, on an answer's average; 0 for no limit")
    private double perTokenMs;

    @Parameter(names = "--end-to-end-limit-ms", description = "goodput: the longest to the last token; 0 for no limit")
    private double endToEndMs;

    void requireSound() {
        if (firstMs < 0 || perTokenMs < 0 || endToEndMs < 0) {
            throw new ParameterException("A limit is 0 or more milliseconds.");
        }
    }

    /** Whether an answer kept all of them. */
    boolean areKeptBy(Exchange answered) {
        return isWithin(answered.firstNs(), firstMs)
                && isWithin(answered.perTokenNs(), perTokenMs)
                && isWithin(answered.endNs() - answered.intendedNs(), endToEndMs);
    }

    private static boolean isWithin(long ns, double limitMs) {
        return limitMs == 0 || ns <= limitMs * 1e6;
    }

    /** Options of a command line that ask for the same. */
    String words() {
        return word("--ttft-limit-ms", firstMs)
                + word("--inter-token-limit-ms", perTokenMs)
                + word("--end-to-end-limit-ms", endToEndMs);
    }

    private static String word(String option, double limitMs) {
        return limitMs == 0 ? "" : " " + option + " " + limitMs;
    }

    void describe(ObjectNode json) {
        json.put("first_token_ms", firstMs).put("inter_token_ms", perTokenMs).put("end_to_end_ms", endToEndMs);
    }
}
