package io.plumbline.node.inference;

import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.encoding.CanonicalWriter;
import io.plumbline.verifier.platform.PrivateFiles;
import io.plumbline.verifier.receipt.Receipt;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.RejectedExecutionException;
import java.util.stream.Stream;

/**
 * What an inference node has signed for and must disclose: on disk before anybody hears of it, one file an answer. An
 * answer that is owed, its request not yet at its end on the ledger, is never dropped; of those that have ended the
 * newest are kept for whoever asks later; of the others that they were signed for is. May be used by many threads.
 */
final class AnswerStore implements AutoCloseable {
    /** Answers that may be owed at once; no more work is taken then. */
    static final int MAX_OWED = 100_000;

    /** Answers that are kept after their end, by number and by bytes. */
    private static final int MAX_ENDED = 1_024;

    private static final long MAX_ENDED_BYTES = 256L << 20;

    /** Of those that are kept one part in so many goes at once, where there are too many. */
    private static final int PARTS = 8;

    private static final String SUFFIX = ".answer";
    private static final String ENDED = ".ended";
    private static final int MAGIC = 0x31534e41; // "ANS1"

    private final Path folder;
    private final Map<String, Receipt> owed = new LinkedHashMap<>();

    /** Those that have ended, the oldest first. */
    private final LinkedHashMap<String, Ended> ended = new LinkedHashMap<>();

    /** Requests of all answers that are here. */
    private final Set<Bytes32> requests = new HashSet<>();

    private final SignedRequests dropped;

    private long endedBytes;

    private record Ended(Bytes32 requestHash, long bytes) {}

    /** What was asked and answered, encoded, and signed for. */
    record Stored(Receipt receipt, byte[] request, byte[] answer) {}

    /**
     * Reads what is there; what a crash cut off is dropped, for nobody has heard of it.
     *
     * @param dropped keeps what was signed for when its answer is not kept any more; closed with this.
     */
    AnswerStore(Path folder, SignedRequests dropped) throws IOException {
        this.folder = folder;
        this.dropped = dropped;
        // Prompts and answers stand in it.
        PrivateFiles.folder(folder);
        List<Path> files;
        try (Stream<Path> all = Files.list(folder)) {
            files = all.sorted().toList();
        }
        for (Path file : files) {
            String name = file.getFileName().toString();
            Stored stored = name.endsWith(SUFFIX) || name.endsWith(ENDED) ? read(file) : null;
            if (stored == null) {
                drop(file);
            } else if (name.endsWith(SUFFIX)) {
                owed.put(name(stored.receipt.hash()), stored.receipt);
                requests.add(stored.receipt.requestHash());
            } else {
                requests.add(stored.receipt.requestHash());
                keepEnded(stored.receipt, Files.size(file));
            }
        }
    }

    /** A file that the disk has damaged may have been heard of: what it was signed for is kept, where it says so. */
    private void drop(Path file) throws IOException {
        Receipt signed = receipt(Files.readAllBytes(file));
        if (signed != null) {
            dropped.addAll(List.of(signed.requestHash()));
        }
        Files.delete(file);
    }

    private static Receipt receipt(byte[] bytes) {
        try {
            CanonicalReader in = new CanonicalReader(bytes, "stored answer");
            Receipt receipt = in.getInt("magic") == MAGIC ? Receipt.decode(in.getBytes("receipt")) : null;
            return receipt != null && receipt.signatureHolds() ? receipt : null;
        } catch (MalformedException e) {
            return null;
        }
    }

    /** Whether the node's key has signed nothing that is known of here. */
    synchronized boolean isEmpty() {
        return requests.isEmpty();
    }

    /** Requests that were signed for and whose answers are not kept any more. */
    SignedRequests dropped() {
        return dropped;
    }

    /** Whether a receipt was ever signed for this request: an answer has one. */
    boolean hasSigned(Bytes32 requestHash) throws IOException {
        synchronized (this) {
            if (requests.contains(requestHash)) {
                return true;
            }
        }
        return dropped.contains(requestHash);
    }

    private static String name(Bytes32 receiptHash) {
        return receiptHash.toString();
    }

    private static Stored read(Path file) throws IOException {
        byte[] bytes = Files.readAllBytes(file);
        int length = bytes.length - Blake3.HASH_BYTES;
        if (length < 0
                || !Arrays.equals(
                        Blake3.hash(Arrays.copyOf(bytes, length)), Arrays.copyOfRange(bytes, length, bytes.length))) {
            return null;
        }
        try {
            CanonicalReader in = new CanonicalReader(Arrays.copyOf(bytes, length), "stored answer");
            return in.getInt("magic") != MAGIC
                    ? null
                    : new Stored(Receipt.decode(in.getBytes("receipt")), in.getBytes("request"), in.getBytes("answer"));
        } catch (MalformedException e) {
            return null;
        }
    }

