package io.plumbline.ledger.cluster;

import static io.aeron.logbuffer.FrameDescriptor.FRAME_ALIGNMENT;
import static io.aeron.logbuffer.FrameDescriptor.PADDING_FRAME_TYPE;
import static io.aeron.protocol.DataHeaderFlyweight.FRAME_LENGTH_FIELD_OFFSET;
import static io.aeron.protocol.DataHeaderFlyweight.HEADER_LENGTH;
import static io.aeron.protocol.DataHeaderFlyweight.SESSION_ID_FIELD_OFFSET;
import static io.aeron.protocol.DataHeaderFlyweight.TYPE_FIELD_OFFSET;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.agrona.BitUtil;

/**
 * Cuts recordings back to their last whole frame. Where the power went while frames were written, the last one may
 * not be whole; it was acknowledged to nobody. What is damaged before the last frame is not touched: that is no torn
 * end.
 */
final class TornEnd {
    private TornEnd() {}

    /**
     * @param archive folder of recordings that nobody has open, with {@link RecordChecksum}s.
     * @return files that were cut.
     */
    static List<Path> cut(Path archive) throws IOException {
        List<Path> cut = new ArrayList<>();
        for (Path file : lastFiles(archive).values()) {
            if (cutFile(file)) {
                cut.add(file);
            }
        }
        return cut;
    }

    /** The file in which each recording ends, named after the recording and the position that it begins at. */
    private static Map<String, Path> lastFiles(Path archive) throws IOException {
        Map<String, Path> last = new HashMap<>();
        try (Stream<Path> files = Files.list(archive)) {
            for (Path file : files.filter(one -> one.getFileName().toString().matches("\\d+-\\d+\\.rec"))
                    .toList()) {
                String recording = file.getFileName().toString().split("-")[0];
                last.merge(recording, file, (one, other) -> position(one) > position(other) ? one : other);
            }
        }
        return last;
    }

    private static long position(Path file) {
        return Long.parseLong(file.getFileName().toString().split("[-.]")[1]);
    }

    private static boolean cutFile(Path file) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            long size = channel.size();
            ByteBuffer bytes =
                    channel.map(FileChannel.MapMode.READ_ONLY, 0, size).order(ByteOrder.LITTLE_ENDIAN);
            int last = -1;
            for (int at = 0; at + HEADER_LENGTH <= size; ) {
                int length = bytes.getInt(at + FRAME_LENGTH_FIELD_OFFSET);
                if (length <= 0) {
                    break;
                }
                last = at;
                at += BitUtil.align(length, FRAME_ALIGNMENT);
            }
            if (last < 0 || isWhole(bytes, last)) {
                return false;
            }
            channel.truncate(last);
            channel.write(ByteBuffer.allocate(1), size - 1);
            channel.force(true);
            return true;
        }
    }

    private static boolean isWhole(ByteBuffer bytes, int at) {
        if (bytes.getShort(at + TYPE_FIELD_OFFSET) == PADDING_FRAME_TYPE) {
            return true;
        }
        int length = BitUtil.align(bytes.getInt(at + FRAME_LENGTH_FIELD_OFFSET), FRAME_ALIGNMENT) - HEADER_LENGTH;
        boolean fits = length >= 0 && at + HEADER_LENGTH + length <= bytes.capacity();
        return fits
                && RecordChecksum.of(bytes.slice(at + HEADER_LENGTH, length))
                        == bytes.getInt(at + SESSION_ID_FIELD_OFFSET);
    }
}
