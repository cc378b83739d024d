package io.plumbline.benchmarks.load;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.benchmarks.BenchmarkResult;
import io.plumbline.benchmarks.load.Exchange.Outcome;
import java.util.EnumSet;

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

    private final Latencies latencies;
    private final Limits limits;
    private final Tally tally;
    private long good;
    private long promptTokens;
    private long answerTokens;

    /** @param fromNs end of the warm-up. @param untilNs when nothing is due any more. */
    Scores(Latencies latencies, Limits limits, long fromNs, long untilNs) {
        this.latencies = latencies;
        this.limits = limits;
        this.tally = new Tally(fromNs, untilNs);
    }

    /** @return whether it counts: it was due after the warm-up. */
    boolean add(Exchange one) {
        if (!tally.counts(one.intendedNs())) {
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
        tally.add(one.outcome(), one.sentNs(), one.endNs(), one.why());
        good += one.outcome() == Outcome.ANSWERED && limits.areKeptBy(one) ? 1 : 0;
        promptTokens += one.promptTokens();
        answerTokens += one.answerTokens();
    }

    /** How many ended how, and whether the run says anything of the endpoint. */
    Tally tally() {
        return tally;
    }

    synchronized long answerTokens() {
        return answerTokens;
    }

    /** Counts, rates and reasons. */
    synchronized void describe(ObjectNode json) {
        tally.describe(json, EnumSet.allOf(Outcome.class));
        double seconds = tally.seconds();
        json.put("prompt_tokens", promptTokens).put("answer_tokens", answerTokens);
        json.put("answer_tokens_per_s", BenchmarkResult.rounded(answerTokens / seconds));
        ObjectNode goodput = json.putObject("goodput");
        limits.describe(goodput);
        long stayed = tally.count() - tally.of(Outcome.CANCELLED);
        goodput.put("answers", good).put("share", BenchmarkResult.rounded(good / Math.max(1.0, stayed)));
        goodput.put("answers_per_s", BenchmarkResult.rounded(good / seconds));
        tally.describeReasons(json);
    }
}
