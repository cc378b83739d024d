package io.plumbline.node.serve;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.plumbline.ledger.faults.Namespaces;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.Answer;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Receipt;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.receipt.Sampling;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReceiptLogTest {
    private static final KeyPair KEYS = KeyPair.random();

    @TempDir
    Path folder;

    private static Request request(int number) {
        return new Request(
                Bytes32.ZERO,
                "",
                0,
                new int[] {1, number},
                Sampling.GREEDY,
                1,
                new int[0],
                List.of(),
                KEYS.publicKey(),
                new byte[16]);
    }

    private static Receipt add(ReceiptLog log, int number) throws IOException {
        Request request = request(number);
        Answer answer = new Answer(new int[] {number}, "answer " + number);
        Receipt receipt = Receipt.of(request, answer, new byte[32], 100, 0, KEYS);
        log.add(receipt, request, answer);
        return receipt;
    }

    private Path file() {
        return folder.resolve(ReceiptLog.FILE_NAME);
    }

    @Test
    void whatWasAnsweredIsFoundAgainByThisProcessTheNextAndAnother() throws IOException {
        byte[] chain;
        try (ReceiptLog log = new ReceiptLog(folder)) {
            Receipt[] receipts = {add(log, 0), add(log, 1), add(log, 2)};
            ReceiptLog.Entry second = log.find(receipts[1].requestHash());
            assertEquals(1, second.number());
            assertEquals("answer 1", second.answer().text());
            assertArrayEquals(receipts[1].encode(), second.receipt().encode());
            assertNull(log.find(Bytes32.ZERO));
            assertEquals(2, ReceiptLog.find(folder, receipts[2].requestHash()).number(), "while it is written");
            chain = log.chain();
            String busy = assertThrows(IOException.class, () -> new ReceiptLog(folder))
                    .getMessage();
            assertTrue(busy.contains("another process"), busy);
        }
        assertEquals(
                "rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(file())), "it has prompts");
        try (ReceiptLog again = new ReceiptLog(folder)) {
            assertEquals(3, again.count());
            assertArrayEquals(chain, again.chain());
            Receipt fourth = add(again, 3);
            assertEquals(3, again.find(fourth.requestHash()).number());
            assertFalse(Arrays.equals(chain, again.chain()));
        }
    }

    @Test
    void whatACrashCutOffIsDroppedAndWhatWasChangedIsNot() throws IOException {
        Receipt first;
        Receipt second;
        try (ReceiptLog log = new ReceiptLog(folder)) {
            first = add(log, 0);
            second = add(log, 1);
        }
        byte[] whole = Files.readAllBytes(file());
        for (int cut : new int[] {1, 31, 40, 200}) {
            Files.write(file(), Arrays.copyOf(whole, whole.length - cut));
            try (ReceiptLog log = new ReceiptLog(folder)) {
                assertNotNull(log.find(first.requestHash()));
                assertNull(log.find(second.requestHash()));
                add(log, 1);
                assertEquals(2, log.count());
            }
        }
        for (int at : new int[] {3, 21, 60, 300, whole.length - 1}) {
            byte[] changed = whole.clone();
            changed[at] ^= 1;
            Files.write(file(), changed);
            assertThrows(IOException.class, () -> new ReceiptLog(folder), "byte " + at);
            assertThrows(IOException.class, () -> ReceiptLog.find(folder, second.requestHash()), "byte " + at);
        }
    }

    @Test
    void anEntryThatADiskHadNoRoomForLeavesNothingBehindTheNext() throws IOException {
        assumeTrue(Namespaces.areThere(), "Skipped: a disk that is full is a mount, which root alone can make.");
        Path disk = Files.createDirectories(folder.resolve("disk"));
        Namespaces.mount(disk, "256k");
        try {
            Receipt kept;
            try (ReceiptLog log = new ReceiptLog(disk)) {
                Receipt large = Receipt.of(request(0), new Answer(new int[] {0}, "answer"), new byte[32], 100, 0, KEYS);
                assertThrows(IOException.class, () -> log.add(large, new byte[512 << 10], new byte[1]));
                kept = add(log, 1);
            }
            try (ReceiptLog again = new ReceiptLog(disk)) {
                assertEquals(1, again.count());
                assertEquals(0, again.find(kept.requestHash()).number());
            }
        } finally {
            Namespaces.unmount(disk);
        }
    }
}
