package io.plumbline.inference.language.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.inference.TestModels;
import io.plumbline.inference.language.engine.Generator.Result;
import io.plumbline.inference.language.kernels.Backend;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.inference.language.synthetic.RandomModel;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.receipt.Sampling;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** States of linear attention from step to step: in batches, over blocks, kept with a beginning, after a failure. */
class LinearAttentionTest {
    private static final Bytes32 NODE = Bytes32.ZERO;

    @TempDir
    static Path folder;

    private static LoadedModel model;

    @BeforeAll
    static void load() throws IOException {
        Path source = folder.resolve("source");
        RandomModel.write(
                new RandomModel.Shape("Qwen3_5ForCausalLM", 64, 4, 4, 2, 16, 96, 320, 1024, "BF16", false, 0, 1),
                7,
                source,
                share -> {});
        model = TestModels.load(source, folder);
    }

    @AfterAll
    static void close() {
        model.close();
    }

    private static Request request(int length, int last, int most) {
        int[] prompt = new int[length];
        for (int i = 0; i < length; i++) {
            prompt[i] = 3 + (i * 53 + 11) % (model.config().vocab() - 3);
        }
        prompt[length - 1] = last;
        return TestModels.request(model, prompt, most, new Sampling(0.9f, 40, 950_000, last));
    }

    private static Result alone(Request request, Backend backend, int block) {
        try (ForwardPass forward = new ForwardPass(model, model.layers(), backend, new Workers(2))) {
            return new Generator(forward, NODE, block).generate(request, token -> {});
        }
    }

    private static Result alone(Request request) {
        return alone(request, Backend.best(), 256);
    }

    /** Pinned: a change here is a new version of the numeric contract or of the trace. */
    @Test
    void anAnswerBeyondABlockHasItsTraceRoot() {
        Request request = request(530, 7, 6);
        String root = "d70efe9dd73e0240e4855504656cd95f601968824b49f25d4e1470dd67c5c54b";
        assertEquals(root, Blake3.hex(alone(request, Backend.SCALAR, 100).traceRoot()));
        for (Backend backend : Backend.all()) {
            for (int block : new int[] {33, 255}) {
                assertEquals(
                        root,
                        Blake3.hex(alone(request, backend, block).traceRoot()),
                        backend.name() + ", block " + block);
            }
        }
    }

    /** Memory for so many answers of 600 tokens at a time, and so many kept states. */
    private static Engine engine(Executor executor, int answers, int kept) {
        long pages = (long) answers * KvCache.pagesFor(model.config(), 600)
                + kept * (4 + KvCache.statePages(model.config()));
        return new Engine(executor, NODE, new Engine.Limits(100, 4, 100, pages * KvCache.pageBytes(model.config()), 5));
    }

    private static ForwardPass forward() {
        return new ForwardPass(model, model.layers(), Backend.best(), new Workers(2));
    }

    private static List<Result> together(Engine engine, List<Request> requests) {
        List<CompletableFuture<Result>> answers = new ArrayList<>();
        for (Request request : requests) {
            CompletableFuture<Result> answer = new CompletableFuture<>();
            engine.submit(request, new Engine.Listener() {
                @Override
                public boolean onToken(int token, float[] logits, int offset) {
                    return false;
                }

                @Override
                public void onDone(Result done) {
                    answer.complete(done);
                }

                @Override
                public void onFailed(RuntimeException why) {
                    answer.completeExceptionally(why);
                }
            });
            answers.add(answer);
        }
        return answers.stream().map(CompletableFuture::join).toList();
    }

    private static void assertSame(List<Request> requests, List<Result> results) {
        for (int i = 0; i < requests.size(); i++) {
            assertArrayEquals(alone(requests.get(i)).traceRoot(), results.get(i).traceRoot(), "request " + i);
        }
    }

