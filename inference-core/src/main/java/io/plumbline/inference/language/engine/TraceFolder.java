package io.plumbline.inference.language.engine;

import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * Joins finished blocks of tokens to their traces' trees while a device runs the next step. One thread for the process:
 * a token costs it microseconds, of a processor that waits otherwise.
 */
final class TraceFolder {
    private static final ExecutorService THREAD = Executors.newSingleThreadExecutor(
            Thread.ofPlatform().daemon().name("trace-folder").factory());

    private TraceFolder() {}

    /**
     * The executor that joins the blocks of a step of {@code rows} rows: the caller itself, where all processors have
     * worked on the step anyway, and for a single row, which takes no longer than waking a thread for it.
     */
    static java.util.concurrent.Executor after(Executor step, int rows) {
        return rows > 1 && step.leavesProcessorsIdle() ? THREAD : Runnable::run;
    }
}
