package io.plumbline.inference.language.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.inference.TestModels;
import io.plumbline.inference.language.engine.Generator.Result;
import io.plumbline.inference.language.kernels.Backend;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.receipt.Sampling;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** An answer's bits do not depend on what it was batched with, how its prompt was cut, or what it shared. */
class EngineTest {
    private static final Bytes32 NODE = Bytes32.ZERO;

    @TempDir
    static Path folder;

    private static LoadedModel model;

    @BeforeAll
    static void load() throws IOException {
        model = TestModels.load(TestModels.SHIPPED, folder);
    }

    @AfterAll
    static void close() {
        model.close();
    }

    private static Engine engine(int batchRows, int maxSequences, int queued, int pages) {
        long bytes = pages * KvCache.pageBytes(model.config());
        return new Engine(
                new Device(new ForwardPass(model, model.layers(), Backend.best(), new Workers(2)), new AtomicBoolean()),
                NODE,
                new Engine.Limits(batchRows, maxSequences, queued, bytes));
    }

    private static Request request(int[] prompt, int maxTokens, Sampling sampling) {
        return new Request(
                model.id(), "", 0, prompt, sampling, maxTokens, new int[0], List.of(), Bytes32.ZERO, new byte[16]);
    }

    private static int[] prompt(Random random, int n) {
        return random.ints(n, 3, model.config().vocab()).toArray();
    }

    private static Result alone(Request request) {
        return new Generator(TestModels.forward(model), NODE).generate(request, token -> {});
    }

    /** An answer awaited; {@code stop} ends it by its tokens. */
    private static final class Awaited implements Engine.Listener {
        private final CompletableFuture<Result> result = new CompletableFuture<>();
        private final CountDownLatch first = new CountDownLatch(1);
        private final IntPredicate stop;

        Awaited(IntPredicate stop) {
            this.stop = stop;
        }

        Awaited() {
            this(token -> false);
        }

        @Override
        public boolean onToken(int token, float[] logits, int offset) {
            first.countDown();
            return stop.test(token);
        }

        @Override
        public void onDone(Result done) {
            result.complete(done);
        }

        @Override
        public void onFailed(RuntimeException why) {
            result.completeExceptionally(why);
        }
    }

    @Test
    void anAnswerIsTheSameWhateverItWasBatchedWith() {
        Random random = new Random(5);
        List<Request> requests = new ArrayList<>();
        for (int i = 0; i < 14; i++) {
            Sampling sampling = i % 2 == 0 ? Sampling.GREEDY : new Sampling(0.9f, 0, 950_000, i);
            requests.add(request(prompt(random, 1 + random.nextInt(200)), 1 + random.nextInt(40), sampling));
        }
        for (int rows : new int[] {1, 7, 64, 300}) {
            try (Engine engine = engine(rows, 6, 100, 60)) {
                List<Awaited> answers = new ArrayList<>();
                for (Request request : requests) {
                    Awaited awaited = new Awaited();
                    engine.submit(request, awaited);
                    answers.add(awaited);
                }
                for (int i = 0; i < requests.size(); i++) {
                    Result expected = alone(requests.get(i));
                    Result found = answers.get(i).result.join();
                    assertArrayEquals(expected.tokens(), found.tokens(), rows + " rows, request " + i);
                    assertArrayEquals(expected.traceRoot(), found.traceRoot(), rows + " rows, request " + i);
                }
                assertEquals(6, engine.mostSequences(), "as many together as allowed");
            }
        }
    }

    /** A dead engine must not look alive: whoever runs it hears why it has ended, before those that wait are told. */
    @Test
    void anEngineWhoseDeviceFailsSaysSo() {
        AtomicBoolean isGone = new AtomicBoolean();
        ForwardPass forward = new ForwardPass(model, model.layers(), Backend.best(), new Workers(1));
        Engine.Limits limits = new Engine.Limits(256, 4, 100, 40 * KvCache.pageBytes(model.config()));
        try (Engine engine = new Engine(new Device(forward, new AtomicBoolean(), isGone), NODE, limits)) {
            Request request = request(prompt(new Random(12), 10), 3, Sampling.GREEDY);
            Awaited good = new Awaited();
            engine.submit(request, good);
            good.result.join();
            assertTrue(engine.steps() >= 3, "steps: " + engine.steps());
            assertFalse(engine.failed().isDone());
            isGone.set(true);
            Awaited bad = new Awaited();
            engine.submit(request, bad);
            assertThrows(CompletionException.class, bad.result::join);
            assertTrue(engine.failed().isDone());
            assertTrue(engine.failed().join() instanceof DeviceFailedException);
            assertThrows(RejectedExecutionException.class, () -> engine.submit(request, new Awaited()));
        }
    }

