package io.plumbline.node.inference;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.verifier.encoding.Bytes32;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A node remembers for good which requests it has signed for. */
class SignedRequestsTest {
    @TempDir
    Path folder;

    private SignedRequests open() throws IOException {
        return new SignedRequests(folder.resolve("signed"));
    }

    @Test
    void whatWasAddedIsThereHoweverMuchFollowsAndOverRestarts() throws IOException {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        Set<Bytes32> all = new HashSet<>(Set.of(Bytes32.ZERO));
        // Many that begin alike stand one behind the other.
        for (int i = 0; i < 9_000; i++) {
            long first = i % 20 == 0 ? 7 : random.nextLong();
            all.add(new Bytes32(first, random.nextLong(), random.nextLong(), random.nextLong()));
        }
        try (SignedRequests signed = open()) {
            assertFalse(signed.contains(Bytes32.ZERO));
            List<Bytes32> listed = List.copyOf(all);
            for (int from = 0; from < listed.size(); from += 300) {
                List<Bytes32> some = listed.subList(from, Math.min(listed.size(), from + 300));
                signed.addAll(some);
                signed.addAll(some);
            }
        }
        try (SignedRequests signed = open()) {
            for (Bytes32 one : all) {
                assertTrue(signed.contains(one), "seed " + seed);
            }
            for (int i = 0; i < 1_000; i++) {
                assertFalse(signed.contains(new Bytes32(7, random.nextLong(), 0, 0)), "seed " + seed);
            }
        }
    }

    /** Its node would refuse every request until it was started anew. */
    @Test
    void aTableThatCannotGrowIsReadOnAndGrowsWhenItCan() throws IOException {
        Random random = new Random(5);
        List<Bytes32> some = random.longs(9_000)
                .mapToObj(first -> new Bytes32(first, first, 0, 0))
                .toList();
        try (SignedRequests signed = open()) {
            signed.addAll(some.subList(0, 2_000));
            // No file can be made there while this is in its place.
            Path inTheWay =
                    Files.createDirectories(folder.resolve("signed.partial").resolve("full"));
            assertThrows(IOException.class, () -> signed.addAll(some.subList(2_000, 9_000)));
            assertThrows(IOException.class, () -> signed.addAll(some.subList(2_000, 9_000)));
            assertTrue(signed.contains(some.getFirst()));
            assertFalse(signed.contains(some.getLast()));
            Files.delete(inTheWay);
            Files.delete(inTheWay.getParent());
            signed.addAll(some);
        }
        try (SignedRequests signed = open()) {
            for (Bytes32 one : some) {
                assertTrue(signed.contains(one));
            }
        }
    }

    @Test
    void recordsThatBeginLaterThanTheirKeySaySo() throws IOException {
        try (SignedRequests signed = open()) {
            assertFalse(signed.hasBegun());
            signed.begin(false, 1_000);
            signed.begin(true, 2_000);
        }
        try (SignedRequests signed = open()) {
            assertTrue(signed.hasBegun());
            signed.begin(true, 3_000);
            assertEquals(1_000, signed.sinceSeconds());
        }
        Files.delete(folder.resolve("signed"));
        try (SignedRequests signed = open()) {
            signed.begin(true, 3_000);
            assertTrue(signed.sinceSeconds() < 0, "a new key has signed nothing before");
        }
    }

    @Test
    void aDamagedFileIsRefusedAndNotTakenForAnEmptyOne() throws IOException {
        open().close();
        Path file = folder.resolve("signed");
        byte[] whole = Files.readAllBytes(file);
        for (int length : new int[] {0, 8, 16, whole.length - 16, whole.length - 1}) {
            Files.write(file, Arrays.copyOf(whole, length));
            assertThrows(IOException.class, this::open, length + " bytes");
        }
    }
}
