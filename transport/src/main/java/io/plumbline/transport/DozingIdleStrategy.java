package io.plumbline.transport;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongConsumer;
import org.agrona.concurrent.IdleStrategy;

/**
 * Backs off step by step while there is nothing to do: spins, yields, sleeps for longer and longer, and sleeps longest
 * where there has been nothing for a while. A process has a handful of threads that poll, and each wake-up costs some
 * 10 us: an idle full node took a tenth of a core where all slept for a millisecond at most. One that may be woken
 * looks once more before it sleeps: what came before others could see that it will is not missed.
 */
final class DozingIdleStrategy implements IdleStrategy {
    private static final int SPINS = 10;
    private static final int YIELDS = 10;
    private static final long FIRST_NS = TimeUnit.MICROSECONDS.toNanos(10);
    private static final long AWAKE_NS = TimeUnit.MILLISECONDS.toNanos(1);

    /** The longest sleep of one that nobody wakes. */
    private static final long DOZING_NS = TimeUnit.MICROSECONDS.toNanos(2_500);

    /** Without work for so long it dozes. */
    private static final long UNTIL_DOZING_NS = TimeUnit.MILLISECONDS.toNanos(10);

    private final long dozingNs;
    private final LongConsumer sleep;
    private final Runnable wake;
    private final Runnable onWork;

    /** Whether it sleeps, or is about to and looks once more. */
    private final AtomicBoolean isAsleep = new AtomicBoolean();

    private int times;
    private long sleepNs = FIRST_NS;
    private long idleNs;

    /** One that nobody wakes. */
    DozingIdleStrategy() {
        this(DOZING_NS, LockSupport::parkNanos, () -> {}, () -> {});
    }

    /**
     * @param dozingNs the longest sleep.
     * @param sleep for so many nanoseconds, on the thread that polls.
     * @param wake ends a sleep, or the next, by any other thread.
     * @param onWork called when there was work.
     */
    DozingIdleStrategy(long dozingNs, LongConsumer sleep, Runnable wake, Runnable onWork) {
        this.dozingNs = dozingNs;
        this.sleep = sleep;
        this.wake = wake;
        this.onWork = onWork;
    }

    /** Ends its sleep, where it sleeps: by any other thread. */
    void wake() {
        if (isAsleep.get() && isAsleep.compareAndSet(true, false)) {
            wake.run();
        }
    }

    @Override
    public void idle(int workCount) {
        if (workCount > 0) {
            reset();
            onWork.run();
        } else {
            idle();
        }
    }

    @Override
    public void idle() {
        if (times < SPINS) {
            times++;
            Thread.onSpinWait();
        } else if (times < SPINS + YIELDS) {
            times++;
            Thread.yield();
        } else if (!isAsleep.get()) {
            isAsleep.set(true);
        } else {
            sleep.accept(sleepNs);
            idleNs += sleepNs;
            sleepNs = idleNs >= UNTIL_DOZING_NS ? dozingNs : Math.min(2 * sleepNs, AWAKE_NS);
        }
    }

    @Override
    public void reset() {
        times = 0;
        sleepNs = FIRST_NS;
        idleNs = 0;
        if (isAsleep.get()) {
            isAsleep.set(false);
        }
    }

    @Override
    public String alias() {
        return "dozing";
    }
}
