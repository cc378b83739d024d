package io.plumbline.inference.audit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.inference.TestModels;
import io.plumbline.inference.engine.ForwardPass;
import io.plumbline.inference.engine.Generator;
import io.plumbline.inference.engine.KeyValuePages;
import io.plumbline.inference.engine.Replay;
import io.plumbline.inference.kernels.Backend;
import io.plumbline.inference.kernels.ScalarKernels;
import io.plumbline.inference.kernels.VectorKernels;
import io.plumbline.inference.model.LoadedModel;
import io.plumbline.inference.tokenizer.ChatTokenizer;
import io.plumbline.verifier.audit.AnswerView;
import io.plumbline.verifier.audit.Assignment;
import io.plumbline.verifier.audit.AuditReport;
import io.plumbline.verifier.audit.Auditor;
import io.plumbline.verifier.audit.Cell;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.audit.Opening;
import io.plumbline.verifier.audit.OpeningLayout;
import io.plumbline.verifier.audit.OpeningSource;
import io.plumbline.verifier.audit.Step;
import io.plumbline.verifier.model.VerifierKey;
import io.plumbline.verifier.numerics.ScalarMath;
import io.plumbline.verifier.numerics.VectorMath;
import io.plumbline.verifier.receipt.Answer;
import io.plumbline.verifier.receipt.Keys;
import io.plumbline.verifier.receipt.Receipt;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.receipt.Sampling;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.List;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Honest answers pass at every level; every kind of forged answer fails at the step, and where it has one the cell, it should. */
class AuditTest {
    private static final Keys NODE = Keys.random();
    private static final int MAX_TOKENS = 48;

    @TempDir
    static Path folder;

    private static LoadedModel model;
    private static VerifierKey key;
    private static int[] prompt;

    @BeforeAll
    static void load() throws IOException {
        model = TestModels.load(TestModels.SHIPPED, folder);
        key = model.verifierKey(share -> {});
        try (ChatTokenizer tokenizer = ChatTokenizer.open(model.folder())) {
            prompt = tokenizer.prompt(
                    List.of(new ChatTokenizer.Message("user", "Tell me a story about a bear in a storm.")));
        }
    }

    @AfterAll
    static void close() {
        model.close();
    }

    /** What a node shows the world: a request, an answer, its receipt, and openings on demand. */
    private record Shown(Request request, Answer answer, Receipt receipt, OpeningSource source) {
        AuditReport audit(Level level) throws IOException {
            return new Auditor(key).audit(receipt, request, answer, Assignment.of(level), source, null);
        }

        Shown with(Answer other) {
            return new Shown(request, other, receipt, source);
        }

        Shown with(OpeningSource other) {
            return new Shown(request, answer, receipt, other);
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
        Answer answer = new Answer(result.tokens(), "");
        return new Shown(asked, answer, sign(asked, answer, replay.root(), result.traceBytes()), replay);
    }

    private static Shown serve(ForwardPass forward) {
        Request request = TestModels.request(model, prompt, MAX_TOKENS, Sampling.GREEDY);
        return serve(request, request, forward);
    }

    private static void rejected(Shown shown, Step step, int layer) throws IOException {
        AuditReport report = shown.audit(Level.FULL);
        assertNotNull(report.failure(), "must be rejected at " + step);
        assertEquals(step, report.failure().step(), report.failure().toString());
        assertEquals(layer, report.failure().layer(), report.failure().toString());
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
            assertNull(Replay.audit(model, shown.receipt(), request, shown.answer())
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
            AuditReport report = new Auditor(other.verifierKey(share -> {}))
                    .audit(shown.receipt(), request, shown.answer(), Assignment.of(Level.FULL), shown.source(), null);
            assertNull(report.failure(), () -> report.failure().toString());
            assertEquals(Step.MODEL, shown.audit(Level.SIGNED).failure().step());
        }
    }

    @Test
    void aLayerComputedWithOtherWeightsIsNamed() throws IOException {
        for (int layer = 0; layer < 3; layer++) {
            List<LoadedModel.Layer> swapped = model.layersWithSwap(layer, (layer + 1) % 3);
            rejected(serve(TestModels.forward(model, swapped, Backend.best())), Step.QKV, layer);
        }
    }

