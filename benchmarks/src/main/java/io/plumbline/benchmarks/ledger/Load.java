package io.plumbline.benchmarks.ledger;

import io.aeron.cluster.client.AeronCluster;
import io.aeron.cluster.client.EgressListener;
import io.aeron.logbuffer.Header;
import io.aeron.security.CredentialsSupplier;
import io.plumbline.transport.ledgerwire.MessageHeaderDecoder;
import io.plumbline.transport.ledgerwire.MessageHeaderEncoder;
import io.plumbline.transport.ledgerwire.OutcomeDecoder;
import io.plumbline.transport.ledgerwire.SubmitEncoder;
import java.io.IOException;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.HdrHistogram.Histogram;
import org.agrona.DirectBuffer;
import org.agrona.ExpandableArrayBuffer;

/**
 * Sends messages to a cluster through one session without waiting for each answer, and notes how long each took from when it was due. Used by one thread.
 */
final class Load implements EgressListener, AutoCloseable {
    private static final long GIVE_UP_NS = TimeUnit.SECONDS.toNanos(60);

    private final AeronCluster session;
    private final ExpandableArrayBuffer buffer = new ExpandableArrayBuffer(4096);
    private final MessageHeaderDecoder header = new MessageHeaderDecoder();
    private final OutcomeDecoder outcome = new OutcomeDecoder();
    private final Histogram ordered = new Histogram(TimeUnit.MINUTES.toNanos(2), 3);
    private long[] due = new long[1024];
    private long[] heights = new long[1024];
    private int sent;
    private int answered;
    private long lastNs;
    private long longestGapNs;

    Load(String aeronDirectory, String ingressEndpoints, CredentialsSupplier credentials) {
        session = AeronCluster.connect(new AeronCluster.Context()
                .aeronDirectoryName(aeronDirectory)
                .egressListener(this)
                .egressChannel("aeron:udp?endpoint=localhost:0|term-length=1m")
                .ingressChannel("aeron:udp?term-length=4m")
                .ingressEndpoints(ingressEndpoints)
                .messageTimeoutNs(TimeUnit.SECONDS.toNanos(10))
                .credentialsSupplier(credentials)
                .errorHandler(e -> {}));
    }

    @Override
    public void onMessage(long id, long timestamp, DirectBuffer in, int offset, int length, Header h) {
        long correlation;
        long height = 0;
        if (length == Long.BYTES) {
            correlation = in.getLong(offset);
        } else {
            header.wrap(in, offset);
            if (header.templateId() != OutcomeDecoder.TEMPLATE_ID) {
                return;
            }
            outcome.wrap(in, offset + MessageHeaderDecoder.ENCODED_LENGTH, header.blockLength(), header.version());
            correlation = outcome.correlationId();
            height = outcome.height();
        }
        ordered.recordValue(Math.max(0, System.nanoTime() - due[(int) correlation]));
        heights[(int) correlation] = height;
        answered++;
        long now = System.nanoTime();
        longestGapNs = lastNs == 0 ? 0 : Math.max(longestGapNs, now - lastNs);
        lastNs = now;
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
        while (sent - answered >= window || session.offer(buffer, 0, length) < 0) {
            poll(end);
        }
        sent++;
        session.pollEgress();
    }

    private void poll(long end) throws IOException {
        if (session.pollEgress() == 0) {
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
            if (session.pollEgress() == 0) {
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

    /** The longest time between two answers. */
    long longestGapNs() {
        return longestGapNs;
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
        session.close();
    }
}
