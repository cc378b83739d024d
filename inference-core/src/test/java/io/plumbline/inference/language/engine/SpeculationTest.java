package io.plumbline.inference.language.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.inference.CostlyGrammar;
import io.plumbline.inference.TestModels;
import io.plumbline.inference.language.engine.Generator.Result;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.inference.language.synthetic.RandomModel;
import io.plumbline.inference.language.tokenizer.ChatTokenizer;
import io.plumbline.inference.language.tokenizer.TextStream;
import io.plumbline.verifier.audit.Assignment;
import io.plumbline.verifier.audit.AuditReport;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.choice.ChoiceRule;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.Answer;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.LogitAdjustments;
import io.plumbline.verifier.receipt.Receipt;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.receipt.Sampling;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Guesses change no bit of an answer, whether they come true or not, and leave nothing behind. */
class SpeculationTest {
    private static final KeyPair NODE = KeyPair.random();
    private static final String GRAMMAR = "root ::= \"{\\\"name\\\": \\\"\" [a-z ]{1,20} \"\\\"}\"";

    @TempDir
    static Path folder;

    private static LoadedModel stories;
    private static LoadedModel random;
    private static ChatTokenizer tokenizer;

    @BeforeAll
    static void load() throws IOException {
        stories = TestModels.load(TestModels.SHIPPED, folder);
        tokenizer = ChatTokenizer.of(stories.tokenFiles());
        Path source = folder.resolve("random");
        RandomModel.write(
                new RandomModel.Shape("Qwen2ForCausalLM", 64, 2, 4, 2, 16, 96, 320, 256, "F32", true, 3, 1),
                5,
                source,
                share -> {});
        random = TestModels.load(source, folder);
    }

    @AfterAll
    static void close() {
        tokenizer.close();
        stories.close();
        random.close();
    }

    /** As a client is told it. */
    private record Told(Result result, List<Integer> tokens, List<Float> logprobs) {}

    private static final class Listener implements Engine.Listener {
        private final CompletableFuture<Told> told = new CompletableFuture<>();
        private final List<Integer> tokens = new ArrayList<>();
        private final List<Float> logprobs = new ArrayList<>();
        private final TextStream text;
        private final boolean wantsLogits;
        private final int vocab;
        private int cancelAt = Integer.MAX_VALUE;
        private final CompletableFuture<Engine.Ticket> ticket = new CompletableFuture<>();

        Listener(Request request, boolean wantsLogits, int vocab) {
            this.text = request.stopTexts().isEmpty() ? null : new TextStream(tokenizer, request.stopTexts());
            this.wantsLogits = wantsLogits;
            this.vocab = vocab;
        }

        @Override
        public boolean wantsLogits() {
            return wantsLogits;
        }

        @Override
        public boolean onToken(int token, float[] logits, int offset) {
            tokens.add(token);
            if (wantsLogits) {
                Logprobs all = Logprobs.of(logits, offset, vocab, token, 2);
                logprobs.add(all.chosen());
                logprobs.add(all.values()[1]);
            }
            if (tokens.size() == cancelAt) {
                ticket.join().cancel();
            }
            if (text == null) {
                return false;
            }
            text.add(token);
            return text.isStopped();
        }

        @Override
        public void onDone(Result result) {
            told.complete(new Told(result, tokens, logprobs));
        }

        @Override
        public void onFailed(RuntimeException why) {
            told.completeExceptionally(why);
        }
    }

    private static Request request(LoadedModel model, int[] prompt, int most, Sampling sampling) {
        return request(model, prompt, most, sampling, "", List.of());
    }

    private static Request request(
            LoadedModel model, int[] prompt, int most, Sampling sampling, String grammar, List<String> stops) {
        return new Request(
                model.id(),
                "",
                0,
                prompt,
                sampling,
                most,
                model.stopTokens(),
                stops,
                grammar,
                Bytes32.ZERO,
                new byte[16]);
    }

    /** One request for each rule that a token may be chosen by; some begin alike, by more than a page. */
    private static List<Request> requests(LoadedModel model, Random dice) {
        int vocab = model.config().vocab();
        int[] common = dice.ints(80, 3, vocab).toArray();
        LogitAdjustments penalties = new LogitAdjustments(300_000, 200_000, 1_000_000, new int[0], new int[0]);
        LogitAdjustments repetition = new LogitAdjustments(0, 0, 1_300_000, new int[0], new int[0]);
        LogitAdjustments bias =
                new LogitAdjustments(0, 0, 1_000_000, new int[] {5, 40, 41}, new int[] {4_000_000, -9_000_000, 3_000});
        List<Sampling> rules = List.of(
                Sampling.GREEDY,
                new Sampling(0.8f, 0, 900_000, 11),
                new Sampling(1.2f, 20, 1_000_000, 50_000, 12, LogitAdjustments.NONE),
                new Sampling(0, 0, 1_000_000, 0, 0, penalties),
                new Sampling(0.7f, 0, 1_000_000, 0, 13, repetition),
                new Sampling(0, 0, 1_000_000, 0, 0, bias));
        List<Request> all = new ArrayList<>();
        for (Sampling rule : rules) {
            int[] prompt = Arrays.copyOf(common, 70 + dice.nextInt(10));
            prompt[prompt.length - 1] = 3 + dice.nextInt(vocab - 3);
            all.add(request(model, prompt, 20 + dice.nextInt(60), rule));
            all.add(request(model, dice.ints(1 + dice.nextInt(90), 3, vocab).toArray(), 1 + dice.nextInt(50), rule));
        }
        if (model == stories) {
            int[] story = tokenizer.prompt(List.of(new ChatTokenizer.Message("user", "Tell me a story about a bear.")));
            all.add(request(model, story, 40, new Sampling(0.9f, 0, 950_000, 3), GRAMMAR, List.of()));
            all.add(request(model, story, 40, Sampling.GREEDY, CostlyGrammar.after(50), List.of()));
            all.add(request(model, story, 120, Sampling.GREEDY, "", List.of(" the")));
            all.add(request(model, story, 120, new Sampling(0.8f, 0, 900_000, 8), "", List.of(". ", "zebra")));
        }
        return all;
    }

