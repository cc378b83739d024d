package io.plumbline.node.inference;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.ledger.state.Verdict;
import io.plumbline.node.full.VerdictStore;
import io.plumbline.node.inference.AnswerStore.Stored;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Receipt;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a node owes, and what a full node has bound itself to, outlive the process. */
class AnswerStoreTest {
    private static final KeyPair NODE = KeyPair.random();

    @TempDir
    Path folder;

    private static Stored stored(int number) {
        Bytes32 hash = new Bytes32(number, 0, 0, 0);
        Receipt receipt = new Receipt(1, hash, hash, hash.bytes(), hash.bytes(), 1024, 1, 1, 2, null, null).sign(NODE);
        return new Stored(receipt, new byte[] {1, (byte) number}, new byte[] {2, (byte) number});
    }

    private static AnswerStore store(Path folder) throws IOException {
        Path answers = folder.resolve("answers");
        return new AnswerStore(answers, new SignedRequests(folder.resolve("signed-requests")));
    }

    @Test
    void anAnswerThatIsOwedIsNeverForgottenHoweverManyFollow() throws IOException {
        AnswerStore store = store(folder);
        Stored first = stored(0);
        store.put(first);
        List<Receipt> ended = new ArrayList<>();
        for (int i = 1; i <= 1_200; i++) {
            Stored next = stored(i);
            store.put(next);
            store.ended(next.receipt());
            ended.add(next.receipt());
        }
        AnswerStore again = store(folder);
        assertEquals(1, again.owed().size());
        assertArrayEquals(first.answer(), again.find(first.receipt().hash()).answer());
        assertNotNull(again.find(ended.getLast().hash()), "those that have ended are kept for a while");
        assertNull(again.find(ended.getFirst().hash()), "but not for ever");
        assertNull(again.find(Bytes32.ZERO));
        again.ended(first.receipt());
        assertEquals(0, again.owed().size());
        again.ended(first.receipt());
    }

    /** A file is whole or nobody has heard of it: what a crash cut off anywhere is dropped, and nothing else. */
    @Test
    void whatACrashCutOffIsDroppedAndNothingElse() throws IOException {
        AnswerStore store = store(folder);
        store.put(stored(1));
        store.put(stored(2));
        Path one = folder.resolve("answers").resolve(stored(2).receipt().hash() + ".answer");
        byte[] whole = Files.readAllBytes(one);
        Files.write(folder.resolve("answers/abc.partial"), new byte[] {1});
        for (int length : new int[] {0, 1, 40, whole.length - 1}) {
            Files.write(one, Arrays.copyOf(whole, length));
            AnswerStore again = store(folder);
            assertEquals(1, again.owed().size());
            try (Stream<Path> files = Files.list(folder.resolve("answers"))) {
                assertEquals(1, files.count());
            }
        }
    }

    /** Whatever came of the answer, owed, ended or dropped, and over a restart: the second one is never given. */
    @Test
    void aRequestIsSignedForOnce() throws IOException {
        AnswerStore store = store(folder);
        Stored owed = stored(-1);
        store.put(owed);
        for (int i = 0; i < 2_500; i++) {
            Stored one = stored(i);
            store.put(one);
            store.ended(one.receipt());
        }
        for (int start = 0; start < 2; start++) {
            AnswerStore again = store(folder);
            for (int i : new int[] {-1, 0, 1, 700, 1_499, 2_499}) {
                Bytes32 request = stored(i).receipt().requestHash();
                assertTrue(again.hasSigned(request), "request " + i);
                Receipt other = new Receipt(1, request, request, new byte[32], new byte[32], 1024, 1, 1, 1, null, null)
                        .sign(NODE);
                Stored second = new Stored(other, new byte[1], new byte[1]);
                assertThrows(IllegalStateException.class, () -> again.put(second), "request " + i);
                assertNull(again.find(other.hash()), "nothing of it is left");
            }
            assertFalse(again.hasSigned(stored(2_500).receipt().requestHash()));
        }
    }

    @Test
    void aDamagedFileIsDroppedAndItsRequestNotSignedForAgain() throws IOException {
        AnswerStore store = store(folder);
        Stored one = stored(5);
        store.put(one);
        Path file = folder.resolve("answers").resolve(one.receipt().hash() + ".answer");
        byte[] bytes = Files.readAllBytes(file);
        bytes[bytes.length - 40] ^= 1;
        Files.write(file, bytes);
        AnswerStore again = store(folder);
        assertNull(again.find(one.receipt().hash()));
        assertTrue(again.hasSigned(one.receipt().requestHash()));
    }

    @Test
    void whatIsNotOnTheDiskMayBeSignedForAnew() throws IOException {
        AnswerStore store = store(folder);
        Stored one = stored(6);
        Path blocked = folder.resolve("answers").resolve(one.receipt().hash() + ".partial");
        Files.createDirectory(blocked);
        assertThrows(IOException.class, () -> store.put(one));
        assertFalse(store.hasSigned(one.receipt().requestHash()), "nobody has heard of it");
        Files.delete(blocked);
        store.put(one);
        assertEquals(1, store.owed().size());
    }

    @Test
    void aVerdictThatWasCommittedToIsThereAfterARestart() throws IOException {
        VerdictStore store = new VerdictStore(folder);
        Bytes32 request = Bytes32.ZERO;
        Verdict verdict = new Verdict(Verdict.Opinion.GOOD, "", "", new byte[32], Blake3.hash(new byte[] {9}));
        store.put(request, 1, verdict);
        VerdictStore again = new VerdictStore(folder);
        assertArrayEquals(verdict.encode(), again.find(request, 1).encode());
        assertNull(again.find(request, 0));
        try (Stream<Path> files = Files.list(folder)) {
            Path file = files.findFirst().orElseThrow();
            byte[] whole = Files.readAllBytes(file);
            Files.write(file, Arrays.copyOf(whole, whole.length - 3));
        }
        assertNull(new VerdictStore(folder).find(request, 1), "a torn file is none");
        again.forget(request, 1);
        assertNull(again.find(request, 1));
    }

    /** Where the end of a settlement passed while the full node was away, nobody forgets its verdict. */
    @Test
    void aVerdictOnWhatMustHaveEndedLongAgoIsNotKeptForEver() throws IOException {
        VerdictStore store = new VerdictStore(folder);
        Verdict verdict = new Verdict(Verdict.Opinion.GOOD, "", "", new byte[32], Blake3.hash(new byte[] {9}));
        store.put(Bytes32.ZERO, 0, verdict);
        store.put(Bytes32.ZERO, 1, verdict);
        Path old = folder.resolve(Bytes32.ZERO + "-0.verdict");
        Files.setLastModifiedTime(old, FileTime.from(Instant.now().minus(Duration.ofDays(367))));
        VerdictStore again = new VerdictStore(folder);
        assertNull(again.find(Bytes32.ZERO, 0));
        assertFalse(Files.exists(old));
        assertNotNull(again.find(Bytes32.ZERO, 1));
    }
}
