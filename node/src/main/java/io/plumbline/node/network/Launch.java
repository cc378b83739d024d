package io.plumbline.node.network;

import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Deque;
import org.agrona.CloseHelper;

/** A process's start, step by step: where one fails, what those before it opened is closed, the last first. */
public final class Launch {
    private final Deque<AutoCloseable> opened = new ArrayDeque<>();

    private Launch() {}

    /** The steps. */
    @FunctionalInterface
    public interface Steps<T> {
        T take(Launch launch) throws IOException;
    }

    /**
     * Takes all steps.
     *
     * @throws IOException or {@link RuntimeException}: what the step that failed threw; nothing is left open.
     */
    public static <T> T of(Steps<T> steps) throws IOException {
        Launch launch = new Launch();
        boolean isDone = false;
        try {
            T done = steps.take(launch);
            isDone = true;
            return done;
        } finally {
            if (!isDone) {
                CloseHelper.quietCloseAll(launch.opened);
            }
        }
    }

    /** Has this closed where a later step fails. */
    public <T extends AutoCloseable> T opened(T one) {
        opened.push(one);
        return one;
    }
}