    /** Where a choice fails once and again, the rows before it are computed twice, and follow nothing all the same. */
    @Test
    void aPromptWhoseChoiceFailsIsNotKeptAsItsOwnContinuation() {
        Random random = new Random(11);
        int[] page = prompt(random, KvCache.TOKENS);
        int[] twice = IntStream.concat(Arrays.stream(page), Arrays.stream(page)).toArray();
        twice = Arrays.copyOf(twice, twice.length + 1);
        twice[twice.length - 1] = page[0];
        Sampling sampling = new Sampling(0.9f, 0, 950_000, 3);
        AtomicBoolean fails = new AtomicBoolean(true);
        ForwardPass forward = new ForwardPass(model, model.layers(), Backend.best(), new Workers(2));
        Engine.Limits limits = new Engine.Limits(256, 4, 100, 40 * KvCache.pageBytes(model.config()));
        try (Engine engine = new Engine(new Device(forward, fails), NODE, limits)) {
            Awaited failing = new Awaited();
            engine.submit(request(page, 3, sampling), failing);
            CompletionException e = assertThrows(CompletionException.class, failing.result::join);
            assertTrue(e.getCause() instanceof ArithmeticException, String.valueOf(e.getCause()));
            fails.set(false);
            Request asked = request(twice, 20, sampling);
            Awaited awaited = new Awaited();
            engine.submit(asked, awaited);
            Result answer = awaited.result.join();
            Result expected = alone(asked);
            assertArrayEquals(expected.tokens(), answer.tokens());
            assertArrayEquals(expected.traceRoot(), answer.traceRoot());
        }
    }

    /** An executor that is waited for like a device, whose logits are infinite at will, and which fails at will. */
    private static final class Device extends ForwardingExecutor {
        private final AtomicBoolean fails;
        private final AtomicBoolean isGone;

        Device(Executor inner, AtomicBoolean fails) {
            this(inner, fails, new AtomicBoolean());
        }

        Device(Executor inner, AtomicBoolean fails, AtomicBoolean isGone) {
            super(inner);
            this.fails = fails;
            this.isGone = isGone;
        }

        @Override
        public boolean leavesProcessorsIdle() {
            return true;
        }

        @Override
        public void run(List<Segment> batch, int[] tokens, LogitsRequests choices) {
            if (isGone.get()) {
                throw new DeviceFailedException("gone");
            }
            super.run(batch, tokens, choices);
            if (fails.get()) {
                Arrays.fill(choices.logits(), Float.POSITIVE_INFINITY);
            }
        }
    }

    @Test
    void aSharedBeginningIsComputedOnceAndChangesNothing() {
        Random random = new Random(6);
        int[] beginning = prompt(random, 150);
        try (Engine engine = engine(64, 4, 100, 40)) {
            Request first = request(beginning, 60, Sampling.GREEDY);
            Awaited one = new Awaited();
            engine.submit(first, one);
            Result answer = one.result.join();
            assertArrayEquals(alone(first).traceRoot(), answer.traceRoot());
            assertEquals(0, engine.reusedTokens());

            // The conversation goes on: the prompt is the first one, its answer, and more.
            int[] longer = java.util.Arrays.copyOf(beginning, 150 + 60 + 20);
            System.arraycopy(answer.tokens(), 0, longer, 150, 60);
            System.arraycopy(prompt(random, 20), 0, longer, 210, 20);
            Request second = request(longer, 10, new Sampling(1f, 0, 1_000_000, 3));
            Awaited two = new Awaited();
            engine.submit(second, two);
            assertArrayEquals(alone(second).traceRoot(), two.result.join().traceRoot());
            assertEquals(3 * 64, engine.reusedTokens(), "whole pages of prompt and answer");

            // Another that differs within the second page shares the first alone.
            int[] other = longer.clone();
            other[70] = other[70] == 5 ? 6 : 5;
            Request third = request(other, 10, Sampling.GREEDY);
            Awaited three = new Awaited();
            engine.submit(third, three);
            assertArrayEquals(alone(third).traceRoot(), three.result.join().traceRoot());
            assertEquals(3 * 64 + 64, engine.reusedTokens());

            // The very same prompt, a multiple of the page: its last token is run again, for the logits after it.
            Request fourth = request(java.util.Arrays.copyOf(longer, 192), 5, Sampling.GREEDY);
            Awaited four = new Awaited();
            engine.submit(fourth, four);
            assertArrayEquals(alone(fourth).traceRoot(), four.result.join().traceRoot());
            assertEquals(4 * 64 + 2 * 64, engine.reusedTokens());
        }
    }