    private static Engine.Limits limits(LoadedModel model, int pages, int drafts) {
        return new Engine.Limits(64, 5, 100, pages * KvCache.pageBytes(model.config()), drafts);
    }

    private static Engine engine(Executor executor, int pages, int drafts, Drafter.Factory drafters) {
        return Guesses.engine(executor, NODE.publicKey(), limits(executor.model(), pages, drafts), drafters);
    }

    private static Engine engine(Executor executor, int drafts, List<int[]> texts, int percentRight) {
        Engine.Limits limits = limits(executor.model(), 12, drafts);
        return Guesses.engine(executor, NODE.publicKey(), limits, texts, percentRight, 7);
    }

    private static List<Told> answers(Engine engine, LoadedModel model, List<Request> requests) {
        List<Listener> listeners = new ArrayList<>();
        for (Request request : requests) {
            boolean wantsLogits = listeners.size() % 3 == 1;
            listeners.add(new Listener(request, wantsLogits, model.config().vocab()));
            engine.submit(ChoiceRule.of(request, tokenizer::vocabulary), listeners.getLast());
        }
        return listeners.stream().map(listener -> listener.told.join()).toList();
    }

    private static List<int[]> texts(List<Request> requests, List<Told> answers) {
        List<int[]> texts = new ArrayList<>();
        for (int i = 0; i < requests.size(); i++) {
            texts.add(Guesses.text(
                    requests.get(i).promptTokens(), answers.get(i).result().tokens()));
        }
        return texts;
    }