    @Test
    void oneWeightBitIsNoticed() throws IOException {
        class OneBit extends ScalarKernels {
            @Override
            public void multiply(
                    byte[] x, int rows, int k, MemorySegment w, int from, int to, int[] y, int yOffset, int yStride) {
                super.multiply(x, rows, k, w, from, to, y, yOffset, yStride);
                if (w.address() == model.layers().get(1).down().weights().address() && from <= 7 && 7 < to) {
                    for (int r = 0; r < rows; r++) {
                        // Bit 0 of weight (7, 5) flipped: the product row moves by one input.
                        y[yOffset + r * yStride + 7] +=
                                x[r * k + 5] * ((w.get(ValueLayout.JAVA_BYTE, 7L * k + 5) & 1) == 0 ? 1 : -1);
                    }
                }
            }
        }
        rejected(serve(TestModels.forward(model, OneBit::new, VectorMath::new)), Step.DOWN, 1);
    }

    @Test
    void anAttentionHeadThatLooksAwayIsNoticedByItsScores() throws IOException {
        class Lazy extends ScalarKernels {
            @Override
            public void scores(
                    short[] q,
                    int qOffset,
                    int qStride,
                    int queries,
                    MemorySegment keys,
                    long offset,
                    int size,
                    int blocks,
                    int[] s,
                    int sOffset,
                    int sStride) {
                super.scores(q, qOffset, qStride, queries, keys, offset, size, blocks, s, sOffset, sStride);
                // Layer 0 and kv head 0 stand first in a page.
                if (offset == 0) {
                    s[sOffset] = 0;
                }
            }
        }
        rejected(serve(TestModels.forward(model, Lazy::new, VectorMath::new)), Step.SCORES, 0);
    }

    @Test
    void anAttentionSumThatSkipsAValueIsNoticed() throws IOException {
        long values = 2L * KeyValuePages.TOKENS * model.config().kvDim();
        class Lazy extends ScalarKernels {
            @Override
            public void values(
                    short[] u,
                    int uOffset,
                    int uStride,
                    int queries,
                    MemorySegment memory,
                    long offset,
                    int size,
                    int quads,
                    int[] high,
                    int[] low,
                    int outOffset,
                    int outStride) {
                super.values(
                        u, uOffset, uStride, queries, memory, offset, size, quads, high, low, outOffset, outStride);
                low[outOffset + 9] += offset == values ? 1 : 0;
            }
        }
        rejected(serve(TestModels.forward(model, Lazy::new, VectorMath::new)), Step.VALUES, 0);
    }

    @Test
    void anotherSoftmaxIsNoticed() throws IOException {
        class Sharper extends ScalarMath {
            @Override
            public float attentionWeights(
                    int[] s,
                    int sOffset,
                    int n,
                    float c,
                    float[] sk,
                    int kOffset,
                    float[] sv,
                    int vOffset,
                    short[] u,
                    int uOffset) {
                return super.attentionWeights(s, sOffset, n, c * 1.001f, sk, kOffset, sv, vOffset, u, uOffset);
            }
        }
        rejected(serve(TestModels.forward(model, VectorKernels::new, Sharper::new)), Step.VALUES, 0);
    }

    @Test
    void anotherRopeIsNoticedInTheCommittedRows() throws IOException {
        class Unrotated extends ScalarMath {
            @Override
            public void rope(float[] x, int xOffset, int size, float[] cos, float[] sin, int tOffset) {
                super.rope(x, xOffset, size, cos, sin, Math.max(0, tOffset - size / 2));
            }
        }
        rejected(serve(TestModels.forward(model, VectorKernels::new, Unrotated::new)), Step.KV_ROWS, 0);
    }

    @Test
    void aTokenChangedAfterwardsBreaksTheOutputHashAndASignedLieTheChain() throws IOException {
        Shown honest = serve(TestModels.forward(model));
        int[] tokens = honest.answer().tokens().clone();
        tokens[5] = tokens[5] == 300 ? 301 : 300;
        Answer forged = new Answer(tokens, "");
        assertEquals(
                Step.OUTPUT, honest.with(forged).audit(Level.SIGNED).failure().step());
        Receipt lie = sign(
                honest.request(),
                forged,
                honest.receipt().traceRoot(),
                honest.receipt().traceBytes());
        AuditReport report =
                new Auditor(key).audit(lie, honest.request(), forged, Assignment.of(Level.FULL), honest.source(), null);
        // The first residual of the changed token is not that token's embedding: its slice no longer has the asked size
        // or row.
        assertTrue(
                List.of(Step.EMBEDDING, Step.OPENING, Step.SLICE)
                        .contains(report.failure().step()),
                report.failure().toString());
        // A node that recomputes everything after the forced token is caught by the sampling rule.
        ForwardPass forward = TestModels.forward(model);
        Generator generator = new Generator(forward, NODE.publicKey());
        Replay consistent = new Replay(generator, forward, NODE.publicKey(), honest.request(), tokens);
        Receipt signed = sign(
                honest.request(), forged, consistent.root(), honest.receipt().traceBytes());
        rejected(new Shown(honest.request(), forged, signed, consistent), Step.SAMPLING, -1);
        assertEquals(
                Step.REPLAY,
                Replay.audit(model, lie, honest.request(), forged).failure().step());
    }

