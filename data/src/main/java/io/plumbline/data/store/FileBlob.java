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

/**
 * A file, or a part of one, as a blob, where it lies: read once for its id and its outboard, which is a temporary file
 * that goes with this. The file must stay as it is meanwhile; the receiver finds out where it did not.
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
     * @throws IOException where the file has not so many, or there is no room for its outboard among temporary files.
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
        OutboardWriter writer = new OutboardWriter((parents, length) -> {
            for (ByteBuffer left = ByteBuffer.wrap(parents, 0, length); left.hasRemaining(); ) {
                outboardFile.write(left);
            }
        });
        ByteBuffer piece = ByteBuffer.allocateDirect(PIECE_BYTES);
        for (long at = 0; at < bytes; at += piece.limit()) {
            piece.clear().limit((int) Math.min(PIECE_BYTES, bytes - at));
            while (piece.hasRemaining()) {
                if (dataFile.read(piece, offset + at + piece.position()) < 0) {
                    throw new IOException(file + " ends before byte " + (offset + bytes) + ".");
                }
            }
            writer.update(MemorySegment.ofBuffer(piece.flip()));
            progress.more(piece.limit());
        }
        return Bytes32.of(writer.finish());
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
        Outboard.Source whole = BlobFiles.source(dataFile, file);
        Outboard.Source part = (position, target, at, length) -> whole.read(offset + position, target, at, length);
        new Outboard(bytes, part, BlobFiles.source(outboardFile, file)).encode(range.from(), range.to(), output);
    }

    @Override
    public void close() throws IOException {
        dataFile.close();
        outboardFile.close();
    }
}
