package io.plumbline.inference.audit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import io.plumbline.inference.TestModels;
import io.plumbline.inference.language.engine.ForwardPass;
import io.plumbline.inference.language.engine.Generator;
import io.plumbline.inference.language.engine.Replay;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.inference.language.tokenizer.ChatTokenizer;
import io.plumbline.verifier.audit.Assignment;
import io.plumbline.verifier.audit.AuditReport;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.audit.OpeningSource;
import io.plumbline.verifier.audit.Step;
import io.plumbline.verifier.model.VerifierKey;
import io.plumbline.verifier.receipt.Answer;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Receipt;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.receipt.Sampling;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Honest answers pass at every level; every kind of cheat is in the attack suite. */
class AuditTest {
    private static final KeyPair NODE = KeyPair.random();
    private static final int MAX_TOKENS = 48;

    @TempDir
    static Path folder;

    private static LoadedModel model;
    private static VerifierKey key;
    private static ChatTokenizer tokenizer;
    private static int[] prompt;

    @BeforeAll
    static void load() throws IOException {
        model = TestModels.load(TestModels.SHIPPED, folder);
        key = model.verifierKey(share -> {});
        tokenizer = ChatTokenizer.of(model.tokenFiles());
        prompt = tokenizer.prompt(
                List.of(new ChatTokenizer.Message("user", "Tell me a story about a bear in a storm.")));
    }

    @AfterAll
    static void close() {
        tokenizer.close();
        model.close();
    }

    /** What a node shows the world: a request, an answer, its receipt, and openings on demand. */
    private record Shown(Request request, Answer answer, Receipt receipt, OpeningSource source) {
        AuditReport audit(Level level) throws IOException {
            return TestModels.auditor(key).audit(receipt, request, answer, Assignment.of(level), source, null);
        }
    }

    private static Receipt sign(Request request, Answer answer, byte[] root, long traceBytes) {
        return Receipt.of(request, answer, root, traceBytes, 100, NODE);
    }

    /** An answer by a node that runs {@code forward} and is consistent about it: it commits to what it computed. */
    private static Shown serve(Request asked, Request computed, ForwardPass forward) {
        Generator generator = new Generator(forward, NODE.publicKey(), 16);
        Generator.Result result = generator.generate(computed, token -> {});
        Replay replay = new Replay(generator, forward, NODE.publicKey(), asked, result.tokens());
        Answer answer = TestModels.answer(forward.model(), result.tokens());
        return new Shown(asked, answer, sign(asked, answer, replay.root(), result.traceBytes()), replay);
    }

    private static Shown serve(ForwardPass forward) {
        Request request = TestModels.request(model, prompt, MAX_TOKENS, Sampling.GREEDY);
        return serve(request, request, forward);
    }

    @Test
    void anHonestAnswerPassesAtEveryLevelAndIsCountedWhole() throws IOException {
        for (Sampling sampling : List.of(Sampling.GREEDY, new Sampling(0.8f, 0, 900_000, 17))) {
            Request request = TestModels.request(model, prompt, MAX_TOKENS, sampling);
            Shown shown = serve(request, request, TestModels.forward(model));
            for (Level level : List.of(Level.SIGNED, Level.AUDITED, Level.FULL)) {
                AuditReport report = shown.audit(level);
                assertNull(report.failure(), () -> level + ": " + report.failure());
            }
            assertNull(Replay.audit(model, tokenizer, shown.receipt(), request, shown.answer())
                    .failure());
            AuditReport full = shown.audit(Level.FULL);
            int tokens = prompt.length + shown.answer().tokens().length - 1;
            assertEquals(tokens * 3L * 4, full.counts().heads());
            assertEquals(
                    tokens * 3L * 4 + shown.answer().tokens().length,
                    full.counts().rows());
            assertEquals(shown.answer().tokens().length, full.counts().positions());
        }
    }

    @Test
    void anotherTrainedModelIsAuditedToo() throws IOException {
        try (LoadedModel other = TestModels.load(TestModels.STORIES_260K, folder)) {
            Request request = TestModels.request(other, new int[] {1, 403, 407}, 40, Sampling.GREEDY);
            Shown shown = serve(request, request, TestModels.forward(other));
            AuditReport report = TestModels.auditor(other.verifierKey(share -> {}))
                    .audit(shown.receipt(), request, shown.answer(), Assignment.of(Level.FULL), shown.source(), null);
            assertNull(report.failure(), () -> report.failure().toString());
            assertEquals(Step.MODEL, shown.audit(Level.SIGNED).failure().step());
        }
    }
}
