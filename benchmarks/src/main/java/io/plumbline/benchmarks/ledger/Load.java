package io.plumbline.benchmarks.ledger;

import io.plumbline.transport.ledgerwire.MessageHeaderEncoder;
import io.plumbline.transport.ledgerwire.SubmitEncoder;
import java.io.IOException;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.HdrHistogram.Histogram;
import org.agrona.ExpandableArrayBuffer;

/**
 * Sends messages over one line without waiting for each answer, and notes how long each took from when it was due.
 * Used by one thread.
 */
final class Load implements AutoCloseable {
    private static final long GIVE_UP_NS = TimeUnit.SECONDS.toNanos(60);

    private final Line line;
    private final ExpandableArrayBuffer buffer = new ExpandableArrayBuffer(4096);
    private final Histogram ordered = new Histogram(TimeUnit.MINUTES.toNanos(2), 3);
    private long[] due = new long[1024];
    private long[] heights = new long[1024];
    private int sent;
    private int answered;

    /** @param line closed with this. */
    Load(Line line) {
        this.line = line;
    }

    private void heard(long id, long height) {
        ordered.recordValue(Math.max(0, System.nanoTime() - due[(int) id]));
        heights[(int) id] = height;
        answered++;
    }

    /** A command for the ledger. */
    void command(byte[] signed, long dueNs, int window) throws IOException {
        SubmitEncoder encoder = new SubmitEncoder().wrapAndApplyHeader(buffer, 0, new MessageHeaderEncoder());
        encoder.correlationId(sent).putCommand(signed, 0, signed.length);
        offer(MessageHeaderEncoder.ENCODED_LENGTH + encoder.encodedLength(), dueNs, window);
    }

    /** A message of so many bytes for the echo. */
    void echo(int bytes, long dueNs, int window) throws IOException {
        buffer.putLong(0, sent);
        buffer.putByte(bytes - 1, (byte) 1);
        offer(bytes, dueNs, window);
    }

    private void offer(int length, long dueNs, int window) throws IOException {
        if (sent == due.length) {
            due = Arrays.copyOf(due, 2 * sent);
            heights = Arrays.copyOf(heights, 2 * sent);
        }
        due[sent] = dueNs;
        long end = System.nanoTime() + GIVE_UP_NS;
        while (sent - answered >= window || !line.offer(buffer, length)) {
            poll(end);
        }
        sent++;
        line.poll(this::heard);
    }

    private void poll(long end) throws IOException {
        if (line.poll(this::heard) == 0) {
            if (System.nanoTime() > end) {
                throw new IOException(
                        "The cluster has stopped answering: " + answered + " of " + sent + " answers came.");
            }
            LockSupport.parkNanos(20_000);
        }
    }

    /** Waits until a time, hearing answers. */
    void idleUntil(long ns) {
        while (System.nanoTime() < ns) {
            if (line.poll(this::heard) == 0) {
                LockSupport.parkNanos(20_000);
            }
        }
    }

    /** Waits for all answers. */
    void drain() throws IOException {
        long end = System.nanoTime() + GIVE_UP_NS;
        while (answered < sent) {
            poll(end);
        }
    }

    /** From due to ordered, of all answers. */
    Histogram ordered() {
        return ordered;
    }

    int sent() {
        return sent;
    }

    long due(int message) {
        return due[message];
    }

    /** Of the ledger when it answered. */
    long height(int message) {
        return heights[message];
    }

    @Override
    public void close() {
        line.close();
    }
}
