package io.plumbline.benchmarks.sessions;

import io.aeron.Aeron;
import io.aeron.ExclusivePublication;
import io.aeron.FragmentAssembler;
import io.aeron.Subscription;
import io.aeron.driver.MediaDriver;
import io.aeron.driver.ThreadingMode;
import io.aeron.logbuffer.FragmentHandler;
import io.aeron.logbuffer.Header;
import io.plumbline.benchmarks.load.Line;
import io.plumbline.transport.Drivers;
import io.plumbline.transport.Ports;
import java.io.IOException;
import java.nio.ByteOrder;
import java.nio.file.Path;
import org.agrona.CloseHelper;
import org.agrona.DirectBuffer;
import org.agrona.concurrent.Agent;
import org.agrona.concurrent.AgentRunner;
import org.agrona.concurrent.BackoffIdleStrategy;

/**
 * Raw Aeron over UDP: a driver of the same threads, window and datagrams as sessions have, with Aeron's own idle
 * strategy (it backs off to a sleep of a millisecond), and one publication each way. Its terms are longer: an eighth of
 * one is the largest message.
 */
final class AeronEcho implements Line {
    private static final int STREAM_ID = 7;
    private static final String OPTIONS = "|term-length=64m|mtu=8192";
    private static final int FRAGMENTS = 16;
    private static final long CONNECT_NS = 10_000_000_000L;

    private final MediaDriver driver;
    private final Aeron aeron;
    private final AgentRunner echo;
    private final ExclusivePublication out;
    private final Subscription in;
    private final FragmentHandler assembler = new FragmentAssembler(this::onMessage);
    private Heard hears;
    private int answers;

    AeronEcho(Path folder) throws IOException {
        driver = MediaDriver.launch(new MediaDriver.Context()
                .aeronDirectoryName(folder.toString())
                .threadingMode(ThreadingMode.SHARED)
                .termBufferSparseFile(true)
                .initialWindowLength(Drivers.WINDOW_BYTES)
                .socketRcvbufLength(Drivers.WINDOW_BYTES)
                .socketSndbufLength(Drivers.WINDOW_BYTES)
                .dirDeleteOnStart(true)
                .dirDeleteOnShutdown(true)
                .warnIfDirectoryExists(false));
        aeron = Drivers.connect(driver.aeronDirectoryName(), e -> {});
        int port = Ports.free(2);
        String there = "aeron:udp?endpoint=localhost:" + port + OPTIONS;
        String back = "aeron:udp?endpoint=localhost:" + (port + 1) + OPTIONS;
        in = aeron.addSubscription(back, STREAM_ID);
        echo = new AgentRunner(
                new BackoffIdleStrategy(),
                e -> {},
                null,
                new Returner(aeron.addSubscription(there, STREAM_ID), aeron.addExclusivePublication(back, STREAM_ID)));
        AgentRunner.startOnThread(echo);
        out = aeron.addExclusivePublication(there, STREAM_ID);
        long end = System.nanoTime() + CONNECT_NS;
        while (!out.isConnected() || !in.isConnected()) {
            if (System.nanoTime() > end) {
                close();
                throw new IOException("Raw Aeron's publications were not connected.");
            }
            Thread.onSpinWait();
        }
    }

    /** Sends back what comes, and takes nothing more while it cannot. */
    private static final class Returner implements Agent {
        private final Subscription subscription;
        private final ExclusivePublication publication;
        private final FragmentHandler assembler = new FragmentAssembler(this::onMessage);

        Returner(Subscription subscription, ExclusivePublication publication) {
            this.subscription = subscription;
            this.publication = publication;
        }

        private void onMessage(DirectBuffer buffer, int offset, int length, Header header) {
            while (publication.offer(buffer, offset, length) < 0) {
                if (publication.isClosed() || Thread.currentThread().isInterrupted()) {
                    return;
                }
                Thread.onSpinWait();
            }
        }

        @Override
        public int doWork() {
            return subscription.poll(assembler, FRAGMENTS);
        }

        @Override
        public String roleName() {
            return "aeron-echo";
        }
    }

    private void onMessage(DirectBuffer buffer, int offset, int length, Header header) {
        hears.answer(buffer.getLong(offset + Echo.NUMBER_OFFSET, ByteOrder.LITTLE_ENDIAN), 0);
        answers++;
    }

    @Override
    public boolean offer(DirectBuffer buffer, int length) {
        return out.offer(buffer, 0, length) > 0;
    }

    @Override
    public int poll(Heard heard) {
        hears = heard;
        answers = 0;
        int fragments = in.poll(assembler, FRAGMENTS);
        // Pieces of a message that is not whole are work, too: there is more to come at once.
        return Math.max(fragments, answers);
    }

    @Override
    public void close() {
        CloseHelper.closeAll(echo, aeron, driver);
    }
}
