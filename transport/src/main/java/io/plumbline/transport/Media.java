package io.plumbline.transport;

import io.aeron.Aeron;
import io.aeron.driver.MediaDriver;
import io.aeron.driver.status.SystemCounterDescriptor;
import io.aeron.exceptions.AeronException;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.agrona.CloseHelper;
import org.agrona.ErrorHandler;
import org.agrona.concurrent.status.AtomicCounter;

/** A media driver in this process that anybody may send to, and a client of it: what {@link Endpoint}s need. */
public final class Media implements AutoCloseable {
    /** The same error is told once in so long. */
    private static final long QUIET_NS = TimeUnit.SECONDS.toNanos(10);

    private final MediaDriver driver;
    private final Aeron aeron;
    private final ErrorHandler errors;
    private final long[] counts = new long[Counter.values().length];
    private boolean isClosed;

    /**
     * @param folder of the driver's files, made, and removed when this closes.
     * @param hears told what goes wrong inside.
     * @param onEnd called once, by a thread of its own, when it cannot go on: the process should end then rather than
     *     linger.
     */
    public Media(Path folder, ErrorHandler hears, Runnable onEnd) {
        AtomicBoolean isEnding = new AtomicBoolean();
        AtomicReference<String> last = new AtomicReference<>("");
        AtomicLong untilNs = new AtomicLong(System.nanoTime());
        errors = e -> {
            // An address that cannot be sent to is said again with each datagram.
            boolean isNew = !String.valueOf(e).equals(last.getAndSet(String.valueOf(e)));
            if (isNew || System.nanoTime() - untilNs.get() > 0) {
                untilNs.set(System.nanoTime() + QUIET_NS);
                hears.onError(e);
            }
            boolean isFatal = e instanceof AeronException aeronException
                    && aeronException.category() == AeronException.Category.FATAL;
            if (isFatal && isEnding.compareAndSet(false, true)) {
                Thread.ofPlatform().name("media-end").start(onEnd);
            }
        };
        driver = MediaDriver.launch(Drivers.context(folder).errorHandler(errors));
        try {
            aeron = Drivers.connect(driver.aeronDirectoryName(), errors);
        } catch (RuntimeException e) {
            CloseHelper.quietClose(driver);
            throw e;
        }
    }

    public Aeron aeron() {
        return aeron;
    }

    /** Hears other clients of the driver in this process: where one of them has ended, all is at an end. */
    public ErrorHandler errors() {
        return errors;
    }

    /** Folder of the driver, which other clients in this process may share. */
    public String directory() {
        return driver.aeronDirectoryName();
    }

    /** Counts of the driver that an operator wants to see. */
    public enum Counter {
        ERRORS(SystemCounterDescriptor.ERRORS),
        NAKS_SENT(SystemCounterDescriptor.NAK_MESSAGES_SENT),
        NAKS_RECEIVED(SystemCounterDescriptor.NAK_MESSAGES_RECEIVED),
        RETRANSMITS_SENT(SystemCounterDescriptor.RETRANSMITS_SENT),
        LOSS_GAP_FILLS(SystemCounterDescriptor.LOSS_GAP_FILLS),
        BACK_PRESSURE(SystemCounterDescriptor.SENDER_FLOW_CONTROL_LIMITS),
        SHORT_SENDS(SystemCounterDescriptor.SHORT_SENDS),
        INVALID_PACKETS(SystemCounterDescriptor.INVALID_PACKETS),
        BYTES_SENT(SystemCounterDescriptor.BYTES_SENT),
        BYTES_RECEIVED(SystemCounterDescriptor.BYTES_RECEIVED);

        private final SystemCounterDescriptor descriptor;

        Counter(SystemCounterDescriptor descriptor) {
            this.descriptor = descriptor;
        }
    }

    /** A count since the start; the last that was read, once the driver has ended. */
    public synchronized long count(Counter counter) {
        AtomicCounter of = driver.context().systemCounters().get(counter.descriptor);
        // Its memory goes with the driver: to read it then would end the JVM.
        if (!isClosed && !of.isClosed()) {
            counts[counter.ordinal()] = of.get();
        }
        return counts[counter.ordinal()];
    }

    @Override
    public void close() {
        synchronized (this) {
            isClosed = true;
        }
        CloseHelper.closeAll(aeron, driver);
    }
}
