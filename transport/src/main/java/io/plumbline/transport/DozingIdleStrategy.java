package io.plumbline.transport;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.agrona.concurrent.IdleStrategy;

/**
 * Backs off step by step while there is nothing to do: spins, yields, sleeps for longer and longer, and sleeps longest
 * where there has been nothing for a while. A process has a handful of threads that poll, and each wake-up costs some
 * 10 us: an idle full node took a tenth of a core where all slept for a millisecond at most. While something happens
 * every few milliseconds a message waits for no more than that.
 */
final class DozingIdleStrategy implements IdleStrategy {
    private static final int SPINS = 10;
    private static final int YIELDS = 10;
    private static final long FIRST_NS = TimeUnit.MICROSECONDS.toNanos(10);
    private static final long AWAKE_NS = TimeUnit.MILLISECONDS.toNanos(1);
    private static final long DOZING_NS = TimeUnit.MICROSECONDS.toNanos(2_500);

    /** Without work for so long it dozes. */
    private static final long UNTIL_DOZING_NS = TimeUnit.MILLISECONDS.toNanos(10);

    private int times;
    private long sleepNs = FIRST_NS;
    private long idleNs;

    @Override
    public void idle(int workCount) {
        if (workCount > 0) {
            reset();
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
        } else {
            LockSupport.parkNanos(sleepNs);
            idleNs += sleepNs;
            sleepNs = idleNs >= UNTIL_DOZING_NS ? DOZING_NS : Math.min(2 * sleepNs, AWAKE_NS);
        }
    }

    @Override
    public void reset() {
        times = 0;
        sleepNs = FIRST_NS;
        idleNs = 0;
    }

    @Override
    public String alias() {
        return "dozing";
    }
}
