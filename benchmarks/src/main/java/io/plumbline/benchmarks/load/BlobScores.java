package io.plumbline.benchmarks.load;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.benchmarks.BenchmarkResult;
import io.plumbline.benchmarks.load.BlobCaller.Done;
import io.plumbline.benchmarks.load.BlobCaller.Kind;
import io.plumbline.benchmarks.load.Exchange.Outcome;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;

/** Counts, bytes and latencies of the requests for blobs that were due after the warm-up. For several threads. */
final class BlobScores {
    static final String FIRST = "first_verified";

    private static final String FROM_SENT = "_from_sent";
    private static final double MB = 1e6;

    private final Latencies latencies = new Latencies(
            Scores.SEND_LAG,
            FIRST,
            Kind.GET.latencies,
            Kind.RANGE.latencies,
            Kind.PUT.latencies,
            Kind.GET.latencies + FROM_SENT,
            Kind.RANGE.latencies + FROM_SENT,
            Kind.PUT.latencies + FROM_SENT);
    private final Tally tally;
    private long gotBytes;
    private long putBytes;
    private long wrong;

    /** @param fromNs end of the warm-up. @param untilNs when nothing is due any more. */
    BlobScores(long fromNs, long untilNs) {
        tally = new Tally(fromNs, untilNs);
    }

    Latencies latencies() {
        return latencies;
    }

    Tally tally() {
        return tally;
    }

    /** Takes a request that has ended; one of the warm-up counts only where it proves that a node sends wrong bytes. */
    void add(Done one) {
        note(one);
        if (!tally.counts(one.intendedNs())) {
            return;
        }
        latencies.record(Scores.SEND_LAG, one.sentNs() - one.intendedNs());
        boolean isDone = one.why() == null;
        if (isDone) {
            latencies.record(one.kind().latencies, one.endNs() - one.intendedNs());
            latencies.record(one.kind().latencies + FROM_SENT, one.endNs() - one.sentNs());
            if (one.kind() != Kind.PUT) {
                latencies.record(FIRST, one.firstNs() - one.intendedNs());
            }
        }
        tally.add(isDone ? Outcome.ANSWERED : Outcome.FAILED, one.sentNs(), one.endNs(), one.why());
    }

    private synchronized void note(Done one) {
        wrong += one.isWrong() ? 1 : 0;
        if (one.why() == null && tally.counts(one.intendedNs())) {
            gotBytes += one.kind() == Kind.PUT ? 0 : one.bytes();
            putBytes += one.kind() == Kind.PUT ? one.bytes() : 0;
        }
    }

    /** Why the run says nothing of the nodes; a get with wrong bytes fails it, whatever share of requests may fail. */
    synchronized List<String> faults(boolean isOpen, double mostErrors) {
        List<String> faults = new ArrayList<>();
        if (wrong > 0) {
            faults.add(wrong + " gets had bytes that are not the blob's");
        }
        faults.addAll(tally.faults(isOpen, mostErrors));
        return faults;
    }

    /** Counts, rates and reasons. */
    synchronized void describe(ObjectNode json) {
        tally.describe(json, EnumSet.of(Outcome.ANSWERED, Outcome.FAILED));
        json.put("wrong_bytes", wrong).put("got_bytes", gotBytes).put("put_bytes", putBytes);
        json.put("got_mb_per_s", BenchmarkResult.rounded(gotBytes / MB / tally.seconds()));
        json.put("put_mb_per_s", BenchmarkResult.rounded(putBytes / MB / tally.seconds()));
        tally.describeReasons(json);
    }
}
