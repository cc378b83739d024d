package io.plumbline.node.inference;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.inference.language.engine.DeviceHealth;
import io.plumbline.inference.language.engine.DeviceUnsoundException;
import io.plumbline.inference.language.engine.Generator;
import io.plumbline.inference.language.engine.Logprobs;
import io.plumbline.inference.language.importer.ModelImport;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.node.health.ExitCode;
import io.plumbline.node.network.Events;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.receipt.Sampling;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A device whose driver says what a test wants it to; the engine, its answers and its signatures are real. */
@Timeout(120)
class DeviceWatchTest {
    private static final String ERRORS = "GPU-1 reports 2 memory errors that ECC could not correct.";

    @TempDir
    Path folder;

    private final CompletableFuture<Throwable> failed = new CompletableFuture<>();
    private final Driver driver = new Driver();

    private static final class Driver implements DeviceHealth {
        private final AtomicInteger looks = new AtomicInteger();
        private final CompletableFuture<Void> closed = new CompletableFuture<>();
        private volatile String fault;
        private volatile boolean isBusy;

        /** Takes a permit for each look, where there is one. */
        private volatile Semaphore gate;

        @Override
        public String fault() throws IOException {
            Semaphore at = gate;
            String now = fault;
            if (at != null) {
                at.acquireUninterruptibly();
            }
            looks.incrementAndGet();
            if (isBusy) {
                throw new IOException("Unknown Error");
            }
            return now;
        }

        @Override
        public void close() {
            closed.complete(null);
        }
    }

    /** One that looks by itself once in an hour. */
    private DeviceWatch watch(long answerMs) {
        return new DeviceWatch(driver, failed, 3_600_000, answerMs);
    }

    @Test
    void noAnswerIsSignedOnceADeviceThatServesReportsErrors() throws Exception {
        Path model = folder.resolve("model");
        ModelImport.run(Path.of("../models/plumbline-stories-2m"), model, share -> {});
        Events events = new Events(new PrintStream(new ByteArrayOutputStream(), true, StandardCharsets.UTF_8));
        try (LanguageEngine engine = new LanguageEngine(
                model,
                ComputeBackend.Choice.cpu(1, 64 << 20),
                LoadedModel::layers,
                KeyPair.random(),
                1,
                null,
                events,
                compute -> () -> driver)) {
            CompletableFuture<ExitCode> ended = engine.failed().thenApply(DeviceWatch::exitCode);
            assertNotNull(answer(engine).receipt());
            assertNotNull(answer(engine).receipt());
            assertFalse(ended.isDone());
            driver.fault = ERRORS;
            CompletionException refused = assertThrows(CompletionException.class, () -> answer(engine));
            assertTrue(refused.getCause() instanceof DeviceUnsoundException, refused.toString());
            assertEquals(ExitCode.DEVICE, ended.join());
            assertEquals(
                    ERRORS + " Nothing more is signed for what it computes.",
                    engine.failed().join().getMessage());
            // What the driver says later does not bring it back.
            driver.fault = null;
            assertThrows(RuntimeException.class, () -> answer(engine));
        }
        driver.closed.join();
    }

    private static LanguageEngine.Signed answer(LanguageEngine engine) {
        CompletableFuture<LanguageEngine.Signed> signed = new CompletableFuture<>();
        Request request = new Request(
                engine.model().id(),
                "",
                0,
                new int[] {0, 5, 9},
                Sampling.GREEDY,
                3,
                new int[0],
                List.of(),
                Bytes32.ZERO,
                new byte[16]);
        Signing signing = new Signing();
        signing.running = engine.job(request, -1, signing);
        signing.running.begin();
        return signing.signed.join();
    }

    /** Signs as a node does. */
    private static final class Signing implements LanguageEngine.Listener {
        private final CompletableFuture<LanguageEngine.Signed> signed = new CompletableFuture<>();
        private LanguageEngine.RunningAnswer running;

        @Override
        public void onToken(int token, Logprobs logprobs) {
            // The whole answer is looked at.
        }

