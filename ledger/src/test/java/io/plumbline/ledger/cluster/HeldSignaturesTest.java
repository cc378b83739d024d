package io.plumbline.ledger.cluster;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Signatures that held before a start are not checked again, and no others are taken for them. */
class HeldSignaturesTest {
    private static final int MANY = 5_000;

    @TempDir
    Path folder;

    private static byte[] content(int number) {
        return new byte[] {(byte) number, (byte) (number >> 8), (byte) (number >> 16), 1};
    }

    /** Those with a number that 7 divides do not hold. Returns how many were checked. */
    private int apply(HeldSignatures signatures, int from, int to) {
        int[] checks = {0};
        for (int i = from; i < to; i++) {
            boolean holds = i % 7 != 0;
            assertEquals(holds, signatures.holds(content(i), () -> {
                checks[0]++;
                return holds;
            }));
        }
        return checks[0];
    }

    @Test
    void onlyThoseThatHeldAreKnown() {
        try (HeldSignatures first = new HeldSignatures(folder)) {
            assertEquals(MANY, apply(first, 0, MANY));
        }
        try (HeldSignatures again = new HeldSignatures(folder)) {
            assertEquals((MANY + 6) / 7, apply(again, 0, MANY), "those that did not hold are checked again");
            assertEquals(100, apply(again, MANY, MANY + 100));
        }
        try (HeldSignatures third = new HeldSignatures(folder)) {
            assertTrue(third.holds(content(MANY + 1), () -> false), "it held before");
            assertFalse(third.holds(content(2 * MANY), () -> false));
        }
    }

    /** Whatever comes in another order, or in place of what was there, is what it is. */
    @Test
    void anotherLogIsCheckedWhereItIsAnother() {
        try (HeldSignatures first = new HeldSignatures(folder)) {
            apply(first, 0, MANY);
        }
        try (HeldSignatures other = new HeldSignatures(folder)) {
            assertTrue(other.holds(content(8), () -> false));
            assertFalse(other.holds(content(MANY + 8), () -> false), "a forged one in its place");
            assertTrue(other.holds(content(1), () -> false));
        }
    }

    @Test
    void aFileThatIsCutOffOrGoneCostsChecksAlone() throws IOException {
        try (HeldSignatures first = new HeldSignatures(folder)) {
            apply(first, 1, 7);
        }
        Path file = folder.resolve(HeldSignatures.FILE);
        byte[] bytes = Files.readAllBytes(file);
        Files.write(file, Arrays.copyOf(bytes, bytes.length - 3));
        try (HeldSignatures cut = new HeldSignatures(folder)) {
            assertEquals(1, apply(cut, 1, 7));
        }
        try (HeldSignatures whole = new HeldSignatures(folder)) {
            assertEquals(0, apply(whole, 1, 7));
        }
        Files.write(file, new byte[5]);
        try (HeldSignatures begun = new HeldSignatures(folder)) {
            assertEquals(6, apply(begun, 1, 7));
        }
    }

    /** Whoever knows its key finds content whose hash is one of those that stand there. */
    @Test
    void itsKeyIsReadByNobodyElse() throws IOException {
        Path made = Files.createDirectory(folder.resolve("private"));
        new HeldSignatures(made).close();
        try (Stream<Path> files = Files.list(made)) {
            for (Path file : files.toList()) {
                assertEquals(
                        "rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(file)), "" + file);
            }
        }
    }
}
