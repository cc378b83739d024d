package io.plumbline.inference.language.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;

import io.plumbline.inference.TestModels;
import io.plumbline.inference.language.engine.Generator.Result;
import io.plumbline.inference.language.kernels.Backend;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.verifier.audit.AnswerView;
import io.plumbline.verifier.audit.Assignment;
import io.plumbline.verifier.audit.AuditReport;
import io.plumbline.verifier.audit.Auditor;
import io.plumbline.verifier.audit.Cell;
import io.plumbline.verifier.audit.Cells;
import io.plumbline.verifier.audit.Evidence;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.audit.Opening;
import io.plumbline.verifier.audit.OpeningLayout;
import io.plumbline.verifier.audit.OpeningSource;
import io.plumbline.verifier.model.VerifierKey;
import io.plumbline.verifier.receipt.Answer;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Receipt;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.receipt.Sampling;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Each layer that a manifest can describe is computed to the same bits in every way, and passes its audit; an opening
 * in which one bit is another does not, and others see it in the evidence.
 */
class RandomArchitecturesTest {
    /** More are a property away: {@code -Dplumbline.architectures=1000}. */
    private static final int COUNT = Integer.getInteger("plumbline.architectures", 12);

    private static final KeyPair NODE = KeyPair.random();

    @TempDir
    Path folder;

    @Test
    void anyDescriptionGivesTheSameBitsInEveryWayAndIsAudited() throws IOException {
        long first = new Random().nextInt(1 << 20);
        System.out.println("Architectures of seeds from " + first + ", as -Dplumbline.architecture=SEED.");
        first = Long.getLong("plumbline.architecture", first);
        for (long seed = first; seed < first + COUNT; seed++) {
            try (LoadedModel model = RandomDescription.of(seed, folder)) {
                String what = "seed " + seed + ": " + model.config();
                try {
                    check(model, new Random(seed), what);
                } catch (RuntimeException e) {
                    throw new AssertionError(what, e);
                }
            }
        }
    }

    private static void check(LoadedModel model, Random random, String what) throws IOException {
        List<Request> requests = new ArrayList<>();
        // Long enough for states to be committed to, and to be kept for the next request.
        boolean isLinear = model.config().linearLayers() > 0;
        int[] beginning = random.ints(
                        70 + random.nextInt(isLinear ? 400 : 200),
                        3,
                        model.config().vocab())
                .toArray();
        for (int i = 0; i < 3; i++) {
            int[] prompt = java.util.Arrays.copyOf(beginning, beginning.length - 3 * i);
            prompt[prompt.length - 1] = 3 + i;
            Sampling sampling = i == 0 ? Sampling.GREEDY : new Sampling(0.9f, 40, 950_000, i);
            requests.add(TestModels.request(model, prompt, 1 + random.nextInt(20), sampling));
        }
        Request request = requests.getFirst();
        Result scalar = alone(model, Backend.SCALAR, 1, 37, request);
        for (Backend backend : Backend.all()) {
            int block = List.of(1, 16, 65, 1_000).get(random.nextInt(4));
            Result other = alone(model, backend, 1 + random.nextInt(3), block, request);
            assertArrayEquals(scalar.traceRoot(), other.traceRoot(), backend.name() + ", block " + block + ", " + what);
        }
        batched(model, requests, what);
        audited(model, random, request, scalar, what);
    }

    private static Result alone(LoadedModel model, Backend backend, int threads, int block, Request request) {
        try (ForwardPass forward = new ForwardPass(model, model.layers(), backend, new Workers(threads))) {
            return new Generator(forward, NODE.publicKey(), block).generate(request, token -> {});
        }
    }

    /** Together, and again where their beginning is kept. */
    private static void batched(LoadedModel model, List<Request> requests, String what) {
        ForwardPass device = new ForwardPass(model, model.layers(), Backend.best(), new Workers(2));
        // States for two answers at a time, and for one beginning that is kept.
        long pages = 40 + 5 * KvCache.statePages(model.config());
        long bytes = pages * KvCache.pageBytes(model.config());
        try (Engine engine = new Engine(device, NODE.publicKey(), new Engine.Limits(33, 3, 100, bytes))) {
            List<CompletableFuture<Result>> answers = new ArrayList<>();
            for (int round = 0; round < 2; round++) {
                for (Request request : requests) {
                    CompletableFuture<Result> answer = new CompletableFuture<>();
                    engine.submit(request, listener(answer));
                    answers.add(answer);
                }
                answers.forEach(CompletableFuture::join);
            }
            for (int i = 0; i < answers.size(); i++) {
                Request request = requests.get(i % requests.size());
                Result expected = alone(model, Backend.best(), 1, 64, request);
                assertArrayEquals(expected.traceRoot(), answers.get(i).join().traceRoot(), "answer " + i + ", " + what);
            }
        }
    }

    private static Engine.Listener listener(CompletableFuture<Result> answer) {
        return new Engine.Listener() {
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
        };
    }

    private static void audited(LoadedModel model, Random random, Request request, Result result, String what)
            throws IOException {
        ForwardPass forward = TestModels.forward(model);
        Generator generator = new Generator(forward, NODE.publicKey(), 50);
        try (Replay replay = new Replay(generator, forward, NODE.publicKey(), request, result.tokens())) {
            Answer answer = TestModels.answer(model, result.tokens());
            int contract = model.config().contractVersion();
            Receipt receipt = Receipt.of(contract, request, answer, replay.root(), result.traceBytes(), 1, NODE);
            VerifierKey key = model.verifierKey(share -> {});
            Auditor auditor = TestModels.auditor(key);
            for (Level level : List.of(Level.FULL, Level.AUDITED)) {
                AuditReport report = auditor.audit(receipt, request, answer, Assignment.of(level), replay, null);
                assertNull(report.failure(), () -> report.failure() + ", " + what);
            }

            AnswerView view =
                    new AnswerView(model.manifest(), NODE.publicKey(), request.promptTokens(), answer.tokens());
            List<Cell> cells = Cells.all(view);
            Cell cell = cells.get(random.nextInt(cells.size()));
            OpeningLayout layout = OpeningLayout.of(view, cell);
            long bit = random.nextLong(8 * layout.bytes());
            OpeningSource falsified = asked -> {
                MemorySegment bytes = replay.bytes(asked);
                if (asked.equals(cell)) {
                    byte now = bytes.get(ValueLayout.JAVA_BYTE, bit / 8);
                    bytes.set(ValueLayout.JAVA_BYTE, bit / 8, (byte) (now ^ 1 << bit % 8));
                }
                return Opening.of(
                        bytes, replay.seal(asked, bytes, receipt.hash().bytes(), NODE));
            };
            AuditReport found = auditor.audit(receipt, request, answer, Assignment.of(Level.FULL), falsified, null);
            String where = "bit " + bit + " of " + cell + ", " + what;
            assertNotNull(found.failure(), where);
            Evidence evidence = Evidence.decode(
                    Evidence.of(key, receipt, request, answer, found).encode());
            Evidence.Finding finding = evidence.check(model::tensor, null);
            assertNotNull(finding.failure(), where + ", " + found.failure());
            assertEquals(found.failure().step(), finding.failure().step(), where);
        }
    }
}
