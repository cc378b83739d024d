package io.plumbline.inference.language.checkpoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.inference.TestModels;
import io.plumbline.inference.language.engine.Forgery;
import io.plumbline.inference.language.engine.ForwardPass;
import io.plumbline.inference.language.engine.Generator;
import io.plumbline.inference.language.engine.Replay;
import io.plumbline.inference.language.engine.Workers;
import io.plumbline.inference.language.kernels.Backend;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.inference.language.synthetic.RandomModel;
import io.plumbline.verifier.audit.AnswerView;
import io.plumbline.verifier.audit.Assignment;
import io.plumbline.verifier.audit.AuditReport;
import io.plumbline.verifier.audit.Cell;
import io.plumbline.verifier.audit.Cells;
import io.plumbline.verifier.audit.Evidence;
import io.plumbline.verifier.audit.Failure;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.audit.Opening;
import io.plumbline.verifier.audit.OpeningLayout;
import io.plumbline.verifier.audit.OpeningSource;
import io.plumbline.verifier.audit.Step;
import io.plumbline.verifier.choice.ChoiceRule;
import io.plumbline.verifier.model.DeltaParameters;
import io.plumbline.verifier.model.DeltaRule;
import io.plumbline.verifier.model.ExpertParameters;
import io.plumbline.verifier.model.LayerParameters;
import io.plumbline.verifier.model.VerifierKey;
import io.plumbline.verifier.numerics.DeltaRun;
import io.plumbline.verifier.numerics.ExactMath;
import io.plumbline.verifier.numerics.ScalarMath;
import io.plumbline.verifier.receipt.Answer;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Receipt;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.receipt.Sampling;
import io.plumbline.verifier.trace.TraceLayout;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A node that runs linear attention, or the gates beside it, otherwise than the model says is found out, and where. */
class LinearAttentionCheatsTest {
    private static final KeyPair NODE = KeyPair.random();

    private static final int BLOCK = DeltaRule.BLOCK_TOKENS;

    /** Beyond four blocks. */
    private static final int PROMPT = 530;

    @TempDir
    static Path folder;

    private static LoadedModel model;
    private static VerifierKey key;

    @BeforeAll
    static void load() throws IOException {
        Path source = folder.resolve("source");
        RandomModel.write(
                new RandomModel.Shape(
                        "Qwen3_5MoeForConditionalGeneration", 64, 2, 4, 2, 16, 96, 320, 1024, "BF16", false, 0, 1),
                7,
                source,
                share -> {});
        model = TestModels.load(source, folder);
        key = model.verifierKey(share -> {});
    }

    @AfterAll
    static void close() {
        model.close();
    }

    private static Request request() {
        int[] prompt = new int[PROMPT];
        for (int i = 0; i < prompt.length; i++) {
            prompt[i] = 3 + (i * 53 + 11) % (model.config().vocab() - 3);
        }
        return TestModels.request(model, prompt, 3, Sampling.GREEDY);
    }

    /**
     * Answers by {@code forward}, signs that it was the model, and has all of it audited.
     *
     * @param trace changes the trace before it is committed to.
     * @param opening changes openings before they are signed; null for none.
     */
    private static Failure audit(
            ForwardPass forward, Consumer<MemorySegment> trace, BiConsumer<OpeningLayout, MemorySegment> opening)
            throws IOException {
        Request request = request();
        Generator.Result result = new Generator(forward, NODE.publicKey()).generate(request, token -> {});
        try (Replay replay = Forgery.of(forward, NODE.publicKey(), request, request, result.tokens(), trace)) {
            Answer answer = TestModels.answer(model, result.tokens());
            int contract = model.config().contractVersion();
            Receipt receipt = Receipt.of(contract, request, answer, replay.root(), result.traceBytes(), 1, NODE);
            AnswerView view =
                    new AnswerView(model.manifest(), NODE.publicKey(), request.promptTokens(), answer.tokens());
            OpeningSource sealed = cell -> {
                MemorySegment bytes = replay.bytes(cell);
                if (opening != null) {
                    opening.accept(OpeningLayout.of(view, cell), bytes);
                }
                return Opening.of(bytes, replay.seal(cell, bytes, receipt.hash().bytes(), NODE));
            };
            AuditReport report =
                    TestModels.auditor(key).audit(receipt, request, answer, Assignment.of(Level.FULL), sealed, null);
            if (report.failure() != null) {
                confirm(Evidence.of(key, receipt, request, answer, report));
            }
            return report.failure();
        }
    }

