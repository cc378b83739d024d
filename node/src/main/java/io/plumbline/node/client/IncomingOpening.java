package io.plumbline.node.client;

import io.plumbline.node.network.Deadline;
import io.plumbline.node.network.UnjudgeableException;
import io.plumbline.transport.Endpoint;
import io.plumbline.verifier.audit.Opening;
import io.plumbline.verifier.audit.Seal;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.encoding.PackedWords;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.concurrent.TimeUnit;

/** An opening as it comes in over the network; what has come and was not read yet never exceeds a window. */
final class IncomingOpening implements Opening {
    /** Bytes that may be on their way or waiting to be read. */
    private static final long WINDOW_BYTES = 4 << 20;

    /** What a proof begins with: its memory grows with the bytes that have come. */
    private static final int FIRST_BYTES = 1 << 20;

    /** Largest proof or group of pieces that is taken. */
    private static final long MAX_READ_BYTES = 1L << 30;

    private final String from;
    private final long timeoutNs;
    private final Deadline deadline;
    private final WaitingTime waiting;
    private final Proceed proceed;
    private final Runnable onClose;
    private final Deque<Chunk> chunks = new ArrayDeque<>();
    private Seal seal;
    private IOException failure;
    private byte[] group = new byte[0];

    /** The chunk that is being read, unpacked, and bytes of it that were read. */
    private byte[] current = new byte[0];

    private int read;

    /** For this opening. */
    private long waitedNs;

    private long received;
    private long consumed;
    private long granted;

    /**
     * As it came.
     *
     * @param length of it once it is unpacked.
     */
    private record Chunk(byte[] bytes, int length, boolean packed) {
        byte[] unpacked() throws MalformedException {
            if (!packed) {
                return bytes;
            }
            byte[] words = new byte[length];
            PackedWords.unpack(bytes, 0, bytes.length, words, 0, length);
            return words;
        }
    }

    /** Tells the sender how far it may go. */
    interface Proceed {
        void upTo(long bytes);
    }

    /**
     * @param from address of the node that sends it, for messages.
     * @param timeoutMs longest wait for the next sign of life.
     * @param deadline of the whole audit: a node that drips does not hold it up.
     * @param waiting of the whole audit: where the deadline is over by this host's own work, that is not told as the
     *     node's silence.
     * @param onClose runs when nothing more is wanted.
     */
    IncomingOpening(
            String from, long timeoutMs, Deadline deadline, WaitingTime waiting, Proceed proceed, Runnable onClose) {
        this.from = from;
        this.timeoutNs = TimeUnit.MILLISECONDS.toNanos(timeoutMs);
        this.deadline = deadline;
        this.waiting = waiting;
        this.proceed = proceed;
        this.onClose = onClose;
    }

    /** On the transport's thread: the opening is there. */
    synchronized void onSealed(Seal by) {
        if (seal == null) {
            seal = by;
            notifyAll();
        }
    }

    /** On the transport's thread: the next bytes. */
    void onChunk(long position, byte[] bytes) {
        take(position, new Chunk(bytes, bytes.length, false));
    }

    /** On the transport's thread: the next bytes, {@code length} of them once they are unpacked by who reads them. */
    void onPacked(long position, int length, byte[] bytes) {
        if (length > Endpoint.CHUNK_BYTES || bytes.length > length) {
            fail(notAsked(null));
        } else {
            take(position, new Chunk(bytes, length, true));
        }
    }

    private synchronized void take(long position, Chunk chunk) {
        boolean fits = chunk.length() > 0 && position == received && received + chunk.length() <= granted;
        if (seal == null || !fits) {
            fail(notAsked(null));
            return;
        }
        chunks.add(chunk);
        received += chunk.length();
        notifyAll();
    }

    private IOException notAsked(MalformedException why) {
        return new IOException("The node at " + from + " sent an opening that is not what was asked for.", why);
    }

