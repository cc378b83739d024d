package io.plumbline.node.inference;

import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.encoding.CanonicalWriter;
import io.plumbline.verifier.receipt.Receipt;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.RejectedExecutionException;
import java.util.stream.Stream;

/**
 * What an inference node has signed for and must disclose: on disk before anybody hears of it, one file an answer. An
 * answer that is owed, its request not yet at its end on the ledger, is never dropped; of those that have ended the
 * newest are kept for whoever asks later. May be used by many threads.
 */
final class AnswerStore {
    /** Answers that may be owed at once; no more work is taken then. */
    static final int MAX_OWED = 100_000;

    /** Answers that are kept after their end, by number and by bytes. */
    private static final int MAX_ENDED = 1_024;

    private static final long MAX_ENDED_BYTES = 256L << 20;
    private static final String SUFFIX = ".answer";
    private static final String ENDED = ".ended";
    private static final int MAGIC = 0x31534e41; // "ANS1"

    private final Path folder;
    private final Map<String, Receipt> owed = new LinkedHashMap<>();

    /** Bytes of those that have ended, the oldest first. */
    private final LinkedHashMap<String, Long> ended = new LinkedHashMap<>();

    private long endedBytes;

    /** What was asked and answered, encoded, and signed for. */
    record Stored(Receipt receipt, byte[] request, byte[] answer) {}

    /** Reads what is there; what a crash cut off is dropped, for nobody has heard of it. */
    AnswerStore(Path folder) throws IOException {
        this.folder = folder;
        Files.createDirectories(folder);
        List<Path> files;
        try (Stream<Path> all = Files.list(folder)) {
            files = all.sorted().toList();
        }
        for (Path file : files) {
            String name = file.getFileName().toString();
            Stored stored = name.endsWith(SUFFIX) || name.endsWith(ENDED) ? read(file) : null;
            if (stored == null) {
                Files.delete(file);
            } else if (name.endsWith(SUFFIX)) {
                owed.put(name(stored.receipt.hash()), stored.receipt);
            } else {
                keepEnded(name(stored.receipt.hash()), Files.size(file));
            }
        }
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

    /** Keeps an answer; on disk when this returns. */
    void put(Stored stored) throws IOException {
        byte[] bytes = new CanonicalWriter()
                .putInt(MAGIC)
                .putBytes(stored.receipt.encode())
                .putBytes(stored.request)
                .putBytes(stored.answer)
                .toBytes();
        String name = name(stored.receipt.hash());
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
        synchronized (this) {
            owed.put(name, stored.receipt);
        }
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
            keepEnded(name, Files.size(file));
        }
    }

    private void keepEnded(String name, long bytes) throws IOException {
        ended.put(name, bytes);
        endedBytes += bytes;
        while (ended.size() > 1 && (ended.size() > MAX_ENDED || endedBytes > MAX_ENDED_BYTES)) {
            Map.Entry<String, Long> oldest = ended.pollFirstEntry();
            endedBytes -= oldest.getValue();
            Files.deleteIfExists(folder.resolve(oldest.getKey() + ENDED));
        }
    }
}