    /** Others see the same in the evidence: by the weights, and where a product is false by its one row. */
    private static void confirm(Evidence evidence) throws IOException {
        Evidence sent = Evidence.decode(evidence.encode());
        Evidence.Finding finding = sent.check(model::tensor, null);
        assertEquals(evidence.failure(), finding.failure());
        if (finding.product() == null) {
            assertNotNull(sent.check(null, null).failure(), "seen without the weights");
            return;
        }
        Evidence withRow =
                Evidence.decode(sent.with(finding.product(), model::tensor).encode());
        assertEquals(
                evidence.failure().step(), withRow.check(null, null).failure().step());
    }

    private static Failure caught(Step step, Failure failure) {
        assertNotNull(failure);
        assertEquals(step, failure.step(), failure.toString());
        return failure;
    }

    private static Failure math(Supplier<ExactMath> math) throws IOException {
        Backend cheat = new Backend("cheat", Backend.best().kernels(), math);
        try (ForwardPass forward = new ForwardPass(model, model.layers(), cheat, new Workers(2))) {
            return audit(forward, trace -> {}, null);
        }
    }

    private static Failure ran(int layer, UnaryOperator<LoadedModel.Layer> as) throws IOException {
        List<LoadedModel.Layer> layers = new ArrayList<>(model.layers());
        layers.set(layer, as.apply(layers.get(layer)));
        return audit(TestModels.forward(model, layers, Backend.best()), trace -> {}, null);
    }

    private static LoadedModel.Layer with(LoadedModel.Layer l, LayerParameters p, LoadedModel.Linear linear) {
        return new LoadedModel.Layer(
                p,
                l.q(),
                l.k(),
                l.v(),
                l.out(),
                l.gate(),
                l.up(),
                l.down(),
                l.mixture(),
                l.attentionGate(),
                linear,
                l.perLayer());
    }

    private static LayerParameters with(LayerParameters p, ExpertParameters experts, DeltaParameters delta) {
        return new LayerParameters(
                p.attentionGain(),
                p.attentionOutGain(),
                p.mlpGain(),
                p.mlpOutGain(),
                p.qkvScale(),
                p.outScale(),
                p.gateUpScale(),
                p.downScale(),
                p.qkvBias(),
                p.outBias(),
                p.gateUpBias(),
                p.downBias(),
                p.queryGain(),
                p.keyGain(),
                p.sinks(),
                experts,
                delta,
                p.perLayer(),
                p.scale());
    }

    private static Failure delta(UnaryOperator<DeltaParameters> as) throws IOException {
        return ran(0, l -> {
            LayerParameters p = l.parameters();
            return with(l, with(p, p.experts(), as.apply(p.delta())), l.linear());
        });
    }

    @Test
    void theModelItselfPasses() throws IOException {
        assertNull(audit(TestModels.forward(model), trace -> {}, null));
    }

    @Test
    void aGateThatIsLeftOutIsFound() throws IOException {
        Failure failure = caught(Step.OUT_PROJECTION, math(() -> new ScalarMath() {
            @Override
            public void sigmoidMul(float[] x, int xOffset, float[] gate, int gOffset, int n) {}
        }));
        assertEquals(1, failure.layer(), "the layer with attention");
    }

    /** Begins with what another request has left. */
    private static final class LeftState extends ScalarMath {
        @Override
        public void deltaRule(DeltaRun run) {
            MemorySegment head = run.before();
            byte[] nothing = new byte[(int) head.byteSize()];
            if (head.mismatch(MemorySegment.ofArray(nothing)) < 0) {
                head.set(ValueLayout.JAVA_FLOAT_UNALIGNED, 0, 0.5f);
            }
            super.deltaRule(run);
        }
    }

    @Test
    void anotherDecayIsFound() throws IOException {
        // Nothing decays.
        caught(
                Step.OUT_PROJECTION,
                delta(d -> new DeltaParameters(
                        d.taps(), new float[d.decay().length], d.decayBias(), d.gateScale(), d.gain())));
        caught(
                Step.OUT_PROJECTION,
                delta(d -> new DeltaParameters(d.taps(), d.decay(), turned(d.decayBias()), d.gateScale(), d.gain())));
        caught(
                Step.OUT_PROJECTION,
                delta(d -> new DeltaParameters(d.taps(), turned(d.decay()), d.decayBias(), d.gateScale(), d.gain())));
    }

    @Test
    void theStateOfAnotherRequestIsFound() throws IOException {
        caught(Step.OUT_PROJECTION, math(LeftState::new));
    }

    private static float[] turned(float[] values) {
        float[] turned = values.clone();
        turned[0] = values[1];
        turned[1] = values[0];
        return turned;
    }

