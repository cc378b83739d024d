package io.plumbline.transport;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.aeron.driver.MediaDriver;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.agrona.concurrent.IdleStrategy;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PollingThreadsTest {
    @TempDir
    Path folder;

    /** A poll of something; how much work it was. */
    private interface Poll {
        int poll() throws IOException;
    }

    /** A thread that polls until it is interrupted, or its poll fails. */
    private static Thread polling(IdleStrategy idle, Poll poll) {
        return Thread.ofPlatform().daemon().start(() -> {
            try {
                while (!Thread.currentThread().isInterrupted()) {
                    idle.idle(poll.poll());
                }
            } catch (IOException e) {
                // Its socket is closed: it was interrupted.
            }
        });
    }

    /** Takes all that there is. */
    private static Poll taking(AtomicInteger work, AtomicInteger done) {
        return () -> {
            int taken = work.getAndSet(0);
            done.addAndGet(taken);
            return taken;
        };
    }

    private static void await(AtomicInteger done, int count) throws InterruptedException {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(120);
        while (done.get() < count) {
            assertTrue(System.nanoTime() < end, done + " of " + count);
            Thread.sleep(1);
        }
    }

    /** Sleeps that nothing ends but a wake: each message must end one, whenever it comes. */
    @Test
    void noWakeIsMissedWheneverItComes() throws Exception {
        AtomicInteger woken = new AtomicInteger();
        AtomicInteger work = new AtomicInteger();
        AtomicInteger done = new AtomicInteger();
        Object lock = new Object();
        boolean[] isWoken = new boolean[1];
        DozingIdleStrategy idle = new DozingIdleStrategy(
                1_000_000,
                ns -> {
                    synchronized (lock) {
                        try {
                            while (!isWoken[0]) {
                                lock.wait();
                            }
                            isWoken[0] = false;
                        } catch (InterruptedException e) {
                            Thread.currentThread().interrupt();
                        }
                    }
                },
                () -> {
                    synchronized (lock) {
                        isWoken[0] = true;
                        lock.notifyAll();
                    }
                },
                woken::incrementAndGet);
        Thread thread = polling(idle, taking(work, done));
        for (int i = 1; i <= 20_000; i++) {
            work.incrementAndGet();
            idle.wake();
            if (i % 100 == 0) {
                await(done, i);
            }
        }
        await(done, 20_000);
        assertTrue(woken.get() > 0);
        thread.interrupt();
        thread.join();
    }

    @Test
    void aDatagramEndsTheDriversSleepAndItsWorkThatOfClients() throws Exception {
        InetAddress here = InetAddress.getLoopbackAddress();
        try (PollingThreads threads = PollingThreads.begin(folder.toString());
                DatagramChannel socket = DatagramChannel.open().bind(new InetSocketAddress(here, 0));
                DatagramChannel sender = DatagramChannel.open()) {
            socket.configureBlocking(false);
            threads.watch(socket);
            IdleStrategy driver = threads.driver();
            IdleStrategy client = threads.client();
            AtomicInteger forClient = new AtomicInteger();
            AtomicInteger done = new AtomicInteger();
            ByteBuffer into = ByteBuffer.allocate(8);
            Thread polls = polling(driver, () -> {
                int taken = socket.receive(into.clear()) == null ? 0 : 1;
                forClient.addAndGet(taken);
                return taken;
            });
            Thread waits = polling(client, taking(forClient, done));
            for (int i = 1; i <= 200; i++) {
                sender.send(ByteBuffer.allocate(1), socket.getLocalAddress());
                await(done, i);
            }
            polls.interrupt();
            waits.interrupt();
            polls.join();
            waits.join();
        }
    }

    /** A socket that nobody reads would have the driver run through its loop without end. */
    @Test
    void aSocketThatNobodyReadsTakesNoCore() throws Exception {
        InetAddress here = InetAddress.getLoopbackAddress();
        try (PollingThreads threads = PollingThreads.begin(folder.toString());
                DatagramChannel socket = DatagramChannel.open().bind(new InetSocketAddress(here, 0));
                DatagramChannel sender = DatagramChannel.open()) {
            socket.configureBlocking(false);
            threads.watch(socket);
            sender.send(ByteBuffer.allocate(1), socket.getLocalAddress());
            AtomicLong looks = new AtomicLong();
            Thread thread = polling(threads.driver(), () -> {
                looks.incrementAndGet();
                return 0;
            });
            Thread.sleep(1_000);
            thread.interrupt();
            thread.join();
            assertTrue(looks.get() < 20_000, looks + " looks in a second");
        }
    }

    /** What waits for its sockets goes with the driver, and the next one in the folder begins anew. */
    @Test
    void theThreadsAreThoseOfADriverWhileItRuns() {
        String directory;
        try (MediaDriver driver = MediaDriver.launch(Drivers.context(folder.resolve("driver")))) {
            directory = driver.aeronDirectoryName();
            assertNotNull(PollingThreads.of(directory));
            assertEquals("dozing", Drivers.idle(directory).alias());
        }
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(120);
        while (PollingThreads.of(directory) != null) {
            assertTrue(System.nanoTime() < end, "it has ended");
            Thread.onSpinWait();
        }
        assertNull(PollingThreads.of("elsewhere"));
    }
}
