package io.plumbline.ledger.cluster;

import io.plumbline.ledger.state.Command;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.ledger.BlockHeader;
import io.plumbline.verifier.ledger.Certificate;
import io.plumbline.verifier.receipt.Keys;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Consumer;

/**
 * Signs blocks for a full node, off the service's thread. What it is about to sign is on disk before it is signed, so that it never signs two
 * blocks of one number, whatever happens between.
 */
public final class Voter implements AutoCloseable {
    private static final int RECORD_BYTES = 8 + 32 + 32;

    /** Beyond it the file is begun anew with its last record. */
    private static final long MOST_BYTES = 1 << 20;

    private final Keys keys;
    private final byte[] genesisHash;
    private final Path file;
    private final Consumer<Throwable> onError;
    private final ExecutorService thread = Executors.newSingleThreadExecutor();
    private final CountDownLatch ready = new CountDownLatch(1);
    private volatile long certified = -1;
    private LedgerClient ledger;
    private long lastNumber = -1;
    private byte[] lastHash = new byte[32];

    /**
     * @param file of what was signed.
     * @param onError hears why a block was not signed.
     * @throws IOException where the file cannot be read: a full node that does not know what it has signed must not sign.
     */
    public Voter(Keys keys, byte[] genesisHash, Path file, Consumer<Throwable> onError) throws IOException {
        this.keys = keys;
        this.genesisHash = genesisHash.clone();
        this.file = file;
        this.onError = onError;
        load();
    }

    /** From now on it can hand in its votes. */
    public void begin(LedgerClient telling) {
        ledger = telling;
        ready.countDown();
    }

    private void load() throws IOException {
        if (!Files.exists(file)) {
            return;
        }
        byte[] bytes = Files.readAllBytes(file);
        // What was being written when the power went is not whole, and was not signed either.
        for (int at = 0; at + RECORD_BYTES <= bytes.length; at += RECORD_BYTES) {
            byte[] record = Arrays.copyOfRange(bytes, at, at + 40);
            if (Arrays.equals(Blake3.hash(record), Arrays.copyOfRange(bytes, at + 40, at + RECORD_BYTES))) {
                lastNumber = ByteBuffer.wrap(record).getLong();
                lastHash = Arrays.copyOfRange(record, 8, 40);
            } else if (at + 2 * RECORD_BYTES <= bytes.length) {
                throw new IOException(file
                        + " is damaged: it does not say any more which blocks this full node has signed. Restore it, or"
                        + " give the node another key; with this one it could sign two blocks of one number.");
            }
        }
    }

    /** Signs a block and hands the vote in; returns at once. */
    public void onBlock(BlockHeader header) {
        try {
            thread.execute(() -> {
                try {
                    ready.await();
                    vote(header);
                } catch (IOException | RuntimeException e) {
                    onError.accept(e);
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
            });
        } catch (RejectedExecutionException e) {
            // The node is closing.
        }
    }

    /** The block of this number and those before need no more signatures; while a log is replayed that is nearly all of them. */
    public void onCertified(long number) {
        certified = number;
    }

    private void vote(BlockHeader header) throws IOException {
        byte[] hash = header.hash();
        if (header.number() <= certified || !mayStillSign(header.number(), hash)) {
            return;
        }
        byte[] signature = keys.sign(Certificate.message(genesisHash, hash));
        ledger.submit(new Command.CastVote(header.number(), hash, signature), keys);
    }

    /** Puts down what is about to be signed; false where it was signed long ago. */
    boolean mayStillSign(long number, byte[] hash) throws IOException {
        if (number < lastNumber) {
            return false;
        }
        if (number == lastNumber) {
            if (Arrays.equals(hash, lastHash)) {
                return true;
            }
            throw new IOException("This full node has signed another block " + number
                    + " before: it has computed wrongly once. Its vote is withheld.");
        }
        byte[] record = ByteBuffer.allocate(40).putLong(number).put(hash).array();
        boolean isLong = Files.exists(file) && Files.size(file) > MOST_BYTES;
        Path target = isLong ? file.resolveSibling(file.getFileName() + ".partial") : file;
        try (FileChannel out = FileChannel.open(
                target,
                StandardOpenOption.CREATE,
                StandardOpenOption.WRITE,
                isLong ? StandardOpenOption.TRUNCATE_EXISTING : StandardOpenOption.APPEND)) {
            if (!isLong) {
                // A torn record at the end would put all that follow out of step.
                out.truncate(out.size() / RECORD_BYTES * RECORD_BYTES);
            }
            ByteBuffer bytes = ByteBuffer.allocate(RECORD_BYTES)
                    .put(record)
                    .put(Blake3.hash(record))
                    .flip();
            while (bytes.hasRemaining()) {
                out.write(bytes);
            }
            out.force(true);
        }
        if (isLong) {
            Files.move(target, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        }
        lastNumber = number;
        lastHash = hash.clone();
        return true;
    }

    @Override
    public void close() {
        thread.shutdownNow();
    }
}