    private static void assertSame(List<Told> expected, List<Told> found, String what) {
        for (int i = 0; i < expected.size(); i++) {
            String which = what + ", request " + i;
            assertArrayEquals(
                    expected.get(i).result().tokens(), found.get(i).result().tokens(), which);
            assertArrayEquals(
                    expected.get(i).result().traceRoot(), found.get(i).result().traceRoot(), which);
            assertEquals(
                    expected.get(i).result().traceBytes(), found.get(i).result().traceBytes(), which);
            assertEquals(expected.get(i).tokens(), found.get(i).tokens(), which);
            assertEquals(expected.get(i).logprobs(), found.get(i).logprobs(), which);
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void everyKindOfAnswerIsTheSameWithGuesses(boolean isTrained) {
        LoadedModel model = isTrained ? stories : random;
        Random dice = new Random(isTrained ? 1 : 2);
        List<Request> requests = requests(model, dice);
        List<Told> expected;
        try (Engine engine = engine(new WatchedExecutor(model, false), 12, 0, null)) {
            expected = answers(engine, model, requests);
            assertEquals(0, engine.draftedTokens());
        }
        List<int[]> texts = texts(requests, expected);
        for (int right : new int[] {0, 60, 97, 100}) {
            for (int drafts : new int[] {1, 8, Engine.Limits.MOST_DRAFTS}) {
                String what = right + " % right, " + drafts + " drafts";
                // Memory for two or three answers: pages of prefixes give way, and others are found again.
                try (Engine engine = engine(new WatchedExecutor(model, drafts == 8), drafts, texts, right)) {
                    assertSame(expected, answers(engine, model, requests), what);
                    long reused = engine.reusedTokens();
                    long drafted = engine.draftedTokens();
                    long accepted = engine.acceptedTokens();
                    assertTrue(drafted > 0 && accepted <= drafted, what);
                    assertTrue(right == 0 || accepted > 100, what + ": " + accepted + " of " + drafted);
                    assertTrue(right == 100 || accepted < drafted, what + ": " + accepted + " of " + drafted);
                    // The pages that guessing left in the prefix cache serve the same answers.
                    assertSame(expected, answers(engine, model, requests), what + ", again");
                    assertTrue(engine.reusedTokens() > reused, what);
                    assertEquals(0, engine.pagesReserved());
                }
            }
        }
    }

    @Test
    void aRepetitiveAnswerIsGuessedByLookUp() {
        int[] page = new Random(4).ints(60, 3, random.config().vocab()).toArray();
        Request request = request(random, page, 150, Sampling.GREEDY);
        List<Told> expected;
        try (Engine engine = engine(new WatchedExecutor(random, false), 12, 0, null)) {
            expected = answers(engine, random, List.of(request));
        }
        try (Engine engine = engine(new WatchedExecutor(random, false), 12, 8, PromptLookup::new)) {
            assertSame(expected, answers(engine, random, List.of(request)), "by look-up");
            assertTrue(engine.acceptedTokens() > 100, engine.acceptedTokens() + " accepted");
            assertTrue(engine.steps() < 80, engine.steps() + " steps");
        }
    }

    @Test
    void nothingIsComputedBehindTheLastToken() {
        WatchedExecutor watched = new WatchedExecutor(random, false);
        int context = random.config().maxPositions();
        int[] prompt =
                new Random(6).ints(context - 20, 3, random.config().vocab()).toArray();
        try (Engine engine = engine(watched, 8, List.of(), 0)) {
            answers(engine, random, List.of(request(random, new int[] {9, 8, 7}, 12, Sampling.GREEDY)));
            assertTrue(watched.mostPosition <= 3 + 12 - 2, watched.mostPosition + " of 3 and 12 tokens");
            answers(engine, random, List.of(request(random, prompt, 1000, Sampling.GREEDY)));
            assertTrue(watched.mostPosition <= context - 1, watched.mostPosition + " of " + context);
            assertTrue(engine.draftedTokens() > 0);
        }
    }

    @Test
    void aGuessThatOverflowsFailsNoAnswer() {
        List<Request> requests = requests(random, new Random(8)).subList(0, 6);
        List<Told> expected;
        try (Engine engine = engine(new WatchedExecutor(random, false), 20, 0, null)) {
            expected = answers(engine, random, requests);
        }
        WatchedExecutor watched = new WatchedExecutor(random, false);
        watched.poison = 77;
        Drafter.Factory poisoners = (tokens, length) -> new Drafter() {
            @Override
            public int draft(int[] all, int end, int most) {
                all[end] = 77;
                return 1;
            }

            @Override
            public double confidence(int index) {
                return 1;
            }

            @Override
            public void accepted(int[] all, int end) {}
        };
        try (Engine engine = engine(watched, 20, 8, poisoners)) {
            assertSame(expected, answers(engine, random, requests), "overflowing guesses");
            assertTrue(watched.overflows > 10, watched.overflows + " overflows");
        }
    }

    @Test
    void cancellingEndsAnAnswerWithTheTokenThatWasHeard() {
        Request request = request(random, new int[] {5, 6, 7}, 60, new Sampling(1f, 0, 1_000_000, 2));
        List<Told> expected;
        try (Engine engine = engine(new WatchedExecutor(random, false), 12, 0, null)) {
            expected = answers(engine, random, List.of(request));
        }
        List<int[]> texts = texts(List.of(request), expected);
        try (Engine engine = engine(new WatchedExecutor(random, false), 8, texts, 100)) {
            Listener listener = new Listener(request, false, random.config().vocab());
            listener.cancelAt = 7;
            listener.ticket.complete(engine.submit(request, listener));
            Result result = listener.told.join().result();
            assertTrue(result.cancelled());
            assertArrayEquals(Arrays.copyOf(expected.getFirst().result().tokens(), 7), result.tokens());
        }
    }

    private static Receipt receipt(Request request, Told told) {
        Result result = told.result();
        Answer answer = TestModels.answer(stories, result.tokens());
        return Receipt.of(request, answer, result.traceRoot(), result.traceBytes(), 1, NODE);
    }

    @Test
    void anAnswerFromGuessesHasItsReceiptAndPassesAFullAudit() throws IOException {
        int[] prompt = tokenizer.prompt(List.of(new ChatTokenizer.Message("user", "Tell me a story about a dog.")));
        Request request = request(stories, prompt, 90, new Sampling(0.4f, 0, 900_000, 17));
        Receipt plain;
        Receipt receipt;
        Answer answer;
        try (Engine engine = engine(new WatchedExecutor(stories, false), 12, 0, null)) {
            plain = receipt(request, answers(engine, stories, List.of(request)).getFirst());
        }
        try (Engine engine = engine(new WatchedExecutor(stories, false), 12, 8, PromptLookup::new)) {
            Told told = answers(engine, stories, List.of(request)).getFirst();
            answer = TestModels.answer(stories, told.result().tokens());
            receipt = receipt(request, told);
            assertTrue(engine.draftedTokens() > 0);
        }
        assertArrayEquals(plain.encode(), receipt.encode());
        ForwardPass forward = TestModels.forward(stories);
        try (Replay replay = new Replay(
                new Generator(forward, NODE.publicKey()), forward, NODE.publicKey(), request, answer.tokens())) {
            AuditReport report = TestModels.auditor(stories.verifierKey(share -> {}))
                    .audit(receipt, request, answer, Assignment.of(Level.FULL), replay, null);
            assertNull(report.failure(), () -> report.failure().toString());
        }
    }
}
