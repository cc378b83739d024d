package io.plumbline.data.store;

import io.plumbline.verifier.blake3.Outboard;
import io.plumbline.verifier.blake3.OutboardWriter;
import io.plumbline.verifier.encoding.Bytes32;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;

/**
 * A file, or a part of one, as a blob, where it lies: read once for its id and its outboard, which is a temporary file
 * that goes with this. What a part has beyond the file's end are zeros. The file must stay as it is meanwhile; the
 * receiver finds out where it did not.
 */
public final class FileBlob implements ReadableBlob {
    private static final int PIECE_BYTES = 1 << 20;

    private final Path file;
    private final long offset;
    private final long bytes;
    private final Bytes32 id;
    private final FileChannel dataFile;
    private final FileChannel outboardFile;

    /**
     * Reads a part of a file.
     *
     * @param offset of its first byte.
     * @param bytes of it.
     * @param progress hears of bytes that were read.
     * @throws IOException where there is no room for its outboard among temporary files.
     */
    public FileBlob(Path file, long offset, long bytes, Progress progress) throws IOException {
        this.file = file;
        this.offset = offset;
        this.bytes = bytes;
        this.dataFile = FileChannel.open(file, StandardOpenOption.READ);
        FileChannel outboard = null;
        try {
            outboard = FileChannel.open(
                    Files.createTempFile("plumbline-outboard-", ""),
                    StandardOpenOption.READ,
                    StandardOpenOption.WRITE,
                    StandardOpenOption.DELETE_ON_CLOSE);
            this.outboardFile = outboard;
            this.id = hash(progress);
        } catch (IOException | RuntimeException e) {
            dataFile.close();
            if (outboard != null) {
                outboard.close();
            }
            throw e;
        }
    }

    /** Reads a whole file. */
    public static FileBlob of(Path file, Progress progress) throws IOException {
        if (!Files.isRegularFile(file)) {
            throw new IOException(file + (Files.exists(file) ? " is no file." : " does not exist."));
        }
        return new FileBlob(file, 0, Files.size(file), progress);
    }

    private Bytes32 hash(Progress progress) throws IOException {
        OutboardWriter writer = new OutboardWriter(BlobFiles.appendTo(outboardFile));
        byte[] piece = new byte[(int) Math.min(PIECE_BYTES, bytes)];
        for (long at = 0; at < bytes; ) {
            int length = (int) Math.min(piece.length, bytes - at);
            read(at, piece, 0, length);
            writer.update(MemorySegment.ofArray(piece).asSlice(0, length));
            progress.more(length);
            at += length;
        }
        return Bytes32.of(writer.finish());
    }

    /** Reads bytes of this blob, zeros where the file has ended. */
    public void read(long position, byte[] target, int targetOffset, int length) throws IOException {
        ByteBuffer into = ByteBuffer.wrap(target, targetOffset, length);
        while (into.hasRemaining()) {
            if (dataFile.read(into, offset + position + into.position() - targetOffset) < 0) {
                Arrays.fill(target, into.position(), targetOffset + length, (byte) 0);
                return;
            }
        }
    }

    /** Writes its outboard to a file of its own. */
    public void copyOutboard(Path to) throws IOException {
        try (FileChannel out = FileChannel.open(to, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            for (long at = 0; at < outboardFile.size(); ) {
                at += outboardFile.transferTo(at, outboardFile.size() - at, out);
            }
        }
    }

    @Override
    public Bytes32 id() {
        return id;
    }

    @Override
    public long bytes() {
        return bytes;
    }

    @Override
    public void encode(ByteRange range, Outboard.Output output) throws IOException {
        new Outboard(bytes, this::read, BlobFiles.source(outboardFile, file)).encode(range.from(), range.to(), output);
    }

    @Override
    public void close() throws IOException {
        dataFile.close();
        outboardFile.close();
    }
}