    @Test
    void memoryForOneAtATimeServesAllAndPrefixesMakeRoom() {
        Random random = new Random(7);
        try (Engine engine = engine(64, 8, 100, 4)) {
            List<Request> requests = new ArrayList<>();
            List<Awaited> answers = new ArrayList<>();
            for (int i = 0; i < 6; i++) {
                requests.add(request(prompt(random, 180), 20, Sampling.GREEDY));
                answers.add(new Awaited());
                engine.submit(requests.get(i), answers.get(i));
            }
            for (int i = 0; i < 6; i++) {
                assertArrayEquals(
                        alone(requests.get(i)).traceRoot(),
                        answers.get(i).result.join().traceRoot());
            }
            assertEquals(1, engine.mostSequences());
            Request tooLong = request(prompt(random, 250), 20, Sampling.GREEDY);
            IllegalArgumentException e =
                    assertThrows(IllegalArgumentException.class, () -> engine.submit(tooLong, new Awaited()));
            assertTrue(e.getMessage().contains("memory for 256"), e.getMessage());
        }
    }

    @Test
    void aFullQueueTurnsRequestsAwayAndCancellingEndsThem() throws Exception {
        Random random = new Random(8);
        try (Engine engine = engine(64, 1, 1, 40)) {
            Request endless = request(prompt(random, 10), 400, new Sampling(3f, 0, 1_000_000, 1));
            Awaited running = new Awaited();
            Engine.Ticket ticket = engine.submit(endless, running);
            running.first.await();
            Awaited waiting = new Awaited();
            Engine.Ticket queued = engine.submit(endless, waiting);
            RejectedExecutionException e =
                    assertThrows(RejectedExecutionException.class, () -> engine.submit(endless, new Awaited()));
            assertTrue(e.getMessage().contains("busy"), e.getMessage());
            queued.cancel();
            ticket.cancel();
            Result cut = running.result.join();
            assertTrue(cut.cancelled());
            assertTrue(cut.tokens().length < 400);
            int[] whole = alone(endless).tokens();
            assertArrayEquals(java.util.Arrays.copyOf(whole, cut.tokens().length), cut.tokens());
            assertThrows(CompletionException.class, waiting.result::join);
        }
    }

    @Test
    void aListenerMayEndAnAnswerByItsText() {
        int[] prompt = prompt(new Random(9), 30);
        Request request = request(prompt, 50, Sampling.GREEDY);
        int[] whole = alone(request).tokens();
        int fifth = whole[5];
        try (Engine engine = engine(64, 4, 10, 40)) {
            Awaited awaited = new Awaited(token -> token == fifth);
            engine.submit(request, awaited);
            Result result = awaited.result.join();
            assertEquals(fifth, result.tokens()[result.tokens().length - 1]);
            assertTrue(result.tokens().length <= 6);
        }
    }

    @Test
    void aTokenCostsNoMemoryThatGrowsWithTheContext() {
        Request request = request(prompt(new Random(10), 20), 300, Sampling.GREEDY);
        // The scalar form: vectors are objects until the second compiler has seen them.
        ForwardPass forward = TestModels.forward(model, model.layers(), Backend.SCALAR);
        Generator generator = new Generator(forward, NODE);
        generator.generate(request, token -> {});
        var threads = (com.sun.management.ThreadMXBean) java.lang.management.ManagementFactory.getThreadMXBean();
        long[] at = new long[300];
        int[] count = {0};
        generator.generate(request, token -> at[count[0]++] = threads.getCurrentThreadAllocatedBytes());
        long early = (at[120] - at[40]) / 80;
        long late = (at[290] - at[210]) / 80;
        assertTrue(late < 16_000, late + " bytes a token");
        assertTrue(late < early + 1_000, "grows with the context: " + early + ", then " + late + " bytes a token");
    }
}
