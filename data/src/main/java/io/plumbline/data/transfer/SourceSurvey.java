package io.plumbline.data.transfer;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/**
 * The same questions to all sources, side by side and for a bounded time, so that none holds the others' answers up.
 */
public final class SourceSurvey {
    /** Asks one source, by a virtual thread that is interrupted when the time is over. */
    @FunctionalInterface
    public interface Questions<S> {
        /**
         * Asks, and takes note of each answer as it comes, beside other threads.
         *
         * @throws IOException where the source fails, which ends its part.
         */
        void ask(S source) throws IOException;
    }

    private SourceSurvey() {}

    /**
     * Asks all sources and waits for them.
     *
     * @param timeMs after which those that have not answered are left out.
     * @throws IOException where this thread is interrupted.
     */
    public static <S> void run(List<? extends S> sources, long timeMs, Questions<S> questions) throws IOException {
        List<Future<?>> asked = new ArrayList<>();
        try (ExecutorService asking = Executors.newVirtualThreadPerTaskExecutor()) {
            try {
                for (S source : sources) {
                    asked.add(asking.submit(() -> {
                        questions.ask(source);
                        return null;
                    }));
                }
                asking.shutdown();
                asking.awaitTermination(timeMs, TimeUnit.MILLISECONDS);
            } finally {
                asked.forEach(one -> one.cancel(true));
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("Interrupted while data nodes were asked.", e);
        }
    }
}
