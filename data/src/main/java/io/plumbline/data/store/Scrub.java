package io.plumbline.data.store;

import io.plumbline.verifier.blake3.ChunkGroups;
import io.plumbline.verifier.blake3.DamageSearch;
import io.plumbline.verifier.blake3.Outboard;
import io.plumbline.verifier.blake3.OutboardWriter;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.platform.Directories;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;

/** Finds what a disk has changed of a blob. */
final class Scrub {
    private static final int PIECE_BYTES = 1 << 20;

    private Scrub() {}

    /**
     * Ranges of a blob that are not proven by its id, in order. An outboard that alone is wrong is written again.
     *
     * @param progress hears of bytes that were compared.
     */
    static List<ByteRange> damaged(BlobStat stat, Path data, Path outboard, Progress progress) throws IOException {
        List<ByteRange> damaged = search(stat, data, outboard, progress);
        return damaged.isEmpty() || restoreOutboard(stat, data, outboard) ? List.of() : damaged;
    }

    private static List<ByteRange> search(BlobStat stat, Path data, Path outboard, Progress progress)
            throws IOException {
        List<ByteRange> damaged = new ArrayList<>();
        DamageSearch.Listener listener = new DamageSearch.Listener() {
            @Override
            public void good(long from, long to) {
                progress.more(to - from);
            }

            @Override
            public void damaged(long from, long to) {
                progress.more(to - from);
                ByteRange last = damaged.isEmpty() ? null : damaged.getLast();
                if (last != null && last.to() == from) {
                    damaged.set(damaged.size() - 1, new ByteRange(last.from(), to));
                } else {
                    damaged.add(new ByteRange(from, to));
                }
            }
        };
        try (FileChannel dataFile = FileChannel.open(data, StandardOpenOption.READ);
                FileChannel outboardFile =
                        Files.exists(outboard) ? FileChannel.open(outboard, StandardOpenOption.READ) : null) {
            Outboard.Source parents = outboardFile == null
                    ? (position, target, offset, length) -> {
                        throw new IOException(outboard + " is missing");
                    }
                    : BlobFiles.source(outboardFile, outboard);
            DamageSearch.run(stat.id().bytes(), stat.bytes(), BlobFiles.source(dataFile, data), parents, listener);
        } catch (NoSuchFileException e) {
            damaged.add(new ByteRange(0, stat.bytes()));
        }
        return damaged;
    }

    /** Whether the bytes are right after all: then their outboard was not, and is written anew. */
    private static boolean restoreOutboard(BlobStat stat, Path data, Path outboard) throws IOException {
        if (ChunkGroups.count(stat.bytes()) == 1 || Files.notExists(data) || Files.size(data) != stat.bytes()) {
            return false;
        }
        Path again = outboard.resolveSibling(outboard.getFileName() + ".again");
        Files.createDirectories(outboard.getParent());
        try {
            if (!rebuild(data, again).equals(stat.id())) {
                return false;
            }
            Files.move(again, outboard, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            Directories.forceNames(outboard.getParent());
            return true;
        } finally {
            Files.deleteIfExists(again);
        }
    }

    private static Bytes32 rebuild(Path data, Path outboard) throws IOException {
        try (FileChannel in = FileChannel.open(data, StandardOpenOption.READ);
                FileChannel out = FileChannel.open(
                        outboard,
                        StandardOpenOption.CREATE,
                        StandardOpenOption.TRUNCATE_EXISTING,
                        StandardOpenOption.WRITE)) {
            OutboardWriter writer = new OutboardWriter(BlobFiles.appendTo(out));
            ByteBuffer piece = ByteBuffer.allocateDirect(PIECE_BYTES);
            while (in.read(piece.clear()) >= 0) {
                writer.update(MemorySegment.ofBuffer(piece.flip()));
            }
            Bytes32 id = Bytes32.of(writer.finish());
            out.force(true);
            return id;
        } catch (ClosedChannelException e) {
            throw e;
        } catch (IOException e) {
            // Bytes that cannot be read are damaged.
            return Bytes32.of(new byte[32]);
        }
    }
}
