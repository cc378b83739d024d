package io.plumbline.node.network;

import java.io.IOException;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/** Does something once a second, by a thread of its own, until it is closed. */
public final class EverySecond implements AutoCloseable {
    private final ScheduledExecutorService thread;

    /** One time of it. */
    @FunctionalInterface
    public interface Action {
        void run() throws IOException;
    }

    /**
     * Begins.
     *
     * @param name of the thread.
     * @param faults hears of an action that fails; the next one comes all the same.
     */
    public EverySecond(String name, Action action, Consumer<Throwable> faults) {
        thread = Executors.newSingleThreadScheduledExecutor(
                Thread.ofPlatform().daemon().name(name).factory());
        thread.scheduleWithFixedDelay(
                () -> {
                    try {
                        action.run();
                    } catch (IOException | RuntimeException | Error e) {
                        // It would not be done again.
                        faults.accept(e);
                    }
                },
                1,
                1,
                TimeUnit.SECONDS);
    }

    @Override
    public void close() {
        thread.shutdownNow();
    }
}
