package io.plumbline.verifier.blake3;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.verifier.blake3.RangeDecoder.WrongBytesException;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class OutboardTest {
    private static final int GROUP = ChunkGroups.BYTES;

    /** A message with its outboard, as a writer gives it that is fed in pieces of odd sizes. */
    private record Written(byte[] message, byte[] outboard, byte[] id) {
        static Written of(int length, Random random) throws IOException {
            byte[] message = new byte[length];
            random.nextBytes(message);
            ByteArrayOutputStream outboard = new ByteArrayOutputStream();
            OutboardWriter writer = new OutboardWriter((bytes, n) -> outboard.write(bytes, 0, n));
            for (int at = 0; at < length; ) {
                int piece = Math.min(length - at, 1 + random.nextInt(random.nextBoolean() ? 1000 : 2_000_000));
                writer.update(MemorySegment.ofArray(message).asSlice(at, piece));
                at += piece;
            }
            byte[] id = writer.finish();
            return new Written(message, outboard.toByteArray(), id);
        }

        Outboard open() {
            return new Outboard(message.length, source(message), source(outboard));
        }

        byte[] encode(long from, long to) throws IOException {
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            open().encode(from, to, (bytes, n) -> out.write(bytes, 0, n));
            return out.toByteArray();
        }
    }

    private static Outboard.Source source(byte[] bytes) {
        return (at, target, offset, n) -> System.arraycopy(bytes, (int) at, target, offset, n);
    }

    /** Bytes that a decoder handed on, where they stood. */
    private static final class Received implements RangeDecoder.Sink {
        final byte[] message;
        final byte[] outboard;
        long groupBytes;

        Received(int length) {
            message = new byte[length];
            outboard = new byte[(int) ChunkGroups.outboardBytes(length)];
        }

        @Override
        public void group(long position, byte[] bytes, int length) {
            System.arraycopy(bytes, 0, message, (int) position, length);
            groupBytes += length;
        }

        @Override
        public void parent(long position, byte[] bytes) {
            System.arraycopy(bytes, 0, outboard, (int) position, ChunkGroups.PARENT_BYTES);
        }
    }

    @ParameterizedTest
    @ValueSource(
            ints = {
                0,
                1,
                1024,
                1025,
                GROUP - 1,
                GROUP,
                GROUP + 1,
                2 * GROUP,
                3 * GROUP + 1025,
                5 * GROUP,
                64 * GROUP,
                64 * GROUP + 1,
                65 * GROUP,
                150 * GROUP + 17,
                3_000_001
            })
    void aMessagesHashIsB3sumsAndItsOutboardTheDefinitions(int length) throws IOException {
        Written written = Written.of(length, new Random(length));
        assertArrayEquals(Blake3.hash(written.message()), written.id());
        assertArrayEquals(definition(written.message()), written.outboard());
        assertEquals(ChunkGroups.outboardBytes(length), written.outboard().length);
        assertArrayEquals(written.id(), written.open().root());
    }

    /** The outboard by the tree's definition: by recursion, with a plain chunk's value at each leaf. */
    private static byte[] definition(byte[] message) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        node(message, 0, Math.max(1, (message.length + 1023) / 1024), out);
        return out.toByteArray();
    }

    private static int[] node(byte[] message, int from, int to, ByteArrayOutputStream out) {
        int[] cv = new int[8];
        if (to - from == 1) {
            int bytes = Math.min(1024, message.length - 1024 * from);
            Node.chunk(
                            Compression.iv(),
                            0,
                            MemorySegment.ofArray(message),
                            1024L * from,
                            bytes,
                            from,
                            new int[16],
                            new int[16])
                    .chainingValue(cv, 0, new int[16]);
            return cv;
        }
        int middle = from + Integer.highestOneBit(to - from - 1);
        int[] left = node(message, from, middle, out);
        int[] right = node(message, middle, to, out);
        if (to - from > 16) {
            byte[] pair = new byte[64];
            Compression.toBytes(left, 0, 8, pair, 0);
            Compression.toBytes(right, 0, 8, pair, 32);
            out.writeBytes(pair);
        }
        Node.parent(Compression.iv(), 0, left, 0, right, 0).chainingValue(cv, 0, new int[16]);
        return cv;
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 5000, GROUP, GROUP + 1, 7 * GROUP + 333, 64 * GROUP, 100 * GROUP - 1})
    void anyRangeIsProvenByTheIdAloneAndEveryFlippedBitAndMissingByteIsNoticed(int length) throws IOException {
        Random random = new Random(length);
        Written written = Written.of(length, random);
        for (int round = 0; round < 40; round++) {
            int from = round == 0 ? 0 : random.nextInt(length + 1);
            int to = round == 0 ? length : from + random.nextInt(length - from + 1);
            byte[] encoded = written.encode(from, to);
            RangeDecoder decoder = new RangeDecoder(written.id(), length, from, to);
            assertEquals(decoder.encodedBytes(), encoded.length);
            Received received = new Received(length);
            decoder.decode(new ByteArrayInputStream(encoded), received);
            assertArrayEquals(
                    Arrays.copyOfRange(written.message(), from, to), Arrays.copyOfRange(received.message, from, to));
            assertTrue(received.groupBytes < to - from + 2 * GROUP, "no more than the groups that it touches");
            if (round == 0) {
                assertArrayEquals(written.outboard(), received.outboard);
            }
            if (encoded.length > 0) {
                byte[] flipped = encoded.clone();
                int at = random.nextInt(encoded.length);
                flipped[at] ^= (byte) (1 << random.nextInt(8));
                Received before = new Received(length);
                assertThrows(
                        WrongBytesException.class, () -> decoder.decode(new ByteArrayInputStream(flipped), before));
                assertTrue(before.groupBytes <= at, "nothing behind a wrong byte is handed on");
                byte[] cut = Arrays.copyOf(encoded, at);
                assertThrows(
                        EOFException.class, () -> decoder.decode(new ByteArrayInputStream(cut), new Received(length)));
            }
        }
    }

    @Test
    void aWrongLengthIsNoticedWhereTheRangeHoldsTheLastGroup() throws IOException {
        int length = 9 * GROUP + 100;
        Written written = Written.of(length, new Random(1));
        for (int wrong : new int[] {length - 1, length + 1, 9 * GROUP, 8 * GROUP, 10 * GROUP, 17 * GROUP, 1, 0}) {
            byte[] padded = Arrays.copyOf(written.message(), wrong);
            Written other = new Written(padded, written.outboard(), written.id());
            byte[] all = Arrays.copyOf(
                    written.encode(0, length), (int) new RangeDecoder(other.id(), wrong, 0, wrong).encodedBytes());
            assertThrows(
                    WrongBytesException.class,
                    () -> new RangeDecoder(other.id(), wrong, 0, wrong)
                            .decode(new ByteArrayInputStream(all), new Received(wrong)),
                    wrong + " bytes");
        }
    }

    @Test
    void anotherMessagesRangeAndAnotherRangeAreRefused() throws IOException {
        Written one = Written.of(5 * GROUP, new Random(2));
        Written two = Written.of(5 * GROUP, new Random(3));
        byte[] encoded = one.encode(GROUP, 2 * GROUP);
        for (RangeDecoder decoder : new RangeDecoder[] {
            new RangeDecoder(two.id(), 5 * GROUP, GROUP, 2 * GROUP), new RangeDecoder(one.id(), 5 * GROUP, 0, GROUP)
        }) {
            assertThrows(
                    WrongBytesException.class,
                    () -> decoder.decode(new ByteArrayInputStream(encoded), new Received(5 * GROUP)));
        }
    }

    @Test
    void whatIsNoRangeOrNoLengthIsRefusedBeforeAnythingIsRead() {
        byte[] id = new byte[32];
        assertThrows(IllegalArgumentException.class, () -> new RangeDecoder(id, -1, 0, 0));
        assertThrows(IllegalArgumentException.class, () -> new RangeDecoder(id, Long.MAX_VALUE, 0, 1));
        assertThrows(IllegalArgumentException.class, () -> new RangeDecoder(id, 10, -1, 5));
        assertThrows(IllegalArgumentException.class, () -> new RangeDecoder(id, 10, 6, 5));
        assertThrows(IllegalArgumentException.class, () -> new RangeDecoder(id, 10, 0, 11));
        new RangeDecoder(id, ChunkGroups.MOST_MESSAGE_BYTES, 0, ChunkGroups.MOST_MESSAGE_BYTES);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 1024, 5000, GROUP, GROUP + 1, 33 * 1024 + 7, 64 << 10, 3_000_001})
    void slicesOfChunksAreCutFromItAsFromTheWholeTree(int length) throws IOException {
        Random random = new Random(length);
        Written written = Written.of(length, random);
        ChainingValues whole = ChainingValues.of(null, MemorySegment.ofArray(written.message()));
        for (int round = 0; round < 20; round++) {
            int from = random.nextInt(length);
            ChunkSet set = new ChunkSet().addBytes(from, from + 1);
            int second = random.nextInt(length);
            set.addBytes(second, second + random.nextInt(length - second) / 10);
            Slice slice = new Slice(null, length, set);
            Slice.Source source =
                    (at, target, offset, n) -> System.arraycopy(written.message(), (int) at, target, offset, n);
            assertArrayEquals(slice.cut(whole, source), slice.cut(written.open(), source));
        }
    }
}
