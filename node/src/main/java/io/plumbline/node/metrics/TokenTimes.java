package io.plumbline.node.metrics;

import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.Timer;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;

/** How long tokens take: from a request to its first token, and from one to the next. A token allocates nothing. */
public final class TokenTimes {
    private static final double[] FIRST_S = {
        0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160
    };
    private static final double[] NEXT_S = {
        0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1, 2.5, 5, 10
    };

    private final Timer first;
    private final Timer next;

    /**
     * Declares them.
     *
     * @param prefix of their names, such as "plumbline".
     * @param where it is measured, for their help texts.
     */
    public TokenTimes(MeterRegistry registry, String prefix, String where) {
        this(registry, prefix, where, Tags.empty());
    }

    /** The same with labels. */
    public TokenTimes(MeterRegistry registry, String prefix, String where, Tags tags) {
        first = Timer.builder(prefix + ".time.to.first.token")
                .description("From a request to its first token, " + where)
                .serviceLevelObjectives(durations(FIRST_S))
                .tags(tags)
                .register(registry);
        next = Timer.builder(prefix + ".inter.token.latency")
                .description("From one token of an answer to the next, " + where)
                .serviceLevelObjectives(durations(NEXT_S))
                .tags(tags)
                .register(registry);
    }

    private static Duration[] durations(double[] seconds) {
        return Arrays.stream(seconds)
                .mapToObj(s -> Duration.ofNanos(Math.round(s * 1e9)))
                .toArray(Duration[]::new);
    }

    /** An answer begins to be waited for. */
    public Answer begin() {
        return new Answer();
    }

    /** One answer; one thread at a time. */
    public final class Answer {
        private long last = System.nanoTime();
        private boolean hasBegun;

        private Answer() {}

        /** Its next token is there. */
        public void token() {
            long now = System.nanoTime();
            (hasBegun ? next : first).record(now - last, TimeUnit.NANOSECONDS);
            hasBegun = true;
            last = now;
        }
    }
}
