package io.plumbline.node.health;

import io.plumbline.node.network.Event;
import java.time.Duration;
import java.util.Locale;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import org.agrona.ErrorHandler;
import org.agrona.concurrent.AgentTerminationException;

/**
 * The life of a role's process: from its start to a signal, or to a fault, after which it is gone within a second. A
 * process that lingers half dead is worse than one that ends: only the second is started again.
 *
 * <p>{@link #run} has it hear uncaught exceptions and signals, once in a process, and runs the role to its end.
 */
public final class Lifecycle implements FaultListener {
    /** Time to say what the fault is: a host so busy that it takes this long says it for once. */
    private static final Duration SAY = Duration.ofSeconds(5);

    /** Time to close what is open after a fault, once it is said; then the process is halted. */
    private static final Duration FAULT = Duration.ofMillis(700);

    /** Time for what was cut to end with a receipt. */
    private static final Duration CUT = Duration.ofSeconds(5);

    /** Time to close what is open once nothing is left to do. */
    private static final Duration CLOSE = Duration.ofSeconds(10);

    private static final long LOOK_NS = TimeUnit.MILLISECONDS.toNanos(20);

    private final Consumer<Event> events;
    private final CountDownLatch end = new CountDownLatch(1);
    private final CountDownLatch closed = new CountDownLatch(1);
    private final AtomicReference<ExitCode> code = new AtomicReference<>();
    private final Thread reaper = Thread.ofPlatform().daemon().name("reaper").unstarted(this::reap);
    private volatile RunningRole role;
    private volatile boolean isDrained;
    private volatile boolean isClosing;
    private volatile long haltNs = Long.MAX_VALUE;

    /** @param events hears what an operator is to know. */
    public Lifecycle(Consumer<Event> events) {
        this.events = events;
    }

    /** Hears uncaught exceptions of all threads, and signals, from now on. */
    private void install() {
        // Begun now: where memory has run out no thread can be.
        reaper.start();
        Thread.setDefaultUncaughtExceptionHandler(this::onUncaught);
        Runtime.getRuntime().addShutdownHook(new Thread(this::onShutdown, "shutdown"));
    }

    /** Starts a role. */
    @FunctionalInterface
    public interface Opening {
        RunningRole open(FaultListener faults) throws Exception;
    }

    /**
     * Starts a role, and returns when it is to end and has: told by a signal it drains first.
     *
     * @param bound on draining.
     * @return what the process is to end with.
     */
    public ExitCode run(Opening opening, Duration bound) throws Exception {
        install();
        try {
            role = opening.open(this);
        } finally {
            if (role == null) {
                code.compareAndSet(null, ExitCode.FAILED);
                closed.countDown();
            }
        }
        end.await();
        try {
            if (isDrained) {
                drain(bound);
            }
            isClosing = true;
            haltAfter(CLOSE);
            role.close();
        } catch (RuntimeException e) {
            say(new Event.Warning("While closing: " + e));
        } finally {
            closed.countDown();
        }
        return code.get();
    }

    private void drain(Duration bound) {
        long began = System.nanoTime();
        say(new Event.Draining(bound.toSeconds()));
        role.drain();
        boolean isWhole = isIdleWithin(bound);
        if (!isWhole) {
            role.cut();
            isIdleWithin(CUT);
        }
        say(new Event.Drained(isWhole, (System.nanoTime() - began) / 1e9));
    }

    private boolean isIdleWithin(Duration most) {
        long until = System.nanoTime() + most.toNanos();
        // A fault ends the draining too.
        while (!role.isIdle() && code.get() == ExitCode.DONE) {
            if (System.nanoTime() - until > 0) {
                return false;
            }
            LockSupport.parkNanos(LOOK_NS);
        }
        return role.isIdle();
    }

    /** Why the process is not ready; null where it is. */
    public String notReady() {
        if (code.get() != null) {
            return isDrained ? "draining" : "ending";
        }
        RunningRole running = role;
        return running == null ? "starting" : running.notReady();
    }

    /** Has the process end, at once: nothing is drained. */
    public void end() {
        if (code.compareAndSet(null, ExitCode.DONE)) {
            end.countDown();
        }
        if (role == null) {
            // It may wait for the ledger for long.
            Runtime.getRuntime().halt(ExitCode.DONE.code());
        }
    }

    @Override
    public void onFault(ExitCode as, Throwable why) {
        ExitCode before = code.get();
        boolean isFirst = before == null || before == ExitCode.DONE;
        // A part that is being closed may fail of it: that changes nothing any more.
        if (!isFirst || isClosing || !code.compareAndSet(before, as)) {
            return;
        }
        haltAfter(SAY);
        try {
            say(new Event.Failed(as.name().toLowerCase(Locale.ROOT), as.code(), why == null ? null : why.toString()));
        } finally {
            haltAfter(FAULT);
            end.countDown();
        }
    }

    /** Hears what agents and libraries report: most of it they go on after. */
    public static ErrorHandler errors(Consumer<Event> events, FaultListener faults) {
        return e -> {
            events.accept(new Event.Error(e.toString()));
            if (e instanceof VirtualMachineError && !(e instanceof StackOverflowError)) {
                faults.onFault(ExitCode.MEMORY, e);
            } else if (e instanceof AgentTerminationException) {
                // Aeron's own agents end so, before it is said of what: their client was taken for dead, most likely.
                faults.onFault(ExitCode.DRIVER, e);
            }
        };
    }

    private void onUncaught(Thread thread, Throwable e) {
        // One task of many ends by itself: what runs on a virtual thread has told those that wait for it.
        boolean isTask = thread.isVirtual() && e instanceof Exception;
        if (isTask) {
            say(new Event.Error("In thread " + thread.getName() + ": " + e));
            return;
        }
        ExitCode as = e instanceof VirtualMachineError && !(e instanceof StackOverflowError)
                ? ExitCode.MEMORY
                : ExitCode.THREAD;
        try {
            e.printStackTrace();
        } finally {
            onFault(as, new IllegalStateException("Thread " + thread.getName() + " ended: " + e, e));
        }
    }

    /** By a signal, or because the process ends: then there is nothing to wait for. */
    private void onShutdown() {
        if (code.compareAndSet(null, ExitCode.DONE)) {
            if (role == null) {
                Runtime.getRuntime().halt(ExitCode.DONE.code());
            }
            isDrained = true;
            end.countDown();
        }
        if (code.get() == ExitCode.FAILED) {
            return;
        }
        try {
            closed.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        // A signal's exit code would be that of a process that failed.
        Runtime.getRuntime().halt(code.get().code());
    }

    private synchronized void haltAfter(Duration time) {
        haltNs = Math.min(haltNs, System.nanoTime() + time.toNanos());
        LockSupport.unpark(reaper);
    }

    private void reap() {
        while (haltNs == Long.MAX_VALUE) {
            LockSupport.park();
        }
        for (long left; (left = haltNs - System.nanoTime()) > 0; ) {
            LockSupport.parkNanos(left);
        }
        Runtime.getRuntime().halt(code.get().code());
    }

    private void say(Event event) {
        try {
            events.accept(event);
        } catch (RuntimeException | Error e) {
            // Nothing that cannot be said may keep the process.
        }
    }
}
