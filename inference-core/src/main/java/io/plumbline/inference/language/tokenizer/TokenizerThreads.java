package io.plumbline.inference.language.tokenizer;

import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Supplier;

/**
 * The threads on which prompts are made for callers on virtual threads. A native call keeps a virtual thread's carrier
 * until it is done, and long texts take some hundred milliseconds and some hundred bytes a character: on the callers'
 * own threads a few clients would hold up all others of a gateway, or fill its memory.
 */
public final class TokenizerThreads {

    private static final ExecutorService THREADS = Executors.newFixedThreadPool(
            Math.clamp(Runtime.getRuntime().availableProcessors() / 2, 1, 8),
            Thread.ofPlatform().daemon().name("tokenizer-", 0).factory());

    private TokenizerThreads() {}

    /**
     * What {@code work} gives, once one of the threads has done it; on the caller's thread where that is a platform
     * thread. Whatever the work throws is thrown.
     */
    public static <T> T call(Supplier<T> work) {
        if (!Thread.currentThread().isVirtual()) {
            return work.get();
        }
        Future<T> done = THREADS.submit(work::get);
        boolean isInterrupted = false;
        try {
            while (true) {
                try {
                    return done.get();
                } catch (InterruptedException e) {
                    // It ends soon: texts are bounded.
                    isInterrupted = true;
                }
            }
        } catch (ExecutionException e) {
            switch (e.getCause()) {
                case RuntimeException thrown -> throw thrown;
                case Error thrown -> throw thrown;
                default -> throw new IllegalStateException(e.getCause());
            }
        } finally {
            if (isInterrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
