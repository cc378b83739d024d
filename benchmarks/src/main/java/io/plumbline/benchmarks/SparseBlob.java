package io.plumbline.benchmarks;

import io.plumbline.verifier.blake3.OutboardWriter;
import io.plumbline.verifier.encoding.Bytes32;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Random;

/** A store with one huge blob whose file is mostly holes, which a store's own writer would fill. */
final class SparseBlob {
    private static final int READ_BYTES = 1 << 20;

    private SparseBlob() {}

    /**
     * Makes it.
     *
     * @param store folder of the store.
     * @param bytes of the blob.
     * @param places that are no holes, each with {@code pieceBytes} random bytes.
     */
    static Bytes32 make(Path store, long bytes, long[] places, int pieceBytes) throws IOException {
        Files.createDirectories(store);
        Path data = store.resolve("data");
        Path outboard = store.resolve("outboard");
        byte[] block = new byte[pieceBytes];
        Random random = new Random(4);
        Bytes32 id;
        try (FileChannel file = FileChannel.open(
                        data,
                        StandardOpenOption.CREATE_NEW,
                        StandardOpenOption.SPARSE,
                        StandardOpenOption.READ,
                        StandardOpenOption.WRITE);
                FileChannel parents =
                        FileChannel.open(outboard, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            file.write(ByteBuffer.wrap(new byte[1]), bytes - 1);
            for (long place : places) {
                random.nextBytes(block);
                file.write(ByteBuffer.wrap(block), place);
            }
            OutboardWriter writer = new OutboardWriter((some, length) -> {
                for (ByteBuffer left = ByteBuffer.wrap(some, 0, length); left.hasRemaining(); ) {
                    parents.write(left);
                }
            });
            ByteBuffer piece = ByteBuffer.allocateDirect(READ_BYTES);
            for (long at = 0; at < bytes; at += piece.limit()) {
                if (at % (10L << 30) == 0) {
                    System.out.println("hashed " + (at >> 30) + " of " + (bytes >> 30) + " GiB");
                }
                file.read(piece.clear(), at);
                writer.update(MemorySegment.ofBuffer(piece.flip()));
            }
            id = Bytes32.of(writer.finish());
        }
        String hex = id.toString();
        for (String part : new String[] {"blobs", "outboards"}) {
            Path place = store.resolve(part).resolve(hex.substring(0, 2));
            Files.createDirectories(place);
            Files.move(part.equals("blobs") ? data : outboard, place.resolve(hex));
        }
        return id;
    }
}
