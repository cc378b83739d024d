package io.plumbline.benchmarks.load;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.benchmarks.BenchmarkResult;
import io.plumbline.benchmarks.load.Exchange.Outcome;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/** Counts and latencies of the requests that were due after the warm-up. Used by any number of threads. */
final class Scores {
    static final String SEND_LAG = "send_lag";
    static final String FIRST = "first_token";
    static final String INTER = "inter_token";
    static final String PER_TOKEN = "per_token_of_an_answer";
    static final String END_TO_END = "end_to_end";
    static final String FIRST_FROM_SENT = "first_token_from_sent";
    static final String END_FROM_SENT = "end_to_end_from_sent";
    static final String RECEIPT = "receipt";

    /** Of requests that were due, so many may have been sent too late: when nothing was due any more, or never. */
    private static final double MOST_LATE = 0.01;

    private static final int MOST_REASONS = 20;
    private static final String OTHER_REASONS = "other reasons";

    private final Latencies latencies;
    private final Limits limits;
    private final long fromNs;
    private final long untilNs;
    private final Map<String, Long> reasons = new TreeMap<>();
    private final long[] outcomes = new long[Outcome.values().length];
    private long late;
    private long unsent;
    private long good;
    private long promptTokens;
    private long answerTokens;
    private long lastNs;

    /** @param fromNs end of the warm-up. @param untilNs when nothing is due any more. */
    Scores(Latencies latencies, Limits limits, long fromNs, long untilNs) {
        this.latencies = latencies;
        this.limits = limits;
        this.fromNs = fromNs;
        this.untilNs = untilNs;
        this.lastNs = fromNs;
    }

    /** @return whether it counts: it was due after the warm-up. */
    boolean add(Exchange one) {
        if (one.intendedNs() < fromNs) {
            return false;
        }
        latencies.record(SEND_LAG, one.sentNs() - one.intendedNs());
        long[] pieces = one.pieceNs();
        if (pieces.length > 0 && one.outcome() != Outcome.FAILED && one.outcome() != Outcome.REFUSED) {
            latencies.record(FIRST, one.firstNs());
            latencies.record(FIRST_FROM_SENT, pieces[0] - one.sentNs());
            for (int i = 1; i < pieces.length; i++) {
                latencies.record(INTER, pieces[i] - pieces[i - 1]);
            }
        }
        if (one.outcome() == Outcome.ANSWERED) {
            latencies.record(END_TO_END, one.endNs() - one.intendedNs());
            latencies.record(END_FROM_SENT, one.endNs() - one.sentNs());
            if (one.perTokenNs() > 0) {
                latencies.record(PER_TOKEN, one.perTokenNs());
            }
            if (one.receiptNs() > 0) {
                latencies.record(RECEIPT, one.receiptNs() - one.intendedNs());
            }
        }
        count(one);
        return true;
    }

    private synchronized void count(Exchange one) {
        outcomes[one.outcome().ordinal()]++;
        late += one.sentNs() > untilNs ? 1 : 0;
        good += one.outcome() == Outcome.ANSWERED && limits.areKeptBy(one) ? 1 : 0;
        promptTokens += one.promptTokens();
        answerTokens += one.answerTokens();
        lastNs = Math.max(lastNs, one.endNs());
        if (one.why() != null) {
            String reason = reasons.size() < MOST_REASONS || reasons.containsKey(one.why()) ? one.why() : OTHER_REASONS;
            reasons.merge(reason, 1L, Long::sum);
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

    synchronized long answerTokens() {
        return answerTokens;
    }

    /** From the end of the warm-up to the last end of a request, in seconds. */
    private double seconds() {
        return Math.max(1e-9, (lastNs - fromNs) / 1e9);
    }

    /**
     * Why the run says nothing of the endpoint; empty where it does.
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

    /** Counts, rates and reasons. */
    synchronized void describe(ObjectNode json) {
        json.put("requests", count());
        for (Outcome outcome : Outcome.values()) {
            json.put(outcome.name().toLowerCase(Locale.ROOT), of(outcome));
        }
        json.put("sent_late", late).put("unsent", unsent).put("seconds", BenchmarkResult.rounded(seconds()));
        json.put("answers_per_s", BenchmarkResult.rounded(of(Outcome.ANSWERED) / seconds()));
        json.put("prompt_tokens", promptTokens).put("answer_tokens", answerTokens);
        json.put("answer_tokens_per_s", BenchmarkResult.rounded(answerTokens / seconds()));
        ObjectNode goodput = json.putObject("goodput");
        limits.describe(goodput);
        goodput.put("answers", good)
                .put("share", BenchmarkResult.rounded(good / Math.max(1.0, count() - of(Outcome.CANCELLED))));
        goodput.put("answers_per_s", BenchmarkResult.rounded(good / seconds()));
        if (!reasons.isEmpty()) {
            ObjectNode why = json.putObject("why");
            reasons.forEach(why::put);
        }
    }
}
