package io.plumbline.ledger.cluster;

import io.plumbline.ledger.state.SignatureMemory;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.ledger.BlockHeader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import java.util.function.BooleanSupplier;

/**
 * How far this full node has applied its log, and which signatures did not hold: when it applies the same log again
 * after a start, it need not check them again, which is nearly all that applying costs. It knows by the block that
 * came of it, which it computes again, that it was the same log. What is lost with the power is checked again.
 */
final class CheckedLog implements SignatureMemory {
    static final String FILE = "checked";
    private static final String UNHELD = "checked.unheld";

    /** Of the order in which a state's commands are checked. */
    private static final long VERSION = 1;

    private static final int BODY_BYTES = 8 + 8 + 32;
    private static final int RECORD_BYTES = 8 + 4;

    private final Path folder;
    private final Set<Check> unheld = new HashSet<>();

    /** Up to this height, that of a block, all was checked before; 0 for nothing. */
    private long until;

    private byte[] block;
    private FileChannel marks;
    private FileChannel refusals;
    private long marked;

    /** Whether what was applied so far is what was applied before. */
    private boolean isSame;

    /** One of the checks for one command. */
    private record Check(long height, int index) {}

    /**
     * Reads what was put down.
     *
     * @param folder of the full node.
     * @param height that it starts from: of its snapshot, or 0.
     */
    CheckedLog(Path folder, long height) {
        this.folder = folder;
        try {
            read(height);
            // Those before a snapshot are not needed any more.
            ByteBuffer kept = ByteBuffer.allocate(unheld.size() * RECORD_BYTES);
            unheld.forEach(one -> kept.putLong(one.height).putInt(one.index));
            Path partial = Files.write(folder.resolve(UNHELD + ".partial"), kept.array());
            Files.move(partial, folder.resolve(UNHELD), StandardCopyOption.ATOMIC_MOVE);
            marks = FileChannel.open(folder.resolve(FILE), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
            refusals = FileChannel.open(folder.resolve(UNHELD), StandardOpenOption.WRITE);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        marked = until;
        isSame = until == 0;
    }

    /** Nothing is known of the log in a folder: it comes from others. */
    static void forget(Path folder) throws IOException {
        Files.deleteIfExists(folder.resolve(FILE));
        Files.deleteIfExists(folder.resolve(UNHELD));
    }

    private void read(long height) throws IOException {
        if (!Files.exists(folder.resolve(FILE)) || !Files.exists(folder.resolve(UNHELD))) {
            return;
        }
        byte[] bytes = Files.readAllBytes(folder.resolve(FILE));
        byte[] body = Arrays.copyOf(bytes, BODY_BYTES);
        ByteBuffer in = ByteBuffer.wrap(body);
        boolean isWhole = bytes.length == BODY_BYTES + Blake3.HASH_BYTES
                && Arrays.equals(Blake3.hash(body), Arrays.copyOfRange(bytes, BODY_BYTES, bytes.length));
        if (!isWhole || in.getLong() != VERSION) {
            return;
        }
        long found = in.getLong();
        if (found <= height) {
            return;
        }
        until = found;
        block = Arrays.copyOfRange(body, in.position(), BODY_BYTES);
        ByteBuffer all = ByteBuffer.wrap(Files.readAllBytes(folder.resolve(UNHELD)));
        while (all.remaining() >= RECORD_BYTES) {
            Check one = new Check(all.getLong(), all.getInt());
            if (one.height > height) {
                unheld.add(one);
            }
        }
    }

    /** Up to which height nothing is checked again; 0 where all is. */
    long until() {
        return until;
    }

    @Override
    public boolean holds(long height, int index, BooleanSupplier check) {
        if (height <= until) {
            return !unheld.contains(new Check(height, index));
        }
        boolean holds = check.getAsBoolean();
        if (!holds) {
            append(new Check(height, index));
        }
        return holds;
    }

    private void append(Check one) {
        ByteBuffer record = ByteBuffer.allocate(RECORD_BYTES);
        record.putLong(one.height).putInt(one.index).flip();
        try {
            refusals.write(record, refusals.size());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * A block was closed: all before it was applied.
     *
     * @throws IllegalStateException where another block was closed there before.
     */
    void onBlock(BlockHeader header) {
        if (header.height() < marked) {
            return;
        }
        if (!isSame && !(header.height() == until && Arrays.equals(header.hash(), block))) {
            refuse();
        }
        isSame = true;
        if (header.height() == marked) {
            return;
        }
        marked = header.height();
        byte[] body = ByteBuffer.allocate(BODY_BYTES)
                .putLong(VERSION)
                .putLong(marked)
                .put(header.hash())
                .array();
        ByteBuffer record = ByteBuffer.allocate(BODY_BYTES + Blake3.HASH_BYTES)
                .put(body)
                .put(Blake3.hash(body))
                .flip();
        try {
            marks.write(record, 0);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void refuse() {
        try {
            forget(folder);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        throw new IllegalStateException(
                "The ledger's log in " + folder + " is not the one that was applied before. Start this"
                        + " full node again: it will check every signature of it.");
    }
}
