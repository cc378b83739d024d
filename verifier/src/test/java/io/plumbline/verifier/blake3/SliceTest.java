package io.plumbline.verifier.blake3;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.lang.foreign.MemorySegment;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SliceTest {
    @ParameterizedTest
    @ValueSource(ints = {1, 1000, 1024, 1025, 3000, 4096, 5000, 17 * 1024, 33 * 1024 + 7, 100_000})
    void anySetOfRangesIsProvenAndEveryFlippedByteIsNoticed(int length) {
        Random random = new Random(length);
        byte[] message = new byte[length];
        random.nextBytes(message);
        byte[] key = random.nextBoolean() ? new byte[32] : null;
        ChainingValues tree = ChainingValues.of(key, MemorySegment.ofArray(message));
        byte[] root = key == null
                ? Blake3.hash(message)
                : Blake3.keyed(key).update(message).digest();
        assertArrayEquals(root, tree.root());
        for (int round = 0; round < 30; round++) {
            ChunkSet set = new ChunkSet();
            int from = random.nextInt(length);
            int to = from + 1 + random.nextInt(length - from);
            set.addBytes(from, to);
            int other = random.nextInt(length);
            set.addBytes(other, other + 1);
            Slice slice = new Slice(key, length, set);
            byte[] bytes =
                    slice.cut(tree, (at, target, offset, n) -> System.arraycopy(message, (int) at, target, offset, n));
            assertEquals(slice.bytes(), bytes.length);
            Slice.Proven proven = slice.verify(MemorySegment.ofArray(bytes), root);
            assertNotNull(proven, "an honest slice");
            byte[] got = proven.bytes(from, to - from).toArray(java.lang.foreign.ValueLayout.JAVA_BYTE);
            assertArrayEquals(java.util.Arrays.copyOfRange(message, from, to), got);
            bytes[random.nextInt(bytes.length)] ^= (byte) (1 << random.nextInt(8));
            assertNull(slice.verify(MemorySegment.ofArray(bytes), root), "a flipped bit");
            assertNull(slice.verify(MemorySegment.ofArray(new byte[bytes.length + 1]), root), "another size");
        }
    }

    @org.junit.jupiter.api.Test
    void bytesOutsideTheSliceCannotBeRead() {
        byte[] message = new byte[8192];
        ChainingValues tree = ChainingValues.of(null, MemorySegment.ofArray(message));
        Slice slice = new Slice(null, 8192, new ChunkSet().addBytes(0, 1024));
        byte[] bytes =
                slice.cut(tree, (at, target, offset, n) -> System.arraycopy(message, (int) at, target, offset, n));
        Slice.Proven proven = slice.verify(MemorySegment.ofArray(bytes), Blake3.hash(message));
        assertThrows(IllegalArgumentException.class, () -> proven.bytes(1000, 100));
        assertThrows(IllegalArgumentException.class, () -> new Slice(null, 8192, new ChunkSet().addBytes(8192, 8193)));
    }

    /** What is not kept of a tree is computed again. */
    @ParameterizedTest
    @ValueSource(ints = {1, 1024, 5000, 33 * 1024 + 7, 64 << 10, 3_000_001})
    void aTreeThatKeepsLittleCutsTheSame(int length) {
        Random random = new Random(length);
        byte[] message = new byte[length];
        random.nextBytes(message);
        byte[] key = new byte[32];
        ChainingValues all = ChainingValues.of(key, MemorySegment.ofArray(message));
        for (int kept : new int[] {2, 3, 16, 100}) {
            ChainingValues few = ChainingValues.of(key, MemorySegment.ofArray(message), kept);
            assertArrayEquals(all.root(), few.root());
            for (int round = 0; round < 10; round++) {
                ChunkSet set = new ChunkSet();
                for (int ranges = 1 + random.nextInt(4); ranges > 0; ranges--) {
                    int from = random.nextInt(length);
                    set.addBytes(from, from + 1 + random.nextInt(Math.min(length - from, 9000)));
                }
                Slice slice = new Slice(key, length, set);
                Slice.Source source = (at, target, offset, n) -> System.arraycopy(message, (int) at, target, offset, n);
                assertArrayEquals(slice.cut(all, source), slice.cut(few, source));
            }
        }
    }
}
