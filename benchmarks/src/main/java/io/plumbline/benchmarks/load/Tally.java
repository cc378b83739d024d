package io.plumbline.benchmarks.load;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.benchmarks.BenchmarkResult;
import io.plumbline.benchmarks.load.Exchange.Outcome;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * Outcomes of the requests that were due after the warm-up, and whether a run says anything of what was under load.
 * Used by any number of threads.
 */
final class Tally {
    /** Of requests that were due, so many may have been sent too late: when nothing was due any more, or never. */
    private static final double MOST_LATE = 0.01;

    private static final int MOST_REASONS = 20;
    private static final String OTHER_REASONS = "other reasons";

    private final long fromNs;
    private final long untilNs;
    private final Map<String, Long> reasons = new TreeMap<>();
    private final long[] outcomes = new long[Outcome.values().length];
    private long late;
    private long unsent;
    private long lastNs;

    /** @param fromNs end of the warm-up. @param untilNs when nothing is due any more. */
    Tally(long fromNs, long untilNs) {
        this.fromNs = fromNs;
        this.untilNs = untilNs;
        this.lastNs = fromNs;
    }

    /** Whether a request counts: it was due after the warm-up. */
    boolean counts(long intendedNs) {
        return intendedNs >= fromNs;
    }

    /** @param why it failed; null where it did not. */
    synchronized void add(Outcome outcome, long sentNs, long endNs, String why) {
        outcomes[outcome.ordinal()]++;
        late += sentNs > untilNs ? 1 : 0;
        lastNs = Math.max(lastNs, endNs);
        if (why != null) {
            reasons.merge(
                    reasons.size() < MOST_REASONS || reasons.containsKey(why) ? why : OTHER_REASONS, 1L, Long::sum);
        }
    }

    /** @param requests that were due, and that there was no time to send. */
    synchronized void unsent(long requests) {
        unsent = requests;
    }

    synchronized long of(Outcome outcome) {
        return outcomes[outcome.ordinal()];
    }

    /** All that have ended. */
    synchronized long count() {
        long sum = 0;
        for (long one : outcomes) {
            sum += one;
        }
        return sum;
    }

    /** From the end of the warm-up to the last end of a request, in seconds. */
    synchronized double seconds() {
        return Math.max(1e-9, (lastNs - fromNs) / 1e9);
    }

    /**
     * Why the run says nothing of what was under load; empty where it does.
     *
     * @param isOpen whether requests were due at a rate.
     * @param mostErrors share of requests, 0 to 1, that may fail or be refused.
     */
    synchronized List<String> faults(boolean isOpen, double mostErrors) {
        List<String> faults = new ArrayList<>();
        long all = count();
        if (isOpen && late + unsent > Math.max(1, MOST_LATE * (all + unsent))) {
            faults.add((late + unsent) + " of " + (all + unsent)
                    + " requests could not be sent within the time in which they were due");
        }
        long failed = of(Outcome.FAILED) + of(Outcome.REFUSED);
        if (failed > mostErrors * all) {
            Map.Entry<String, Long> most = reasons.entrySet().stream()
                    .max(Map.Entry.comparingByValue())
                    .orElseThrow();
            faults.add(
                    failed + " of " + all + " requests failed, " + most.getValue() + " of them so: " + most.getKey());
        }
        if (of(Outcome.ANSWERED) == 0) {
            faults.add("no request was answered");
        }
        return faults;
    }

    /** Counts, and the time that they took. @param kinds outcomes that can be. */
    synchronized void describe(ObjectNode json, Set<Outcome> kinds) {
        json.put("requests", count());
        kinds.forEach(outcome -> json.put(outcome.name().toLowerCase(Locale.ROOT), of(outcome)));
        json.put("sent_late", late).put("unsent", unsent).put("seconds", BenchmarkResult.rounded(seconds()));
        json.put("answers_per_s", BenchmarkResult.rounded(of(Outcome.ANSWERED) / seconds()));
    }

    /** How often which request failed, and why. */
    synchronized void describeReasons(ObjectNode json) {
        if (!reasons.isEmpty()) {
            ObjectNode why = json.putObject("why");
            reasons.forEach(why::put);
        }
    }
}
