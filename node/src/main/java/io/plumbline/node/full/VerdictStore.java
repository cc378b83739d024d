package io.plumbline.node.full;

import io.plumbline.ledger.state.Verdict;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.encoding.CanonicalWriter;
import io.plumbline.verifier.platform.Directories;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;

/**
 * The verdicts that a full node has bound itself to, on disk before the ledger is told: a full node that was killed
 * reveals what it had committed to. One small file each, removed when its request has ended, or at a start so long
 * after that it must have.
 */
public final class VerdictStore {
    private static final String SUFFIX = ".verdict";

    /** No rules have a settlement open so long: the end of an older one passed while nobody was here to hear of it. */
    static final Duration KEPT = Duration.ofDays(366);

    private final Path folder;
    private final Map<String, Verdict> verdicts = new ConcurrentHashMap<>();

    /** Reads what is there; a file that a crash cut off is dropped: nothing was committed to it. */
    public VerdictStore(Path folder) throws IOException {
        this.folder = folder;
        Files.createDirectories(folder);
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.toList()) {
                String name = file.getFileName().toString();
                boolean isOld = Files.getLastModifiedTime(file)
                        .toInstant()
                        .isBefore(Instant.now().minus(KEPT));
                Verdict verdict = name.endsWith(SUFFIX) && !isOld ? read(file) : null;
                if (verdict == null) {
                    Files.delete(file);
                } else {
                    verdicts.put(name.substring(0, name.length() - SUFFIX.length()), verdict);
                }
            }
        }
    }

    /** By the receipt: the same request may be asked again, of another node. */
    private static String name(Bytes32 receiptHash, int round) {
        return receiptHash.toString() + "-" + round;
    }

    private static Verdict read(Path file) throws IOException {
        byte[] bytes = Files.readAllBytes(file);
        int length = bytes.length - Blake3.HASH_BYTES;
        if (length < 0
                || !Arrays.equals(
                        Blake3.hash(Arrays.copyOf(bytes, length)), Arrays.copyOfRange(bytes, length, bytes.length))) {
            return null;
        }
        try {
            return Verdict.decode(Arrays.copyOf(bytes, length));
        } catch (MalformedException e) {
            return null;
        }
    }

    /** The verdict of a round, or null. */
    public Verdict find(Bytes32 receiptHash, int round) {
        return verdicts.get(name(receiptHash, round));
    }

    /** Keeps a verdict; on disk when this returns. */
    public void put(Bytes32 receiptHash, int round, Verdict verdict) throws IOException {
        String name = name(receiptHash, round);
        byte[] bytes = verdict.encode();
        byte[] all = new CanonicalWriter()
                .putFixed(bytes)
                .putFixed(Blake3.hash(bytes))
                .toBytes();
        Path partial = folder.resolve(name + ".partial");
        try (FileChannel out = FileChannel.open(
                partial, StandardOpenOption.CREATE, StandardOpenOption.WRITE, StandardOpenOption.TRUNCATE_EXISTING)) {
            ByteBuffer buffer = ByteBuffer.wrap(all);
            while (buffer.hasRemaining()) {
                out.write(buffer);
            }
            out.force(false);
        }
        Files.move(partial, folder.resolve(name + SUFFIX), StandardCopyOption.ATOMIC_MOVE);
        Directories.forceNames(folder);
        verdicts.put(name, verdict);
    }

    /** The settlement of this receipt has ended, in this round. */
    public void forget(Bytes32 receiptHash, int lastRound) {
        for (int round = 0; round <= lastRound; round++) {
            String name = name(receiptHash, round);
            if (verdicts.remove(name) != null) {
                try {
                    Files.deleteIfExists(folder.resolve(name + SUFFIX));
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            }
        }
    }
}