    @Test
    void anotherSamplingSeedIsNoticed() throws IOException {
        Request asked = TestModels.request(model, prompt, MAX_TOKENS, new Sampling(1.2f, 0, 1_000_000, 1));
        Request used = TestModels.request(model, prompt, MAX_TOKENS, new Sampling(1.2f, 0, 1_000_000, 2));
        rejected(serve(asked, used, TestModels.forward(model)), Step.SAMPLING, -1);
    }

    @Test
    void aStaleReceiptAndAnEarlyEndAreRejected() throws IOException {
        Shown honest = serve(TestModels.forward(model));
        Request again = new Request(
                model.id(),
                "[]",
                prompt,
                Sampling.GREEDY,
                MAX_TOKENS,
                model.stopTokens(),
                List.of(),
                new byte[32],
                new byte[] {1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
        Shown stale = new Shown(again, honest.answer(), honest.receipt(), honest.source());
        assertEquals(Step.REQUEST, stale.audit(Level.SIGNED).failure().step());

        Request shorter = TestModels.request(model, prompt, 10, Sampling.GREEDY);
        assertEquals(
                Step.STOP,
                serve(honest.request(), shorter, TestModels.forward(model))
                        .audit(Level.SIGNED)
                        .failure()
                        .step());
    }

    @Test
    void aForgedSignatureIsRejected() throws IOException {
        Shown honest = serve(TestModels.forward(model));
        byte[] bytes = honest.receipt().encode();
        bytes[bytes.length - 1] ^= 1;
        Shown forged = new Shown(honest.request(), honest.answer(), Receipt.decode(bytes), honest.source());
        assertEquals(Step.SIGNATURE, forged.audit(Level.SIGNED).failure().step());
    }

    /** Flips one byte in each part of an opening: every part is checked, none is taken on trust. */
    @Test
    void aFlippedByteInAnyPartOfAnOpeningIsNoticedAtThatPart() throws IOException {
        Shown honest = serve(TestModels.forward(model));
        Cell cell = new Cell(0, 0, prompt.length + honest.answer().tokens().length - 1);
        AnswerView view = new AnswerView(
                key.manifest(), NODE.publicKey(), prompt, honest.answer().tokens());
        OpeningLayout layout = OpeningLayout.of(view, cell);
        OpeningLayout.Token parts = layout.token(9);
        long token = layout.offset(9);
        flipped(honest, at(100), Step.SLICE);
        flipped(honest, at(layout.embedding() + 40), Step.SLICE);
        flipped(honest, at(token + 40), Step.QKV);
        flipped(honest, at(token + parts.out() + 40), Step.OUT_PROJECTION);
        flipped(honest, at(token + parts.gateUp() + 40), Step.GATE_UP);
        flipped(honest, at(token + parts.down() + 40), Step.DOWN);
        flipped(honest, at(token + parts.scores() + 40), Step.SCORES);
        flipped(honest, at(token + parts.high() + 40), Step.VALUES);
        flipped(honest, at(token + parts.low() + 40), Step.VALUES);
        flipped(honest, bytes -> java.util.Arrays.copyOf(bytes, bytes.length - 1), Step.OPENING);
        flipped(honest, bytes -> java.util.Arrays.copyOf(bytes, bytes.length + 1), Step.OPENING);
    }

    private static UnaryOperator<byte[]> at(long offset) {
        return bytes -> {
            bytes[Math.toIntExact(offset)] ^= 4;
            return bytes;
        };
    }

    private static void flipped(Shown honest, UnaryOperator<byte[]> change, Step step) throws IOException {
        rejected(
                honest.with((OpeningSource) cell -> {
                    if (cell.layer() != 0) {
                        return honest.source().open(cell);
                    }
                    byte[] bytes = ((Replay) honest.source()).bytes(cell).toArray(ValueLayout.JAVA_BYTE);
                    return Opening.of(MemorySegment.ofArray(change.apply(bytes)), null);
                }),
                step,
                0);
    }

    @Test
    void randomCellsCatchASwappedLayerNearlyAlways() throws IOException {
        Shown cheat = serve(TestModels.forward(model, model.layersWithSwap(1, 0), Backend.best()));
        int caught = 0;
        for (int i = 0; i < 20; i++) {
            caught += cheat.audit(Level.AUDITED).good() ? 0 : 1;
        }
        assertTrue(caught >= 18, caught + " of 20 audits of random cells caught a swapped layer");
    }
}
