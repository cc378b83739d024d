package io.plumbline.benchmarks.load;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.ParameterException;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** When requests are sent: at a rate (open loop), or by so many clients (closed loop); how long; what may fail. */
final class Schedule {
    private static final int MOST_UNDER_WAY = 10_000;

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

    @Parameter(names = "--seed", description = "of what is drawn: lengths, kinds of requests, Poisson arrivals")
    private long seed = 1;

    @Parameter(names = "--most-under-way", description = "requests at once; an open loop that needs more fails")
    private int mostUnderWay = MOST_UNDER_WAY;

    @Parameter(names = "--most-errors", description = "share of requests, 0 to 1, that may fail before the run does")
    private double mostErrors;

    void requireSound() {
        if (rate > 0 == concurrency > 0 || rate < 0 || concurrency < 0 || !Double.isFinite(rate)) {
            throw new ParameterException("Name either --rate (requests a second) or --concurrency (clients), above 0.");
        }
        require(List.of("poisson", "constant").contains(arrivals), "--arrivals is poisson or constant.");
        require(seconds > 0 && warmUp >= 0 && seconds + warmUp < 1e6, "--seconds is above 0, --warm-up 0 or more.");
        require(mostUnderWay > 0, "--most-under-way is 1 or more.");
        require(mostErrors >= 0 && mostErrors <= 1, "--most-errors is a share from 0 to 1.");
    }

    /** @throws ParameterException that says {@code otherwise}, which says what to write, where it does not hold. */
    static void require(boolean holds, String otherwise) {
        if (!holds) {
            throw new ParameterException(otherwise);
        }
    }

    boolean isOpen() {
        return rate > 0;
    }

    long seed() {
        return seed;
    }

    double mostErrors() {
        return mostErrors;
    }

    /** Of the warm-up. */
    long warmUpNs() {
        return nanos(warmUp);
    }

    /** Of the warm-up and what is measured. */
    long lengthNs() {
        return nanos(warmUp + seconds);
    }

    private static long nanos(double seconds) {
        return (long) (seconds * TimeUnit.SECONDS.toNanos(1));
    }

    Pace pace() {
        return new Pace(mostUnderWay);
    }

    /**
     * Sends requests from {@code beginNs} on; returns when all have ended.
     *
     * @return requests that were due, and that there was no time to send.
     */
    long run(Pace pace, long beginNs, Pace.Request request) throws InterruptedException {
        if (!isOpen()) {
            pace.closed(concurrency, beginNs, lengthNs(), request);
            return 0;
        }
        Arrivals times = arrivals.equals("constant") ? Arrivals.constant(rate) : Arrivals.poisson(rate, seed);
        return pace.open(times, beginNs, lengthNs(), request);
    }

    void describe(ObjectNode asked) {
        if (isOpen()) {
            asked.put("rate", rate).put("arrivals", arrivals);
        } else {
            asked.put("concurrency", concurrency);
        }
        asked.put("seconds", seconds).put("warm_up", warmUp).put("seed", seed);
    }

    /** Options of a command line that ask for the same. */
    String words() {
        return (isOpen() ? " --rate " + rate + " --arrivals " + arrivals : " --concurrency " + concurrency)
                + " --seconds " + seconds + " --warm-up " + warmUp + " --seed " + seed
                + (mostUnderWay == MOST_UNDER_WAY ? "" : " --most-under-way " + mostUnderWay)
                + (mostErrors == 0 ? "" : " --most-errors " + mostErrors);
    }
}
