package io.plumbline.transport;

import io.aeron.Aeron;
import io.aeron.driver.MediaDriver;
import io.aeron.driver.ThreadingMode;
import io.plumbline.transport.guard.Guard;
import java.net.InetAddress;
import java.nio.file.Path;
import java.util.Set;
import java.util.function.Supplier;
import org.agrona.ErrorHandler;
import org.agrona.concurrent.IdleStrategy;
import org.agrona.concurrent.SleepingMillisIdleStrategy;

/**
 * How Plumbline's processes run Aeron: one thread that backs off when idle, because a node's cores belong to its
 * work, and that a datagram wakes. Measured on two cores: busy spinning made the median round trip 329 us.
 */
public final class Drivers {
    /** Term buffers: an eighth of it is the largest message. */
    public static final int TERM_BYTES = 4 << 20;

    /** Bytes a sender may be ahead of a receiver; within what Linux grants a socket without being asked. */
    public static final int WINDOW_BYTES = 208 << 10;

    static {
        // What goes wrong is told to error handlers; Aeron's own lines would stand between a role's events.
        System.setProperty("aeron.fallback.logger", "no_op");
    }

    private static final long SETUP_MS = 5;

    private Drivers() {}

    /**
     * For one thread that polls for a driver: backs off step by step when there is nothing to do. Where the driver is
     * this process's, what comes to it ends a sleep.
     *
     * @param directory of the driver.
     */
    public static IdleStrategy idle(String directory) {
        PollingThreads threads = PollingThreads.of(directory);
        return threads == null ? new DozingIdleStrategy() : threads.client();
    }

    /**
     * A media driver context for what anybody may send to: {@link Endpoint}s.
     *
     * @param folder created, and removed when the driver closes.
     */
    public static MediaDriver.Context context(Path folder) {
        PollingThreads threads = PollingThreads.begin(folder.toString());
        return Guard.addressesProven(plain(folder, threads), TERM_BYTES, threads::watch);
    }

    /**
     * A media driver context for what only some hosts may send to.
     *
     * @param folder created, and removed when the driver closes.
     * @param hosts asked for each datagram: must be fast.
     */
    public static MediaDriver.Context context(Path folder, Supplier<Set<InetAddress>> hosts) {
        PollingThreads threads = PollingThreads.begin(folder.toString());
        return Guard.hostsKnown(plain(folder, threads), hosts, threads::watch);
    }

    private static MediaDriver.Context plain(Path folder, PollingThreads threads) {
        return new MediaDriver.Context()
                .aeronDirectoryName(folder.toString())
                .threadingMode(ThreadingMode.SHARED)
                .sharedIdleStrategy(threads.driver())
                .sharedThreadFactory(driver -> new Thread(() -> {
                    try (threads) {
                        driver.run();
                    }
                }))
                // It makes files and resolves names when a session begins, and is not waited for otherwise.
                .asyncExecutorIdleStrategy(new SleepingMillisIdleStrategy(SETUP_MS))
                .termBufferSparseFile(true)
                .initialWindowLength(WINDOW_BYTES)
                .socketRcvbufLength(WINDOW_BYTES)
                .socketSndbufLength(WINDOW_BYTES)
                .publicationTermBufferLength(TERM_BYTES)
                .ipcTermBufferLength(TERM_BYTES)
                .dirDeleteOnStart(true)
                .dirDeleteOnShutdown(true)
                .warnIfDirectoryExists(false);
    }

    /**
     * A client of a media driver.
     *
     * @param directory of the driver.
     * @param errors told what goes wrong, where Aeron's own would print it, and end the process when its driver does
     *     not answer.
     */
    public static Aeron connect(String directory, ErrorHandler errors) {
        return Aeron.connect(new Aeron.Context().aeronDirectoryName(directory).errorHandler(errors));
    }
}
