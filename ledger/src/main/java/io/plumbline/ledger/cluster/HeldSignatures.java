package io.plumbline.ledger.cluster;

import io.plumbline.ledger.state.SignatureMemory;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.platform.PrivateFiles;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.function.BooleanSupplier;
import org.agrona.collections.LongHashSet;

/**
 * Signatures that held when this full node applied its log: after a start it applies the same log again, and checking
 * them is nearly all that this costs. A signature is known by a hash of all that its check depends on, under a key
 * that only this disk has, so another log, another order or a signature that did not hold is checked like a new one.
 * What was not on disk yet when the process ended is checked again too.
 */
final class HeldSignatures implements SignatureMemory, AutoCloseable {
    static final String FILE = "held-signatures";
    private static final String BEFORE = FILE + ".before";
    private static final int KEY_BYTES = 32;

    /** Hashes of a file; then another is begun, and the one before it goes. More than a log has between snapshots. */
    private static final int MAX_HASHES = 4 << 20;

    private static final int BUFFERED = 512;

    /** After so many in a row that are new, the log of before has been applied. */
    private static final int NEW_IN_A_ROW = 4096;

    private final Path folder;
    private final byte[] key;
    private final ByteBuffer buffer = ByteBuffer.allocate(BUFFERED * Long.BYTES);
    private FileChannel file;
    private long written;
    private LongHashSet known = new LongHashSet();
    private int newInARow;

    /** @param folder of the full node; what it has put down there is read. */
    HeldSignatures(Path folder) {
        this.folder = folder;
        try {
            byte[] now = Files.exists(folder.resolve(FILE)) ? Files.readAllBytes(folder.resolve(FILE)) : new byte[0];
            byte[] before =
                    Files.exists(folder.resolve(BEFORE)) ? Files.readAllBytes(folder.resolve(BEFORE)) : new byte[0];
            if (now.length < KEY_BYTES) {
                key = new byte[KEY_BYTES];
                new SecureRandom().nextBytes(key);
                begin();
            } else {
                key = Arrays.copyOf(now, KEY_BYTES);
                take(now);
                if (before.length >= KEY_BYTES && Arrays.equals(key, Arrays.copyOf(before, KEY_BYTES))) {
                    take(before);
                }
                file = FileChannel.open(folder.resolve(FILE), StandardOpenOption.WRITE);
                // What is not a whole hash was cut off.
                written = (now.length - KEY_BYTES) / Long.BYTES;
                file.position(KEY_BYTES + written * Long.BYTES);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void begin() throws IOException {
        // Whoever knows the key knows which hash stands for a signature that does not hold.
        PrivateFiles.write(folder.resolve(FILE), key);
        file = FileChannel.open(folder.resolve(FILE), StandardOpenOption.WRITE);
        file.position(KEY_BYTES);
        written = 0;
    }

    private void take(byte[] bytes) {
        ByteBuffer in = ByteBuffer.wrap(bytes, KEY_BYTES, bytes.length - KEY_BYTES);
        while (in.remaining() >= Long.BYTES) {
            known.add(in.getLong());
        }
    }

    @Override
    public boolean holds(byte[] content, BooleanSupplier check) {
        long hash = ByteBuffer.wrap(Blake3.plain().update(key).update(content).digest())
                .getLong();
        if (known != null && known.contains(hash)) {
            newInARow = 0;
            return true;
        }
        boolean holds = check.getAsBoolean();
        if (holds) {
            put(hash);
        }
        if (known != null && ++newInARow > NEW_IN_A_ROW) {
            known = null;
        }
        return holds;
    }

    private void put(long hash) {
        buffer.putLong(hash);
        if (buffer.hasRemaining()) {
            return;
        }
        try {
            write();
            if (written >= MAX_HASHES) {
                file.close();
                Files.move(folder.resolve(FILE), folder.resolve(BEFORE), StandardCopyOption.REPLACE_EXISTING);
                begin();
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void write() throws IOException {
        buffer.flip();
        written += buffer.remaining() / Long.BYTES;
        while (buffer.hasRemaining()) {
            file.write(buffer);
        }
        buffer.clear();
    }

    @Override
    public void close() {
        try {
            write();
            file.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