        @Override
        public void onDone(Generator.Result result) {
            signed.completeAsync(() -> running.signed(result));
        }

        @Override
        public void onFailed(Exception why) {
            signed.completeExceptionally(why);
        }
    }

    /** It may have read the count before the answer's last step. */
    @Test
    void aLookThatBeganBeforeTheSignatureWasAskedForDoesNotCount() throws Exception {
        driver.gate = new Semaphore(0);
        try (DeviceWatch watch = watch(60_000)) {
            CompletableFuture<Void> first = CompletableFuture.runAsync(watch::requireSound);
            // The look for the first is under way, and has read that all is well.
            while (!driver.gate.hasQueuedThreads()) {
                Thread.sleep(1);
            }
            driver.fault = ERRORS;
            CompletableFuture<Void> second = CompletableFuture.runAsync(watch::requireSound);
            driver.gate.release();
            first.join();
            driver.gate.release(10);
            Throwable why =
                    assertThrows(CompletionException.class, second::join).getCause();
            assertTrue(why.getMessage().startsWith(ERRORS), why.toString());
            assertEquals(2, driver.looks.get());
        }
    }

    @Test
    void aDriverThatHangsIsAFaultAndNotWaitedForAtTheEnd() {
        driver.gate = new Semaphore(0);
        try (DeviceWatch watch = watch(50)) {
            assertTrue(assertThrows(DeviceUnsoundException.class, watch::requireSound)
                    .getMessage()
                    .startsWith("The driver has not said for 50 ms how the GPU is: it hangs."));
            assertTrue(failed.join() instanceof DeviceUnsoundException);
        }
        assertFalse(driver.closed.isDone());
        driver.gate.release(10);
        driver.closed.join();
    }

    @Test
    void aDriverThatGivesNoAnswerIsAskedAgain() throws Exception {
        driver.isBusy = true;
        try (DeviceWatch watch = watch(60_000)) {
            CompletableFuture<Void> signing = CompletableFuture.runAsync(watch::requireSound);
            while (driver.looks.get() < 2) {
                Thread.sleep(1);
            }
            assertFalse(signing.isDone());
            driver.isBusy = false;
            signing.join();
            assertFalse(failed.isDone());
        }
        try (DeviceWatch watch = new DeviceWatch(driver, failed, 3_600_000, 50)) {
            driver.isBusy = true;
            assertTrue(assertThrows(DeviceUnsoundException.class, watch::requireSound)
                    .getMessage()
                    .contains("Unknown Error"));
        }
    }

    @Test
    @SuppressWarnings("try") // the watch only has to be there
    void anIdleDeviceIsLookedAtToo() {
        driver.fault = ERRORS;
        try (DeviceWatch watch = new DeviceWatch(driver, failed, 5, 60_000)) {
            assertTrue(failed.join().getMessage().startsWith(ERRORS));
        }
    }

    @Test
    void nothingIsServedByADeviceThatHasFailedBefore() throws IOException {
        ByteArrayOutputStream heard = new ByteArrayOutputStream();
        Events events = new Events(new PrintStream(heard, true, StandardCharsets.UTF_8));
        assertEquals(driver, DeviceWatch.sound(() -> driver, events));
        driver.fault = ERRORS;
        assertEquals(
                ERRORS + " Nothing was served.",
                assertThrows(IOException.class, () -> DeviceWatch.sound(() -> driver, events))
                        .getMessage());
        driver.closed.join();
        assertEquals("", heard.toString(StandardCharsets.UTF_8));
        // Where nothing can be asked the operator hears of it, and processors are nothing that could be.
        assertNull(DeviceWatch.sound(() -> null, events));
        assertEquals("", heard.toString(StandardCharsets.UTF_8));
        assertNull(DeviceWatch.sound(
                () -> {
                    throw new IOException("libnvidia-ml.so.1 is not on this host");
                },
                events));
        String said = heard.toString(StandardCharsets.UTF_8);
        assertTrue(said.contains("warning") && said.contains("libnvidia-ml.so.1 is not on this host"), said);
    }
}
