package io.plumbline.node.client;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.node.network.Deadline;
import io.plumbline.node.network.UnjudgeableException;
import io.plumbline.transport.Endpoint;
import io.plumbline.verifier.audit.Cell;
import io.plumbline.verifier.audit.Seal;
import io.plumbline.verifier.encoding.PackedWords;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class IncomingOpeningTest {
    private static final int BYTES = 11_000_000;

    private final BlockingQueue<Long> granted = new LinkedBlockingQueue<>();
    private final IncomingOpening opening =
            new IncomingOpening("a test", 30_000, Deadline.after(30_000), new WaitingTime(0), granted::add, () -> {});

    private void seal(long bytes) {
        opening.onSealed(new Seal(new byte[32], new Cell(0, 0, 1), bytes, new byte[64], new byte[64]));
    }

    /** The other side of the opening: what was granted, in chunks of odd sizes. */
    private void send(byte[] bytes) {
        Thread.startVirtualThread(() -> {
            Random random = new Random(1);
            int at = 0;
            while (at < bytes.length) {
                long upTo = await();
                while (at < upTo) {
                    int end = (int) Math.min(upTo, at + 1 + random.nextInt(200_000));
                    opening.onChunk(at, Arrays.copyOfRange(bytes, at, end));
                    at = end;
                }
            }
        });
    }

    private long await() {
        try {
            return granted.poll(120, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void proofAndPiecesAreWhatWasSentWhateverTheirSizes() throws IOException {
        byte[] bytes = new byte[BYTES];
        new Random(2).nextBytes(bytes);
        seal(BYTES);
        send(bytes);
        int proof = 9_876_543;
        assertArrayEquals(Arrays.copyOf(bytes, proof), opening.proof(proof).toArray(ValueLayout.JAVA_BYTE));
        assertArrayEquals(
                Arrays.copyOfRange(bytes, proof, BYTES),
                opening.next(BYTES - proof).toArray(ValueLayout.JAVA_BYTE));
    }

    /** Chunks come packed where that is shorter, among others; what is read is the same. */
    @Test
    void packedChunksAreReadAsWhatWasPacked() throws IOException {
        byte[] bytes = new byte[3 * Endpoint.CHUNK_BYTES];
        Random random = new Random(2);
        random.nextBytes(bytes);
        for (int i = 0; i < bytes.length; i += 4) {
            Arrays.fill(bytes, i + 2, i + 4, (byte) (bytes[i + 1] >> 7));
        }
        seal(bytes.length);
        AtomicInteger sent = new AtomicInteger();
        Thread.startVirtualThread(() -> {
            await();
            for (int at = 0; at < bytes.length; at += Endpoint.CHUNK_BYTES) {
                byte[] packed = new byte[PackedWords.mostBytes(Endpoint.CHUNK_BYTES)];
                int length = PackedWords.pack(bytes, at, Endpoint.CHUNK_BYTES, packed, 0);
                sent.addAndGet(length);
                opening.onPacked(at, Endpoint.CHUNK_BYTES, Arrays.copyOf(packed, length));
            }
        });
        assertArrayEquals(Arrays.copyOf(bytes, 100), opening.proof(100).toArray(ValueLayout.JAVA_BYTE));
        assertArrayEquals(
                Arrays.copyOfRange(bytes, 100, bytes.length),
                opening.next(bytes.length - 100).toArray(ValueLayout.JAVA_BYTE));
        assertTrue(sent.get() < bytes.length * 0.55, sent + " bytes");
    }

    @Test
    void whatDoesNotUnpackIsNoOpening() throws IOException {
        for (byte[] bytes : List.of(new byte[0], new byte[5], new byte[64 << 10])) {
            CompletableFuture<Long> asked = new CompletableFuture<>();
            IncomingOpening other = new IncomingOpening(
                    "a test", 30_000, Deadline.after(30_000), new WaitingTime(0), asked::complete, () -> {});
            asked.thenAccept(upTo -> other.onPacked(0, 64 << 10, bytes));
            other.onSealed(new Seal(new byte[32], new Cell(0, 0, 1), 1 << 20, new byte[64], new byte[64]));
            String refusal =
                    assertThrows(IOException.class, () -> other.proof(100)).getMessage();
            assertTrue(refusal.contains("not what was asked for"), refusal);
        }
    }

    /** More than a chunk has is taken for no memory at all. */
    @Test
    void aPackedChunkUnpacksToNoMoreThanAChunk() {
        seal(BYTES);
        opening.onPacked(0, Endpoint.CHUNK_BYTES + 1, new byte[9]);
        assertThrows(IOException.class, () -> opening.proof(BYTES));
    }

    /** A node that says its proof has a gigabyte, and sends nothing, has nothing allocated for it. */
    @Test
    void memoryIsTakenForWhatHasCome() {
        seal(1L << 30);
        opening.fail(new IOException("gone"));
        long before = allocated();
        assertThrows(IOException.class, () -> opening.proof(1L << 30));
        assertTrue(allocated() - before < 16 << 20);
    }

    private static long allocated() {
        return ((com.sun.management.ThreadMXBean) java.lang.management.ManagementFactory.getThreadMXBean())
                .getCurrentThreadAllocatedBytes();
    }

    @Test
    void anEmptyChunkEndsTheOpening() {
        seal(BYTES);
        opening.onChunk(0, new byte[0]);
        String refusal =
                assertThrows(IOException.class, () -> opening.proof(BYTES)).getMessage();
        assertTrue(refusal.contains("not what was asked for"), refusal);
    }

    /** An auditor that waits for a node until the audit's time is over tells of the node's silence. */
    @Test
    void aNodeThatLetsTheTimeGoByIsSilent() {
        IOException silence = assertThrows(
                IOException.class,
                () -> until(Deadline.after(200), new WaitingTime(0)).await());
        assertFalse(silence instanceof UnjudgeableException, silence.getMessage());
    }

    /** An auditor whose own checks took until then has no silence to tell of: by that the node loses its stake. */
    @Test
    void timeThatThisHostTookIsNotTheNodesSilence() throws InterruptedException {
        WaitingTime waiting = new WaitingTime(0);
        Deadline deadline = Deadline.after(400);
        Thread.sleep(350);
        assertThrows(UnjudgeableException.class, () -> until(deadline, waiting).await());
    }

    /** However busy an auditor was: a node that lets a quarter of the audit's time go by for one cell is silent. */
    @Test
    void aNodeThatStallsAtOneCellOfALongAuditIsSilent() throws InterruptedException {
        WaitingTime waiting = new WaitingTime(0);
        Deadline deadline = Deadline.after(1_000);
        Thread.sleep(600);
        IOException silence =
                assertThrows(IOException.class, () -> until(deadline, waiting).await());
        assertFalse(silence instanceof UnjudgeableException, silence.getMessage());
    }

    /** A node that discloses when the time is almost over leaves none to be asked for a cell in. */
    @Test
    void aNodeThatDisclosesLateIsSilent() throws InterruptedException {
        WaitingTime waiting = new WaitingTime(TimeUnit.SECONDS.toNanos(80));
        Thread.sleep(50);
        IOException silence = assertThrows(
                IOException.class, () -> until(Deadline.after(0), waiting).await());
        assertFalse(silence instanceof UnjudgeableException, silence.getMessage());
    }

    private static IncomingOpening until(Deadline deadline, WaitingTime waiting) {
        return new IncomingOpening("a test", 30_000, deadline, waiting, upTo -> {}, () -> {});
    }
}