    @Test
    void tapsThatAreSwappedAreFound() throws IOException {
        int channels = model.config().architecture().delta().channels();
        caught(Step.OUT_PROJECTION, delta(d -> {
            float[] taps = d.taps().clone();
            for (int c = 0; c < channels; c++) {
                taps[c] = d.taps()[channels + c];
                taps[channels + c] = d.taps()[c];
            }
            return new DeltaParameters(taps, d.decay(), d.decayBias(), d.gateScale(), d.gain());
        }));
        caught(
                Step.OUT_PROJECTION,
                delta(d -> new DeltaParameters(d.taps(), d.decay(), d.decayBias(), d.gateScale(), turned(d.gain()))));
    }

    @Test
    void otherMatricesAreFound() throws IOException {
        LoadedModel.Matrix out = model.layers().get(1).attentionGate();
        caught(
                Step.QKV,
                ran(
                        1,
                        l -> new LoadedModel.Layer(
                                l.parameters(),
                                l.q(),
                                l.k(),
                                l.v(),
                                l.out(),
                                l.gate(),
                                l.up(),
                                l.down(),
                                l.mixture(),
                                new LoadedModel.Matrix(l.q().weights(), l.q().format(), out.rows(), out.columns()),
                                null,
                                null)));
        LoadedModel.Linear linear = model.layers().getFirst().linear();
        LoadedModel.Matrix rates = linear.rates();
        // Rates in place of decays, in both digits.
        byte[] swapped = rates.weights().toArray(ValueLayout.JAVA_BYTE);
        int half = swapped.length / 4;
        for (int digit = 0; digit < 2; digit++) {
            MemorySegment.copy(
                    rates.weights(), (2L * digit + 1) * half, MemorySegment.ofArray(swapped), 2L * digit * half, half);
        }
        MemorySegment weights = Arena.ofAuto().allocate(swapped.length, 64);
        weights.copyFrom(MemorySegment.ofArray(swapped));
        LoadedModel.Matrix other = new LoadedModel.Matrix(weights, rates.format(), rates.rows(), rates.columns());
        caught(
                Step.DECAY,
                ran(0, l -> with(l, l.parameters(), new LoadedModel.Linear(linear.qkv(), linear.gate(), other))));
    }

    @Test
    void anotherWeightOfTheSharedExpertIsFound() throws IOException {
        caught(Step.RESIDUAL, ran(0, l -> {
            ExpertParameters e = l.parameters().experts();
            float[] scales = e.routerScale().clone();
            scales[scales.length - 1] *= 4;
            ExpertParameters forged = new ExpertParameters(
                    scales,
                    e.choiceBias(),
                    e.routerBias(),
                    e.gateUpScale(),
                    e.downScale(),
                    e.gateUpBias(),
                    e.downBias(),
                    null);
            return with(l, with(l.parameters(), forged, l.parameters().delta()), l.linear());
        }));
        int routes = model.config().routes();
        caught(Step.ROUTER, audit(TestModels.forward(model), trace -> {}, (layout, bytes) -> {
            // The gate's product of the high digits.
            if (layout.cell().layer() == 0 && layout.cell().from() == 0) {
                flip(bytes, layout.proof() + layout.token(0).router() + 4L * (routes - 1));
            }
        }));
    }

    private static void flip(MemorySegment bytes, long at) {
        bytes.set(ValueLayout.JAVA_BYTE, at, (byte) (bytes.get(ValueLayout.JAVA_BYTE, at) ^ 1));
    }

    @Test
    void statesThatWereNotReachedAreFound() throws IOException {
        TraceLayout layout = new TraceLayout(model.config());
        ForwardPass forward = TestModels.forward(model);
        long second = layout.offset(BLOCK, 0) + layout.stateHashOffset();
        Failure failure = caught(Step.RECURRENT_STATE, audit(forward, trace -> flip(trace, second + 31), null));
        assertEquals(BLOCK - 1, failure.token(), "where the block ends whose state it is");
        caught(Step.RECURRENT_STATE, audit(forward, trace -> {}, (opening, bytes) -> {
            if (opening.lead() > opening.state()) {
                flip(bytes, opening.lead() - 1);
            }
        }));
        long hidden = layout.offset(100, 0) + layout.stateHashOffset();
        caught(Step.PADDING, audit(forward, trace -> flip(trace, hidden), null));
        caught(Step.PADDING, audit(forward, trace -> flip(trace, layout.offset(BLOCK, 0) + layout.linearEnd()), null));
        caught(
                Step.PADDING,
                audit(forward, trace -> flip(trace, layout.offset(0, 0) + layout.stateHashOffset()), null));
        caught(Step.SLICE, audit(forward, trace -> {}, (opening, bytes) -> flip(bytes, opening.embedding() - 1)));
    }

