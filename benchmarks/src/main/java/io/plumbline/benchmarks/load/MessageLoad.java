package io.plumbline.benchmarks.load;

import java.io.IOException;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.HdrHistogram.Histogram;
import org.agrona.DirectBuffer;

/**
 * Sends messages over one line without waiting for each answer, and notes how long each took from when it was due.
 * Messages are numbered from 0 as they are sent. Used by one thread.
 */
public class MessageLoad implements AutoCloseable {
    private static final long GIVE_UP_NS = TimeUnit.SECONDS.toNanos(60);

    /** A shorter wait would be the timer's own length. */
    private static final long PAUSE_NS = 20_000;

    /** Share of the messages that were due that may be left unsent. */
    private static final double MOST_UNSENT = 0.01;

    private final Line line;
    private final Histogram answers = new Histogram(TimeUnit.MINUTES.toNanos(2), 3);
    private long[] due = new long[1024];
    private long[] heights = new long[1024];
    private int sent;
    private int answered;

    /** Sends one message. */
    public interface Send {
        /** @param dueNs when it is due. */
        void at(long dueNs) throws IOException;
    }

    /** @param line closed with this. */
    public MessageLoad(Line line) {
        this.line = line;
    }

    private void heard(long id, long height) {
        answers.recordValue(Math.clamp(System.nanoTime() - due[(int) id], 0, TimeUnit.MINUTES.toNanos(2)));
        heights[(int) id] = height;
        answered++;
    }

    /**
     * Sends a message, as soon as fewer than {@code window} wait for their answers.
     *
     * @param dueNs when it was due, by {@link System#nanoTime}.
     * @throws IOException where no answers come any more.
     */
    public final void offer(DirectBuffer buffer, int length, long dueNs, int window) throws IOException {
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
                        "No answers come any more: there were " + answered + " to " + sent + " messages.");
            }
            LockSupport.parkNanos(PAUSE_NS);
        }
    }

    /** Waits until a time, by {@link System#nanoTime}, hearing answers; not at all where it has gone by. */
    public final void idleUntil(long ns) {
        while (System.nanoTime() < ns) {
            if (line.poll(this::heard) == 0) {
                LockSupport.parkNanos(PAUSE_NS);
            }
        }
    }

    /**
     * Sends messages when they are due, whatever becomes of them, so that a pause counts for all that it held up; then
     * waits for all answers. What could not be sent by the time that the last one was due is not sent.
     *
     * @return why the load says nothing of what was measured: the rate was missed; null where it was not.
     */
    public final String paced(Arrivals arrivals, long lengthNs, Send send) throws IOException {
        long begin = System.nanoTime();
        int before = sent;
        int unsent = 0;
        for (long at = arrivals.nextNs(); at < lengthNs; at = arrivals.nextNs()) {
            idleUntil(begin + at);
            if (System.nanoTime() - begin > lengthNs) {
                unsent++;
            } else {
                send.at(begin + at);
            }
        }
        drain();
        int due = sent - before + unsent;
        return unsent <= Math.max(1, MOST_UNSENT * due)
                ? null
                : unsent + " of " + due + " messages could not be sent within the time in which they were due";
    }

    /** Waits for all answers. */
    public final void drain() throws IOException {
        long end = System.nanoTime() + GIVE_UP_NS;
        while (answered < sent) {
            poll(end);
        }
    }

    /** From due to answered, of all answers, in nanoseconds. */
    public final Histogram answers() {
        return answers;
    }

    /** Messages sent. */
    public final int sent() {
        return sent;
    }

    /** When a message was due. */
    public final long due(int message) {
        return due[message];
    }

    /** Of the ledger when it answered. */
    public final long height(int message) {
        return heights[message];
    }

    @Override
    public final void close() {
        line.close();
    }
}