    /** On the transport's thread: nothing will come. */
    synchronized void fail(IOException why) {
        if (failure == null) {
            failure = why;
            notifyAll();
        }
    }

    /** Waits until the node has the opening. */
    synchronized IncomingOpening await() throws IOException {
        while (seal == null) {
            awaitSign();
        }
        return this;
    }

    private void awaitSign() throws IOException {
        if (failure != null) {
            throw failure;
        }
        long before = received;
        boolean wasSealed = seal != null;
        long end = System.nanoTime() + timeoutNs;
        while (failure == null && received == before && wasSealed == (seal != null)) {
            long left = Math.min(Deadline.LOOK_NS, Math.min(end - System.nanoTime(), deadline.leftNs()));
            if (left <= 0) {
                throw timedOut();
            }
            long begin = System.nanoTime();
            try {
                TimeUnit.NANOSECONDS.timedWait(this, left);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IOException("Interrupted while waiting for " + from + ".", e);
            } finally {
                long waited = System.nanoTime() - begin;
                waitedNs += waited;
                waiting.add(waited);
            }
        }
    }

    private IOException timedOut() {
        if (deadline.leftNs() > 0) {
            return new IOException("The inference node at " + from + " did not answer within "
                    + TimeUnit.NANOSECONDS.toSeconds(timeoutNs) + " s.");
        }
        return waiting.isSilence(waitedNs)
                ? new IOException("The inference node at " + from
                        + " did not open what was asked for in the time that the audit has.")
                : new UnjudgeableException(
                        new IOException("This host's own work took most of the time that the audit has."));
    }

    @Override
    public synchronized long bytes() {
        return seal.bytes();
    }

    @Override
    public synchronized Seal seal() {
        return seal;
    }

    @Override
    public MemorySegment proof(long bytes) throws IOException {
        requireModest(bytes);
        byte[] proof = new byte[(int) Math.min(bytes, FIRST_BYTES)];
        fill(proof, 0, proof.length);
        while (proof.length < bytes) {
            int come = proof.length;
            proof = Arrays.copyOf(proof, (int) Math.min(bytes, 2L * come));
            fill(proof, come, proof.length);
        }
        return MemorySegment.ofArray(proof);
    }

    @Override
    public MemorySegment next(long bytes) throws IOException {
        requireModest(bytes);
        if (group.length < bytes) {
            group = new byte[(int) bytes];
        }
        fill(group, 0, (int) bytes);
        return MemorySegment.ofArray(group).asSlice(0, bytes);
    }

    private static void requireModest(long bytes) throws IOException {
        if (bytes > MAX_READ_BYTES) {
            throw new UnjudgeableException(
                    new IOException("A part of the opening has " + bytes + " bytes, more than this host takes."));
        }
    }

    private void fill(byte[] target, int from, int to) throws IOException {
        int at = from;
        while (at < to) {
            long upTo = -1;
            synchronized (this) {
                long wanted = Math.min(seal.bytes(), consumed + WINDOW_BYTES);
                // Asked for in halves of a window: a word for each chunk would be more words than chunks.
                if (wanted > granted && (wanted - granted >= WINDOW_BYTES / 2 || wanted == seal.bytes())) {
                    granted = wanted;
                    upTo = wanted;
                }
            }
            if (upTo >= 0) {
                proceed.upTo(upTo);
            }
            if (read == current.length) {
                current = nextChunk();
                read = 0;
            }
            int take = Math.min(current.length - read, to - at);
            System.arraycopy(current, read, target, at, take);
            at += take;
            read += take;
            consumed += take;
        }
    }

    private byte[] nextChunk() throws IOException {
        Chunk chunk;
        synchronized (this) {
            while (chunks.isEmpty()) {
                awaitSign();
            }
            chunk = chunks.poll();
        }
        try {
            return chunk.unpacked();
        } catch (MalformedException e) {
            throw notAsked(e);
        }
    }

    @Override
    public void close() {
        onClose.run();
    }
}
