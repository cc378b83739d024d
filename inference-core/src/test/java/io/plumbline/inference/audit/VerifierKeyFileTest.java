package io.plumbline.inference.audit;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.inference.TestModels;
import io.plumbline.inference.language.engine.ForwardPass;
import io.plumbline.inference.language.engine.Generator;
import io.plumbline.inference.language.engine.Replay;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.verifier.audit.Assignment;
import io.plumbline.verifier.audit.Auditor;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.model.VerifierKey;
import io.plumbline.verifier.model.VerifierKeyFile;
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
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A key on disk is secret, whole or refused, and an interrupted run loses nothing it had done. */
class VerifierKeyFileTest {
    @TempDir
    Path folder;

    private LoadedModel model;
    private Path file;
    private Path partial;

    @BeforeEach
    void load() throws IOException {
        model = TestModels.load(TestModels.SHIPPED, folder);
        file = folder.resolve("keys/verifier.key");
        partial = folder.resolve("keys/verifier.key.partial");
    }

    @AfterEach
    void close() {
        model.close();
    }

    private void requireThatItAudits(VerifierKey key) throws IOException {
        KeyPair node = KeyPair.random();
        Request request = TestModels.request(model, new int[] {0, 560, 376}, 5, Sampling.GREEDY);
        try (ForwardPass forward = TestModels.forward(model)) {
            Generator generator = new Generator(forward, node.publicKey());
            Generator.Result result = generator.generate(request, token -> {});
            Replay replay = new Replay(generator, forward, node.publicKey(), request, result.tokens());
            Answer answer = TestModels.answer(model, result.tokens());
            Receipt receipt = Receipt.of(request, answer, replay.root(), result.traceBytes(), 1, node);
            try (Auditor auditor = TestModels.auditor(key)) {
                assertNull(auditor.audit(receipt, request, answer, Assignment.of(Level.FULL), replay, null)
                        .failure());
            }
        }
    }

    @Test
    void aKeyIsMadeOnceReadBackAndReadableByItsOwnerAlone() throws IOException {
        model.verifierKey(file, share -> {});
        byte[] bytes = Files.readAllBytes(file);
        assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(file)));
        assertFalse(Files.exists(partial));
        requireThatItAudits(model.verifierKey(file, share -> {}));
        requireThatItAudits(VerifierKeyFile.read(file));
        assertArrayEquals(bytes, Files.readAllBytes(file), "an existing key is not drawn anew");

        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r-----"));
        assertTrue(assertThrows(IOException.class, () -> VerifierKeyFile.read(file))
                .getMessage()
                .contains("open to others"));
    }

    @Test
    void anInterruptedRunGoesOnWhereItStopped() throws IOException {
        class Interrupted extends RuntimeException {
            private static final long serialVersionUID = 1;
        }
        assertThrows(
                Interrupted.class,
                () -> model.verifierKey(file, share -> {
                    if (share >= 0.5) {
                        throw new Interrupted();
                    }
                }));
        assertFalse(Files.exists(file));
        byte[] done = Files.readAllBytes(partial);
        // The power went while a section was being written: its half is cut off.
        Files.write(partial, Arrays.copyOf(done, done.length + 500));
        double[] first = {-1};
        requireThatItAudits(model.verifierKey(file, share -> first[0] = first[0] < 0 ? share : first[0]));
        assertEquals(0.5, first[0], "two of four parts were there");
        byte[] whole = Files.readAllBytes(file);
        assertArrayEquals(done, Arrays.copyOf(whole, done.length), "what was done is kept");
        assertFalse(Files.exists(partial));
    }

    @Test
    void aDamagedOrCutFileIsRefusedWhereverTheDamageIs() throws IOException {
        model.verifierKey(file, share -> {});
        byte[] whole = Files.readAllBytes(file);
        for (int at = 0; at < whole.length; at += 1 + whole.length / 200) {
            byte[] damaged = whole.clone();
            damaged[at] ^= 16;
            Files.write(file, damaged);
            assertTrue(assertThrows(IOException.class, () -> VerifierKeyFile.read(file))
                    .getMessage()
                    .contains("damaged or not a verifier key"));
            Files.write(file, Arrays.copyOf(whole, at));
            assertThrows(IOException.class, () -> VerifierKeyFile.read(file));
        }
        Files.write(file, Arrays.copyOf(whole, whole.length + 1));
        assertThrows(IOException.class, () -> VerifierKeyFile.read(file), "nothing may follow the end");
    }

    @Test
    void theKeyOfAnotherModelIsRefused() throws IOException {
        try (LoadedModel other = TestModels.load(TestModels.STORIES_260K, folder)) {
            other.verifierKey(file, share -> {});
            IOException e = assertThrows(IOException.class, () -> model.verifierKey(file, share -> {}));
            assertTrue(e.getMessage().contains("is the key of model"), e.getMessage());
            Files.move(file, partial);
            assertTrue(assertThrows(IOException.class, () -> model.verifierKey(file, share -> {}))
                    .getMessage()
                    .contains("was begun for model"));
        }
        assertThrows(IOException.class, () -> VerifierKeyFile.read(folder.resolve("none")));
        assertEquals(List.of(partial), Files.list(partial.getParent()).toList());
    }
}
