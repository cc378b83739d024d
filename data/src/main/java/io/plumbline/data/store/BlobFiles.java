package io.plumbline.data.store;

import io.plumbline.verifier.blake3.Outboard;
import io.plumbline.verifier.blake3.OutboardWriter;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;

/** Whole reads and writes of files at a place, and what makes a rename last. */
final class BlobFiles {
    private BlobFiles() {}

    /** Bytes of a file, for whoever cuts ranges from it. */
    static Outboard.Source source(FileChannel file, Path path) {
        return (position, target, offset, length) -> {
            ByteBuffer into = ByteBuffer.wrap(target, offset, length);
            while (into.hasRemaining()) {
                if (file.read(into, position + into.position() - offset) < 0) {
                    throw new EOFException(path + " ends at byte " + file.size() + ", before " + (position + length)
                            + ": it was cut. Run `plumbline blob verify`.");
                }
            }
        };
    }

    static void write(FileChannel file, long position, ByteBuffer bytes) throws IOException {
        long at = position;
        while (bytes.hasRemaining()) {
            at += file.write(bytes, at);
        }
    }

    /** Appends an outboard to a file. */
    static OutboardWriter.Sink appendTo(FileChannel file) {
        return (parents, length) -> {
            for (ByteBuffer left = ByteBuffer.wrap(parents, 0, length); left.hasRemaining(); ) {
                file.write(left);
            }
        };
    }
}
