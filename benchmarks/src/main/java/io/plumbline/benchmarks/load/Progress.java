package io.plumbline.benchmarks.load;

import java.util.function.Supplier;

/** Says once a second, on standard error, how a load stands. */
public final class Progress implements AutoCloseable {
    private static final long EVERY_MS = 1_000;

    private final Thread thread;

    /** @param line how it stands now. */
    public Progress(Supplier<String> line) {
        long begin = System.nanoTime();
        thread = Thread.ofPlatform().daemon().name("load-progress").start(() -> {
            try {
                for (long second = 1; ; second++) {
                    Thread.sleep(Math.max(1, second * EVERY_MS - (System.nanoTime() - begin) / 1_000_000));
                    System.err.printf("%4d s  %s%n", second, line.get());
                }
            } catch (InterruptedException e) {
                // It is over.
            }
        });
    }

    @Override
    public void close() {
        thread.interrupt();
    }
}
