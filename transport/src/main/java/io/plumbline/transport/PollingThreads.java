package io.plumbline.transport;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.ref.WeakReference;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.ClosedSelectorException;
import java.nio.channels.DatagramChannel;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.agrona.concurrent.IdleStrategy;

/**
 * The threads of this process that poll for one media driver: the driver's own, and those of its clients. While there
 * is nothing to do they sleep. A datagram wakes the driver's thread, which waits for its sockets, and a thread that has
 * done something wakes the others, since it may be for them. So a message is not held up by sleeping threads, each for
 * half a millisecond, and idle threads may sleep long. Any thread may call.
 */
final class PollingThreads implements AutoCloseable {
    /** By the driver's folder. */
    private static final Map<String, PollingThreads> OPEN = new ConcurrentHashMap<>();

    /** Wake-ups in a row in which the driver found nothing to do, after which sockets are left alone for one sleep. */
    private static final int MOST_USELESS = 16;

    /** The longest sleep: timers of the driver are that late then, and what no thread of these has given another. */
    private static final long DOZING_NS = TimeUnit.MILLISECONDS.toNanos(8);

    private static final long MS = TimeUnit.MILLISECONDS.toNanos(1);

    private final String folder;
    private final Selector selector;
    private final DozingIdleStrategy driver;
    private final CopyOnWriteArrayList<WeakReference<DozingIdleStrategy>> clients = new CopyOnWriteArrayList<>();

    /** Of the driver's thread alone. */
    private int useless;

    private PollingThreads(String folder) {
        this.folder = folder;
        try {
            this.selector = Selector.open();
        } catch (IOException e) {
            throw new UncheckedIOException("No socket can be waited for: " + e.getMessage(), e);
        }
        this.driver = new DozingIdleStrategy(DOZING_NS, this::awaitDatagram, selector::wakeup, this::wakeClients);
    }

    /** Of a driver that is to be launched; to be closed when it has ended. */
    static PollingThreads begin(String folder) {
        PollingThreads threads = new PollingThreads(folder);
        OPEN.put(folder, threads);
        return threads;
    }

    /** Of a driver of this process; null where it is another's. */
    static PollingThreads of(String folder) {
        return OPEN.get(folder);
    }

    /** For the driver's thread. */
    IdleStrategy driver() {
        return driver;
    }

    /** For one thread of a client. */
    IdleStrategy client() {
        Sleeper sleeper = new Sleeper();
        DozingIdleStrategy[] self = new DozingIdleStrategy[1];
        self[0] = new DozingIdleStrategy(DOZING_NS, sleeper::sleep, sleeper::wake, () -> wakeOthers(self[0]));
        clients.removeIf(client -> client.get() == null);
        clients.add(new WeakReference<>(self[0]));
        return self[0];
    }

    /** Has what comes to a socket wake the driver. */
    void watch(DatagramChannel channel) {
        try {
            channel.register(selector, SelectionKey.OP_READ);
            // Where the driver waits already, it is for the others.
            selector.wakeup();
        } catch (ClosedChannelException | ClosedSelectorException e) {
            // Its driver ends; a channel that is closed has nothing to wait for.
        }
    }

    /** Something was given to clients' threads by another thread. */
    void wakeClients() {
        for (WeakReference<DozingIdleStrategy> one : clients) {
            DozingIdleStrategy client = one.get();
            if (client != null) {
                client.wake();
            }
        }
    }

    private void wakeOthers(DozingIdleStrategy self) {
        driver.wake();
        for (WeakReference<DozingIdleStrategy> one : clients) {
            DozingIdleStrategy client = one.get();
            if (client != null && client != self) {
                client.wake();
            }
        }
    }

    private void awaitDatagram(long ns) {
        long began = System.nanoTime();
        if (useless < MOST_USELESS && selector.isOpen()) {
            try {
                // What is ready is for the driver to find out.
                int ready = selector.select(key -> {}, Math.max(1, ns / MS));
                useless = ready > 0 && System.nanoTime() - began < ns / 2 ? useless + 1 : 0;
                return;
            } catch (IOException | ClosedSelectorException e) {
                // It sleeps as others do, then.
            }
        }
        useless = 0;
        LockSupport.parkNanos(ns);
    }

    /** A client's thread, asleep or not. */
    private static final class Sleeper {
        private volatile Thread thread;

        void sleep(long ns) {
            if (thread == null) {
                thread = Thread.currentThread();
            }
            LockSupport.parkNanos(ns);
        }

        void wake() {
            LockSupport.unpark(thread);
        }
    }

    @Override
    public void close() {
        OPEN.remove(folder, this);
        try {
            selector.close();
        } catch (IOException e) {
            // Nobody waits for it any more.
        }
    }
}