    /** Whether an answer to this request is owed. */
    synchronized boolean owes(Bytes32 requestHash) {
        return owed.values().stream().anyMatch(receipt -> receipt.requestHash().equals(requestHash));
    }

    /** @throws RejectedExecutionException where more is owed than this node keeps. */
    synchronized void requireRoom() {
        if (owed.size() >= MAX_OWED) {
            throw new RejectedExecutionException(
                    "This node owes the ledger " + owed.size() + " answers. Try again when some have settled.");
        }
    }

    /**
     * Keeps an answer; on disk when this returns, and nobody may hear of it before.
     *
     * @throws IllegalStateException where a receipt was signed for this request before.
     */
    void put(Stored stored) throws IOException {
        Bytes32 request = stored.receipt.requestHash();
        if (hasSigned(request) || !reserve(request)) {
            throw new IllegalStateException("The request was signed for before, and this answer is not signed for.");
        }
        String name = name(stored.receipt.hash());
        try {
            write(stored, name);
        } catch (IOException | RuntimeException e) {
            synchronized (this) {
                requests.remove(request);
            }
            throw e;
        }
        synchronized (this) {
            owed.put(name, stored.receipt);
        }
        // Where the power goes now the file may have no name, so nobody hears of it before. It is owed all the same.
        forceNames(folder);
    }

    private synchronized boolean reserve(Bytes32 request) {
        return requests.add(request);
    }

    /** Has the names in a folder outlive the power. */
    static void forceNames(Path folder) throws IOException {
        try (FileChannel names = FileChannel.open(folder, StandardOpenOption.READ)) {
            names.force(true);
        }
    }

    private void write(Stored stored, String name) throws IOException {
        byte[] bytes = new CanonicalWriter()
                .putInt(MAGIC)
                .putBytes(stored.receipt.encode())
                .putBytes(stored.request)
                .putBytes(stored.answer)
                .toBytes();
        Path partial = folder.resolve(name + ".partial");
        try (FileChannel out = FileChannel.open(
                partial, StandardOpenOption.CREATE, StandardOpenOption.WRITE, StandardOpenOption.TRUNCATE_EXISTING)) {
            for (byte[] part : new byte[][] {bytes, Blake3.hash(bytes)}) {
                ByteBuffer buffer = ByteBuffer.wrap(part);
                while (buffer.hasRemaining()) {
                    out.write(buffer);
                }
            }
            out.force(false);
        }
        Files.move(partial, folder.resolve(name + SUFFIX), StandardCopyOption.ATOMIC_MOVE);
    }

    /** What stands behind a receipt; null where this node gave no such one, or has forgotten it. */
    Stored find(Bytes32 receiptHash) throws IOException {
        String name = name(receiptHash);
        for (String suffix : List.of(SUFFIX, ENDED)) {
            Path file = folder.resolve(name + suffix);
            if (Files.exists(file)) {
                return read(file);
            }
        }
        return null;
    }

    /** Receipts of all answers that are owed, the oldest first. */
    synchronized List<Receipt> owed() {
        return List.copyOf(owed.values());
    }

    /** A request has come to its end on the ledger: its answer is not owed any more. */
    void ended(Receipt receipt) throws IOException {
        String name = name(receipt.hash());
        synchronized (this) {
            if (owed.remove(name) == null) {
                return;
            }
            Path file = folder.resolve(name + ENDED);
            Files.move(folder.resolve(name + SUFFIX), file, StandardCopyOption.ATOMIC_MOVE);
            keepEnded(receipt, Files.size(file));
        }
    }

    private void keepEnded(Receipt receipt, long bytes) throws IOException {
        ended.put(name(receipt.hash()), new Ended(receipt.requestHash(), bytes));
        endedBytes += bytes;
        if (ended.size() <= MAX_ENDED && endedBytes <= MAX_ENDED_BYTES) {
            return;
        }
        // Several at once: that they were signed for goes to the disk before any of them leaves it.
        List<Map.Entry<String, Ended>> oldest = new ArrayList<>();
        while (ended.size() > 1
                && (ended.size() > MAX_ENDED / PARTS * (PARTS - 1)
                        || endedBytes > MAX_ENDED_BYTES / PARTS * (PARTS - 1))) {
            Map.Entry<String, Ended> one = ended.pollFirstEntry();
            endedBytes -= one.getValue().bytes;
            oldest.add(one);
        }
        dropped.addAll(oldest.stream().map(one -> one.getValue().requestHash).toList());
        for (Map.Entry<String, Ended> one : oldest) {
            Files.deleteIfExists(folder.resolve(one.getKey() + ENDED));
            requests.remove(one.getValue().requestHash);
        }
    }

    @Override
    public void close() throws IOException {
        dropped.close();
    }
}
