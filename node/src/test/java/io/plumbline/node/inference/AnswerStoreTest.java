package io.plumbline.node.inference;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;

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

    @Test
    void anAnswerThatIsOwedIsNeverForgottenHoweverManyFollow() throws IOException {
        AnswerStore store = new AnswerStore(folder);
        Stored first = stored(0);
        store.put(first);
        List<Receipt> ended = new ArrayList<>();
        for (int i = 1; i <= 1_200; i++) {
            Stored next = stored(i);
            store.put(next);
            store.ended(next.receipt());
            ended.add(next.receipt());
        }
        AnswerStore again = new AnswerStore(folder);
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
        AnswerStore store = new AnswerStore(folder);
        store.put(stored(1));
        store.put(stored(2));
        Path one = folder.resolve(stored(2).receipt().hash() + ".answer");
        byte[] whole = Files.readAllBytes(one);
        Files.write(folder.resolve("abc.partial"), new byte[] {1});
        for (int length : new int[] {0, 1, 40, whole.length - 1}) {
            Files.write(one, Arrays.copyOf(whole, length));
            AnswerStore again = new AnswerStore(folder);
            assertEquals(1, again.owed().size());
            try (Stream<Path> files = Files.list(folder)) {
                assertEquals(1, files.count());
            }
        }
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
}
