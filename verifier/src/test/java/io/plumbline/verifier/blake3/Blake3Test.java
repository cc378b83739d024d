package io.plumbline.verifier.blake3;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.bouncycastle.crypto.digests.Blake3Digest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Tag("vectors")
class Blake3Test {
    private static byte[] pattern(int length) {
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++) {
            bytes[i] = (byte) (i % 251);
        }
        return bytes;
    }

    @Test
    void theOfficialTestVectorsHoldInAllThreeModesAtFullOutputLength() throws IOException {
        JsonNode root;
        try (InputStream in = Blake3Test.class.getResourceAsStream("/blake3/test_vectors.json")) {
            root = new ObjectMapper().readTree(in);
        }
        byte[] key = root.get("key").asText().getBytes(StandardCharsets.UTF_8);
        String context = root.get("context_string").asText();
        for (JsonNode one : root.get("cases")) {
            byte[] input = pattern(one.get("input_len").asInt());
            assertVector(one.get("hash").asText(), Blake3.plain(), input);
            assertVector(one.get("keyed_hash").asText(), Blake3.keyed(key), input);
            assertVector(one.get("derive_key").asText(), Blake3.deriveKey(context), input);
        }
    }

    @Test
    void aMessageAtHandHashesAsOneThatArrivesInPieces() {
        for (int size : new int[] {0, 1, 1023, 1024, 1025, 2048, 65_535, 65_536, 65_537, 200_000, 1 << 20}) {
            byte[] message = pattern(size);
            Blake3 pieces = Blake3.plain();
            for (int at = 0; at < size; at += 7919) {
                pieces.update(java.util.Arrays.copyOfRange(message, at, Math.min(size, at + 7919)));
            }
            assertEquals(Blake3.hex(pieces.digest()), Blake3.hex(Blake3.hash(message)), size + " bytes");
        }
    }

    private static void assertVector(String expected, Blake3 hasher, byte[] input) {
        assertEquals(
                expected, Blake3.hex(hasher.update(input).digest(expected.length() / 2)), "length " + input.length);
    }

    /** From the official vectors, so that something fixed is checked where the file is absent. */
    @Test
    void theEmptyInputHasItsKnownHash() {
        assertEquals(
                "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
                Blake3.hex(Blake3.hash(new byte[0])));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 63, 64, 65, 1023, 1024, 1025, 2048, 4097, 16384, 65535, 65536, 65537, 131072, 200_000})
    void vectorScalarAndAnIndependentImplementationAgree(int length) {
        byte[] input = new byte[length];
        new Random(length).nextBytes(input);
        Blake3Digest other = new Blake3Digest(256);
        other.update(input, 0, length);
        byte[] expected = new byte[32];
        other.doFinal(expected, 0);
        assertArrayEquals(
                expected, Blake3.plain(new ScalarCompressor()).update(input).digest());
        assertArrayEquals(
                expected, Blake3.plain(new VectorCompressor()).update(input).digest());
        for (ChunkCompressor compiled : NativeCompressor.all()) {
            assertArrayEquals(expected, Blake3.plain(compiled).update(input).digest());
        }
    }

    @Test
    void everyFormHashesChunksThatAreNotNeighbours() {
        byte[] input = pattern(70 * 1024);
        int[] key = ChunkTree.keyWords(pattern(32));
        long[] indices = new long[72];
        for (int i = 0; i < indices.length; i++) {
            indices[i] = i * 0x1_0000_0007L;
        }
        List<ChunkCompressor> all = new ArrayList<>(NativeCompressor.all());
        all.add(new VectorCompressor());
        for (int count : new int[] {1, 2, 3, 7, 8, 15, 16, 17, 33, 69}) {
            int[] expected = new int[(count + 1) * 8];
            MemorySegment in = MemorySegment.ofArray(input);
            new ScalarCompressor().chunks(key, Compression.KEYED_HASH, in, 1024, count, indices, 2, expected, 8);
            for (ChunkCompressor form : all) {
                int[] found = new int[(count + 1) * 8];
                form.chunks(key, Compression.KEYED_HASH, in, 1024, count, indices, 2, found, 8);
                assertArrayEquals(expected, found, form.getClass().getSimpleName() + ", " + count + " chunks");
            }
        }
    }

    @Test
    void theSplitIntoUpdatesDoesNotMatter() {
        byte[] input = pattern(300_000);
        byte[] expected = Blake3.hash(input);
        Random random = new Random(5);
        for (int round = 0; round < 20; round++) {
            Blake3 hasher = Blake3.plain();
            for (int at = 0; at < input.length; ) {
                int take = Math.min(input.length - at, random.nextInt(round % 2 == 0 ? 3000 : 150_000));
                hasher.update(MemorySegment.ofArray(input).asSlice(at, take));
                at += take;
            }
            assertArrayEquals(expected, hasher.digest());
        }
    }

    @Test
    void aDeferredFirstChunkGivesTheSameRoot() {
        byte[] key = pattern(32);
        for (int chunks = 2; chunks < 40; chunks++) {
            byte[] input = pattern(chunks * 1024);
            Hashing hashing = new Hashing(key);
            int[] cvs = new int[chunks * 8];
            hashing.chunks(MemorySegment.ofArray(input), 0, cvs, 0);
            ChunkTree tree = new ChunkTree(key, true);
            for (int i = 1; i < chunks; i++) {
                tree.push(cvs, i * 8);
            }
            int[] first = new int[8];
            System.arraycopy(cvs, 0, first, 0, 8);
            assertArrayEquals(Blake3.keyed(key).update(input).digest(), tree.root(first), chunks + " chunks");
        }
    }

    @Test
    void aKeyOfAnotherLengthIsRefused() {
        assertThrows(IllegalArgumentException.class, () -> Blake3.keyed(new byte[31]));
    }

    /** Below, at and above the size of what is worked on apart. */
    @ParameterizedTest
    @ValueSource(ints = {0, 1, 1024, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, (3 << 20) + 77, 5 << 20})
    void onAllProcessorsTheHashIsTheSame(int bytes) {
        byte[] message = new byte[bytes];
        new Random(bytes).nextBytes(message);
        assertArrayEquals(Blake3.hash(message), ParallelHash.hash(MemorySegment.ofArray(message)));
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 63, 64, 65, 128, 256, 1000, 1023, 1024})
    void manySmallMessagesHashAsEachOneDoes(int bytes) {
        for (int count : new int[] {1, 3, 15, 16, 17, 40, 1100}) {
            byte[] all = new byte[count * bytes];
            new Random(bytes + count).nextBytes(all);
            byte[] hashes = Blake3.hashEach(MemorySegment.ofArray(all), count, bytes);
            for (int i = 0; i < count; i++) {
                byte[] one = Arrays.copyOfRange(all, i * bytes, (i + 1) * bytes);
                byte[] hash = Arrays.copyOfRange(hashes, 32 * i, 32 * (i + 1));
                assertArrayEquals(Blake3.hash(one), hash, count + " messages, " + i);
            }
            int[] scalar = new int[8 * count];
            new ScalarCompressor()
                    .messages(ChunkTree.keyWords(null), 0, MemorySegment.ofArray(all), 0, count, bytes, scalar);
            for (ChunkCompressor form : NativeCompressor.all()) {
                int[] words = new int[8 * count];
                form.messages(ChunkTree.keyWords(null), 0, MemorySegment.ofArray(all), 0, count, bytes, words);
                assertArrayEquals(scalar, words);
            }
        }
    }
}
