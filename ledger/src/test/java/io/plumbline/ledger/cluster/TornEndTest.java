package io.plumbline.ledger.cluster;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.aeron.protocol.DataHeaderFlyweight;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TornEndTest {
    private static final int SEGMENT = 1 << 16;
    private static final int HEADER = DataHeaderFlyweight.HEADER_LENGTH;
    private static final int PAYLOAD = 300;
    private static final int FRAME = 352;
    private static final int FRAMES = 40;

    @TempDir
    private Path folder;

    private final Random random = new Random(3);

    /** Frames as the archive writes them, then zeros. */
    private byte[] segment() {
        ByteBuffer bytes = ByteBuffer.allocate(SEGMENT).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < FRAMES; i++) {
            byte[] payload = new byte[PAYLOAD];
            random.nextBytes(payload);
            int at = i * FRAME;
            bytes.put(at + HEADER, payload);
            bytes.putInt(at, HEADER + PAYLOAD);
            bytes.putShort(at + DataHeaderFlyweight.TYPE_FIELD_OFFSET, (short) DataHeaderFlyweight.HDR_TYPE_DATA);
            bytes.putInt(
                    at + DataHeaderFlyweight.SESSION_ID_FIELD_OFFSET,
                    RecordChecksum.of(bytes.slice(at + HEADER, FRAME - HEADER)));
        }
        return bytes.array();
    }

    private Path write(String name, byte[] bytes) throws IOException {
        return Files.write(folder.resolve(name), bytes);
    }

    @Test
    void aLastFrameThatIsNotWholeGoesAndNothingElse() throws IOException {
        byte[] whole = segment();
        for (int lost = 1; lost <= PAYLOAD; lost += 23) {
            byte[] torn = whole.clone();
            int end = (FRAMES - 1) * FRAME + HEADER + PAYLOAD;
            // What was on the disk before stands there still.
            byte[] stale = new byte[lost];
            random.nextBytes(stale);
            System.arraycopy(stale, 0, torn, end - lost, lost);
            Path file = write("0-65536.rec", torn);
            assertEquals(List.of(file), TornEnd.cut(folder));
            byte[] expected = whole.clone();
            Arrays.fill(expected, (FRAMES - 1) * FRAME, SEGMENT, (byte) 0);
            assertArrayEquals(expected, Files.readAllBytes(file));
            assertEquals(List.of(), TornEnd.cut(folder), "what is left is whole");
        }
    }

    @Test
    void whatIsWholeIsLeftAloneAndSoIsWhatIsDamagedBefore() throws IOException {
        byte[] damaged = segment();
        damaged[5 * FRAME + HEADER + 7] ^= 4;
        byte[] padded = segment();
        ByteBuffer.wrap(padded).order(ByteOrder.LITTLE_ENDIAN).putInt(FRAMES * FRAME, SEGMENT - FRAMES * FRAME);
        byte[] earlier = segment();
        earlier[(FRAMES - 1) * FRAME + HEADER + 7] ^= 4;
        write("0-0.rec", earlier);
        write("0-65536.rec", segment());
        write("1-0.rec", damaged);
        write("2-0.rec", padded);
        write("3-0.rec", new byte[SEGMENT]);
        write("archive.catalog", new byte[5]);
        assertEquals(List.of(), TornEnd.cut(folder));
        assertArrayEquals(earlier, Files.readAllBytes(folder.resolve("0-0.rec")));
        assertArrayEquals(damaged, Files.readAllBytes(folder.resolve("1-0.rec")));
    }
}
