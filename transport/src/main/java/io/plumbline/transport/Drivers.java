package io.plumbline.transport;

import io.aeron.Aeron;
import io.aeron.driver.MediaDriver;
import io.aeron.driver.ThreadingMode;
import io.plumbline.transport.guard.Guard;
import java.net.InetAddress;
import java.nio.file.Path;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.agrona.ErrorHandler;
import org.agrona.concurrent.BackoffIdleStrategy;
import org.agrona.concurrent.IdleStrategy;

/**
 * How Plumbline's processes run Aeron: one thread that backs off when idle, because a node's cores belong to its
 * work. Measured on two cores: busy spinning made the median round trip 329 us, this 9 us.
 */
public final class Drivers {
    /** Term buffers: an eighth of it is the largest message. */
    public static final int TERM_BYTES = 4 << 20;

    /** Bytes a sender may be ahead of a receiver; within what Linux grants a socket without being asked. */
    private static final int WINDOW_BYTES = 208 << 10;

    static {
        // What goes wrong is told to error handlers; Aeron's own lines would stand between a role's events.
        System.setProperty("aeron.fallback.logger", "no_op");
    }

    private Drivers() {}

    /** Longest sleep of an idle thread: it bounds how long a message waits, and what an idle node costs. */
    private static final long IDLE_MICROS = 1000;

    /** Backs off step by step when there is nothing to do. */
    public static IdleStrategy idle() {
        return new BackoffIdleStrategy(
                10, 10, TimeUnit.MICROSECONDS.toNanos(10), TimeUnit.MICROSECONDS.toNanos(IDLE_MICROS));
    }

    /**
     * A media driver context for what anybody may send to: {@link Endpoint}s.
     *
     * @param folder created, and removed when the driver closes.
     */
    public static MediaDriver.Context context(Path folder) {
        return Guard.addressesProven(plain(folder), TERM_BYTES);
    }

    /**
     * A media driver context for what only some hosts may send to.
     *
     * @param folder created, and removed when the driver closes.
     * @param hosts asked for each datagram: must be fast.
     */
    public static MediaDriver.Context context(Path folder, Supplier<Set<InetAddress>> hosts) {
        return Guard.hostsKnown(plain(folder), hosts);
    }

    private static MediaDriver.Context plain(Path folder) {
        return new MediaDriver.Context()
                .aeronDirectoryName(folder.toString())
                .threadingMode(ThreadingMode.SHARED)
                .sharedIdleStrategy(idle())
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
