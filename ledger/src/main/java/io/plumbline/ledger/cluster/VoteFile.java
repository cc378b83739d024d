package io.plumbline.ledger.cluster;

import io.plumbline.ledger.state.SigningRecord;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.platform.Directories;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A full node's {@link SigningRecord}, on disk before it signs. Not thread-safe.
 */
final class VoteFile {
    /** A record: what it is, epoch, number, hash; then BLAKE3 of these. */
    private static final int BODY_BYTES = 4 + 8 + 8 + 32;

    private static final int RECORD_BYTES = BODY_BYTES + 32;

    /** A disk writes so many bytes whole or not at all. */
    private static final int SECTOR_BYTES = 512;

    private static final int VOTE = 1;
    private static final int PROMISE = 2;
    private static final int FORGOTTEN = 3;

    /** Beyond it the file is begun anew with what still matters. */
    private static final long MOST_BYTES = 1 << 20;

    private final Path file;
    private SigningRecord signed = SigningRecord.NONE;

    /** Bytes of the file that are whole records. */
    private long whole;

    /**
     * @throws IOException where the file is damaged: a full node that does not know what it has signed must not sign.
     */
    VoteFile(Path file) throws IOException {
        this.file = file;
        if (!Files.exists(file)) {
            return;
        }
        byte[] bytes = Files.readAllBytes(file);
        // A record that was being written when the power went is not whole, and was not signed either. But a record
        // that was signed may rot: only one that the disk did not write all of is taken for torn.
        for (int at = 0; at + RECORD_BYTES <= bytes.length; at += RECORD_BYTES) {
            byte[] body = Arrays.copyOfRange(bytes, at, at + BODY_BYTES);
            if (Arrays.equals(Blake3.hash(body), Arrays.copyOfRange(bytes, at + BODY_BYTES, at + RECORD_BYTES))) {
                take(ByteBuffer.wrap(body));
                whole = at + RECORD_BYTES;
            } else if (at + 2 * RECORD_BYTES <= bytes.length || !hasGap(bytes, at)) {
                throw new IOException(file
                        + " is damaged: it does not say any more which blocks this full node has signed. Restore it, or"
                        + " give the node another key; with this one it could sign two blocks of one number.");
            }
        }
    }

    /**
     * Whether a part of a record was never written: a disk writes whole sectors, and a file that has grown reads as
     * zeros where it has written none. A record that is damaged otherwise may have been signed.
     */
    private static boolean hasGap(byte[] bytes, int at) {
        int sector = Math.min((at / SECTOR_BYTES + 1) * SECTOR_BYTES, at + RECORD_BYTES);
        return isZero(bytes, at, sector) || isZero(bytes, sector, at + RECORD_BYTES);
    }

    private static boolean isZero(byte[] bytes, int from, int to) {
        for (int i = from; i < to; i++) {
            if (bytes[i] != 0) {
                return false;
            }
        }
        return to > from;
    }

    private void take(ByteBuffer body) throws IOException {
        int what = body.getInt();
        long epoch = body.getLong();
        long of = body.getLong();
        byte[] hash = new byte[32];
        body.get(hash);
        signed = switch (what) {
            case VOTE -> signed.voted(epoch, of, hash);
            case PROMISE -> signed.promise(of, epoch);
            case FORGOTTEN -> signed.forget(of);
            default ->
                throw new IOException(file + " has a record of kind " + what
                        + ", which this build does not know: a later one has written it. Run that.");
        };
    }

    /** What is on disk. */
    SigningRecord signed() {
        return signed;
    }

    void vote(long epoch, long of, byte[] hash) throws IOException {
        append(record(VOTE, epoch, of, hash));
    }

    void promise(long epoch, long of) throws IOException {
        append(record(PROMISE, epoch, of, new byte[32]));
    }

    private static byte[] record(int what, long epoch, long of, byte[] hash) {
        return ByteBuffer.allocate(BODY_BYTES)
                .putInt(what)
                .putLong(epoch)
                .putLong(of)
                .put(hash)
                .array();
    }

    /** Signs nothing up to this number any more. */
    void forget(long upTo) throws IOException {
        append(record(FORGOTTEN, 0, upTo, new byte[32]));
    }

    /**
     * Adds all that another record of the same full node says.
     *
     * @return whether that was anything new.
     * @throws IllegalArgumentException where the two cannot be of one honest full node.
     */
    boolean add(SigningRecord other) throws IOException {
        SigningRecord all = signed.and(other);
        if (all.says(signed)) {
            return false;
        }
        begin(records(all));
        signed = all;
        return true;
    }

    private static List<byte[]> records(SigningRecord all) {
        List<byte[]> records = new ArrayList<>();
        if (all.forgotten() >= 0) {
            records.add(record(FORGOTTEN, 0, all.forgotten(), new byte[32]));
        }
        if (all.promisedFor() >= 0) {
            records.add(record(PROMISE, all.promised(), all.promisedFor(), new byte[32]));
        }
        all.votes().forEach((epoch, hash) -> records.add(record(VOTE, epoch, all.number(), hash)));
        return records;
    }

    /** Known from when it is on disk. */
    private void append(byte[] body) throws IOException {
        if (Files.exists(file) && Files.size(file) > MOST_BYTES) {
            begin(records(signed));
        }
        boolean isNew = !Files.exists(file);
        try (FileChannel out = FileChannel.open(
                file, StandardOpenOption.CREATE, StandardOpenOption.WRITE, StandardOpenOption.APPEND)) {
            // A torn record at the end would put all that follow out of step, or be taken for damage once there are.
            out.truncate(whole);
            write(out, body);
            out.force(true);
        }
        if (isNew) {
            Directories.forceNames(file.toAbsolutePath().getParent());
        }
        whole += RECORD_BYTES;
        take(ByteBuffer.wrap(body));
    }

    /** Begins the file anew with these records alone: all of them are there afterwards, or what was before. */
    private void begin(List<byte[]> records) throws IOException {
        Path partial = file.resolveSibling(file.getFileName() + ".partial");
        try (FileChannel out = FileChannel.open(
                partial, StandardOpenOption.CREATE, StandardOpenOption.WRITE, StandardOpenOption.TRUNCATE_EXISTING)) {
            for (byte[] one : records) {
                write(out, one);
            }
            out.force(true);
        }
        Files.move(partial, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        Directories.forceNames(file.toAbsolutePath().getParent());
        whole = (long) RECORD_BYTES * records.size();
    }

    private static void write(FileChannel out, byte[] body) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(RECORD_BYTES)
                .put(body)
                .put(Blake3.hash(body))
                .flip();
        while (bytes.hasRemaining()) {
            out.write(bytes);
        }
    }
}