    /** Cells of one token, as are drawn at level AUDITED, begin at their block's state wherever they stand. */
    @Test
    void productsOfTokensBesideACellAreChecked() throws IOException {
        Request request = request();
        ForwardPass forward = TestModels.forward(model);
        Generator generator = new Generator(forward, NODE.publicKey());
        Generator.Result result = generator.generate(request, token -> {});
        AnswerView view = new AnswerView(model.manifest(), NODE.publicKey(), request.promptTokens(), result.tokens());
        Answer answer = TestModels.answer(model, result.tokens());
        try (Replay replay = new Replay(generator, forward, NODE.publicKey(), request, result.tokens())) {
            int contract = model.config().contractVersion();
            Receipt receipt = Receipt.of(contract, request, answer, replay.root(), result.traceBytes(), 1, NODE);
            for (int token : new int[] {0, 1, 5, 100, 127, 128, 129, 200, 255, 256, 300, 511, 512, 531}) {
                Cell cell = new Cell(0, token, token + 1);
                assertTrue(Cells.contains(view, cell));
                OpeningLayout layout = OpeningLayout.of(view, cell);
                assertNull(check(view, receipt, request, cell, replay.bytes(cell)), "token " + token);
                if (token % BLOCK > 0) {
                    MemorySegment products = replay.bytes(cell);
                    flip(products, layout.lead());
                    assertEquals(
                            Step.QKV,
                            check(view, receipt, request, cell, products).step());
                    MemorySegment gates = replay.bytes(cell);
                    flip(gates, layout.tail() - 4);
                    Failure failure = check(view, receipt, request, cell, gates);
                    assertEquals(Step.DECAY, failure.step());
                    assertEquals(token - 1, failure.token());
                }
                if (layout.proof() > layout.tail()) {
                    MemorySegment gates = replay.bytes(cell);
                    flip(gates, layout.proof() - 4);
                    Failure failure = check(view, receipt, request, cell, gates);
                    assertEquals(Step.DECAY, failure.step());
                    assertEquals(Math.min(view.length(), token / BLOCK * BLOCK + BLOCK) - 1, failure.token());
                }
            }
        }
    }

    /** Whichever token of a block is drawn: a memory that is cut off at each block's end is found. */
    @Test
    void aStateThatABlockDoesNotEndWithIsFoundByEachOfItsCells() throws IOException {
        Request request = request();
        ForwardPass forward = TestModels.forward(model);
        Generator.Result result = new Generator(forward, NODE.publicKey()).generate(request, token -> {});
        AnswerView view = new AnswerView(model.manifest(), NODE.publicKey(), request.promptTokens(), result.tokens());
        long hash = view.layout().offset(2 * BLOCK, 0) + view.layout().stateHashOffset();
        try (Replay replay =
                Forgery.of(forward, NODE.publicKey(), request, request, result.tokens(), trace -> flip(trace, hash))) {
            Answer answer = TestModels.answer(model, result.tokens());
            int contract = model.config().contractVersion();
            Receipt receipt = Receipt.of(contract, request, answer, replay.root(), result.traceBytes(), 1, NODE);
            for (int token : new int[] {BLOCK, BLOCK + 1, 2 * BLOCK - 2, 2 * BLOCK - 1}) {
                Cell cell = new Cell(0, token, token + 1);
                Failure failure = check(view, receipt, request, cell, replay.bytes(cell));
                assertEquals(Step.RECURRENT_STATE, failure.step(), cell.toString());
                assertEquals(2 * BLOCK - 1, failure.token());
            }
        }
    }

    private static Failure check(AnswerView view, Receipt receipt, Request request, Cell cell, MemorySegment bytes)
            throws IOException {
        return TestModels.auditor(key).cell(view, receipt, ChoiceRule.of(request, null), cell, Opening.of(bytes, null));
    }

    @Test
    void noCellGoesBeyondABlock() {
        Request request = request();
        int[] output = new int[40];
        Arrays.fill(output, 5);
        AnswerView view = new AnswerView(model.manifest(), NODE.publicKey(), request.promptTokens(), output);
        int covered = 0;
        for (Cell cell : Cells.all(view)) {
            if (cell.layer() == 0) {
                assertEquals(cell.from() / BLOCK, (cell.to() - 1) / BLOCK, cell.toString());
                covered += cell.tokens();
            }
        }
        assertEquals(view.length(), covered);
        assertTrue(!Cells.contains(view, new Cell(0, 250, 260)));
        assertTrue(Cells.contains(view, new Cell(1, 250, 260)));
    }
}