    @Test
    void aBeginningIsUsedAgainAsFarAsItsStatesAreKept() {
        try (Engine engine = engine(forward(), 2, 5)) {
            List<Request> first = List.of(request(550, 9, 8));
            assertSame(first, together(engine, first));
            assertEquals(0, engine.reusedTokens());
            // Pages would do for 8 whole pages; states are kept where blocks begin.
            List<Request> second = List.of(request(530, 10, 8));
            assertSame(second, together(engine, second));
            assertEquals(512, engine.reusedTokens());
            List<Request> third = List.of(request(400, 11, 8));
            assertSame(third, together(engine, third));
            assertEquals(512 + 384, engine.reusedTokens());
            List<Request> fourth = List.of(request(250, 12, 8));
            assertSame(fourth, together(engine, fourth));
            assertEquals(512 + 384 + 128, engine.reusedTokens(), "of three pages, those of one block");
            List<Request> shorter = List.of(request(120, 13, 8));
            assertSame(shorter, together(engine, shorter));
            assertEquals(512 + 384 + 128, engine.reusedTokens(), "no state is kept before the first block's end");
        }
    }

    @Test
    void answersShareStepsAndLittleMemory() {
        List<Request> requests = new ArrayList<>();
        for (int i = 0; i < 9; i++) {
            requests.add(request(200 + 45 * i, 3 + i, 12));
        }
        for (int kept : new int[] {0, 1, 20}) {
            try (Engine engine = engine(forward(), 2, kept)) {
                assertSame(requests, together(engine, requests));
                assertSame(requests, together(engine, requests));
                assertEquals(0, engine.draftedTokens(), "no state can be taken back");
                assertTrue(engine.mostSequences() >= 2);
                assertEquals(0, engine.pagesReserved());
            }
        }
    }

    @Test
    void aStepThatFailsIsRunAgainFromTheSameStates() {
        Executor failing = new ForwardingExecutor(forward()) {
            private int steps;

            @Override
            public void run(List<Segment> batch, int[] tokens, LogitsRequests choices) {
                super.run(batch, tokens, choices);
                if (++steps % 5 == 0) {
                    throw new ArithmeticException("A row that cannot be computed.");
                }
            }
        };
        try (Engine engine = engine(failing, 3, 2)) {
            List<Request> requests = List.of(request(300, 5, 10), request(270, 6, 10));
            assertSame(requests, together(engine, requests));
        }
    }

    @Test
    void memoryForStatesIsCounted() {
        int states = KvCache.statePages(model.config());
        assertTrue(states * KvCache.pageBytes(model.config()) >= LayerStates.bytes(model.config()));
        int pages = KvCache.pagesFor(model.config(), 40) - 1;
        Engine.Limits limits = new Engine.Limits(64, 1, 1, pages * KvCache.pageBytes(model.config()));
        try (Engine engine = new Engine(forward(), NODE, limits)) {
            Request request = request(30, 5, 11);
            IllegalArgumentException refused =
                    assertThrows(IllegalArgumentException.class, () -> together(engine, List.of(request)));
            assertTrue(refused.getMessage().contains("memory for 0"), refused.getMessage());
        }
        try (KvCache cache = KvCache.ofHost(model.config(), KvCache.pagesFor(model.config(), 64))) {
            KvCache.PageTable one = cache.sequence();
            one.reserve(64);
            assertEquals(0, cache.available());
            assertThrows(IllegalStateException.class, () -> cache.sequence().reserve(1));
            one.close();
            assertEquals(cache.capacity(), cache.available());
        }
    }

    @Test
    void noSegmentGoesBeyondABlock() {
        int[] tokens = new int[20];
        Arrays.fill(tokens, 5);
        try (ForwardPass forward = forward();
                KvCache.PageTable cache =
                        forward.pages(KvCache.pagesFor(model.config(), 300)).sequence()) {
            cache.reserve(300);
            LogitsRequests none = new LogitsRequests(model.config().vocab(), 0);
            assertThrows(
                    IllegalStateException.class,
                    () -> forward.run(List.of(new Segment(cache, 5, 10, null)), tokens, none),
                    "the states before token 5 were never computed");
            assertThrows(
                    IllegalArgumentException.class,
                    () -> forward.run(List.of(new Segment(cache, 120, 20, null)), tokens, none));
        }
    }
}
