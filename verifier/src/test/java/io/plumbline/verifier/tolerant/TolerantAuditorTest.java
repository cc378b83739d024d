package io.plumbline.verifier.tolerant;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.audit.Step;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Receipt;
import io.plumbline.verifier.tensor.ElementType;
import io.plumbline.verifier.tensor.Fingerprint;
import io.plumbline.verifier.tensor.Precision;
import io.plumbline.verifier.tensor.Tensor;
import io.plumbline.verifier.tensor.TensorAnswer;
import io.plumbline.verifier.tensor.TensorManifest;
import io.plumbline.verifier.tensor.TensorRequest;
import io.plumbline.verifier.tensor.TensorSpec;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** Every way in which a signed answer of a tensor model can be false is met with its reason. */
class TolerantAuditorTest {
    private static final KeyPair NODE = KeyPair.random();
    private static final TensorManifest MANIFEST = manifest("x");

    private final Tensor x = Tensor.ofFloats("x", new long[] {2, 2}, 1, 2, 3, 4);
    private final List<Tensor> right = List.of(Tensor.ofFloats("y", new long[] {2, 2}, 2, 4, 6, 8));
    private final HonestRuns runs = new HonestRuns(
            right, List.of(List.of(Tensor.ofFloats("y", new long[] {2, 2}, 2.001f, 4.001f, 5.999f, 8.001f))));
    private final Bounds bounds = bounds();
    private final Fingerprint engine = new Fingerprint("onnxruntime", "1", "cpu", Precision.FP32, "");
    private final TensorRequest request = request(x);
    private final List<String> asked = new ArrayList<>();

    private static TensorManifest manifest(String input) {
        return new TensorManifest(
                new TreeMap<>(Map.of("ai.onnx", 17L)),
                List.of(new TensorSpec(input, ElementType.FP32, List.of("n", "2"))),
                List.of(new TensorSpec("y", ElementType.FP32, List.of("n", "2"))),
                new TreeMap<>());
    }

    private Bounds bounds() {
        BoundsMaker maker = new BoundsMaker(Precision.FP32);
        maker.addInputs(List.of(x));
        maker.add(runs, List.of(Tensor.ofFloats("y", new long[] {2, 2}, 2.001f, 4, 6, 8)));
        SortedMap<Precision, SortedMap<String, OutputBounds>> outputs = new TreeMap<>();
        outputs.put(Precision.FP32, maker.bounds(4, Set.of()));
        return new Bounds(
                MANIFEST.id(), 4, new TreeMap<>(Map.of(Precision.FP32, 1)), maker.inputs(new TreeMap<>()), outputs);
    }

    private TensorRequest request(Tensor input) {
        return new TensorRequest(
                MANIFEST.id(), bounds.hash(), Precision.FP32, List.of(input), List.of("y"), Bytes32.ZERO, new byte[16]);
    }

    private TolerantAuditor.Report audit(
            Receipt receipt, TensorRequest of, TensorAnswer answer, Level level, byte[] beacon) throws IOException {
        return new TolerantAuditor(MANIFEST, bounds, null, (precision, inputs, outputs) -> {
                    asked.addAll(outputs);
                    return runs;
                })
                .audit(receipt, of, answer, level, beacon);
    }

    private Step stepOf(Receipt receipt, TensorAnswer answer) throws IOException {
        TolerantAuditor.Report report = audit(receipt, request, answer, Level.FULL, null);
        return report.good() ? null : report.failure().step();
    }

    private Receipt signed(TensorAnswer answer) {
        return Receipt.of(request, answer, 2, 4, NODE);
    }

    private static TensorAnswer answer(Fingerprint engine, Tensor... outputs) {
        return new TensorAnswer(List.of(outputs), engine);
    }

    @Test
    void anHonestAnswerIsGood() throws IOException {
        TensorAnswer answer = new TensorAnswer(right, engine);
        assertNull(stepOf(signed(answer), answer));
        assertEquals(List.of("y"), asked);
        TensorAnswer near = answer(engine, Tensor.ofFloats("y", new long[] {2, 2}, 2.003f, 4, 6, 8));
        assertNull(stepOf(signed(near), near));
    }

    @Test
    void everyFalseAnswerIsMetWithItsReason() throws IOException {
        TensorAnswer good = new TensorAnswer(right, engine);
        TensorAnswer far = answer(engine, Tensor.ofFloats("y", new long[] {2, 2}, 2.1f, 4, 6, 8));
        assertEquals(Step.TOLERANCE, stepOf(signed(far), far));
        TensorAnswer others = answer(engine, Tensor.ofFloats("y", new long[] {1, 2}, 2, 4));
        assertEquals(Step.OUTPUT, stepOf(signed(others), others), "rows of another request");
        TensorAnswer infinite = answer(engine, Tensor.ofFloats("y", new long[] {2, 2}, 2, Float.NaN, 6, 8));
        assertEquals(Step.TOLERANCE, stepOf(signed(infinite), infinite));
        TensorAnswer half = answer(new Fingerprint("tensorrt", "10", "gpu", Precision.FP16, ""), right.getFirst());
        assertEquals(Step.ENGINE, stepOf(signed(half), half));
        TensorAnswer none = answer(engine);
        assertEquals(Step.OUTPUT, stepOf(signed(none), none));
        TensorAnswer named = answer(engine, right.getFirst().named("z"));
        assertEquals(Step.OUTPUT, stepOf(signed(named), named));
        TensorAnswer typed = answer(engine, Tensor.ofLongs("y", new long[] {2, 2}, 2, 4, 6, 8));
        assertEquals(Step.OUTPUT, stepOf(signed(typed), typed));
        // Receipts that do not belong to what is shown.
        assertEquals(Step.OUTPUT, stepOf(signed(far), good));
        assertEquals(Step.REQUEST, stepOf(Receipt.of(request, good, 1, 2, NODE), good));
        assertEquals(Step.REQUEST, stepOf(Receipt.of(request(x.named("x")), good, 3, 2, NODE), good));
        Receipt honest = signed(good);
        Receipt unsigned = new Receipt(
                honest.contractVersion(),
                honest.modelId(),
                honest.requestHash(),
                honest.outputHash(),
                honest.traceRoot(),
                honest.traceBytes(),
                honest.promptTokens(),
                honest.outputTokens(),
                honest.price() + 1,
                honest.node(),
                honest.signature());
        assertEquals(Step.SIGNATURE, stepOf(unsigned, good));
        Receipt exact = new Receipt(
                        1,
                        honest.modelId(),
                        honest.requestHash(),
                        honest.outputHash(),
                        honest.traceRoot(),
                        0,
                        2,
                        0,
                        4,
                        null,
                        null)
                .sign(NODE);
        assertEquals(Step.MODEL, stepOf(exact, good));
        Receipt otherEngine = new Receipt(
                        Receipt.TOLERANT,
                        honest.modelId(),
                        honest.requestHash(),
                        honest.outputHash(),
                        new byte[32],
                        0,
                        2,
                        0,
                        4,
                        null,
                        null)
                .sign(NODE);
        assertEquals(Step.ENGINE, stepOf(otherEngine, good));
    }

    /** Three of four answers at audited are never run again: their shapes are looked at all the same. */
    @Test
    void anAnswerOfAnotherShapeIsFalseThoughNobodyRunsItAgain() throws IOException {
        for (long[] shape : new long[][] {{4}, {2, 2, 1}, {1, 4}, {4, 1}, {0, 2}, {2, 3}, {}}) {
            int elements = 1;
            for (long size : shape) {
                elements *= (int) size;
            }
            TensorAnswer other = answer(engine, Tensor.ofFloats("y", shape, new float[elements]));
            TolerantAuditor.Report report = audit(signed(other), request, other, Level.SIGNED, null);
            assertFalse(report.good());
            assertEquals(Step.OUTPUT, report.failure().step());
            assertTrue(report.failure().toString().contains("where the model gives y FP32 [n, 2]"), report + "");
        }
        TensorAnswer right = new TensorAnswer(this.right, engine);
        assertTrue(audit(signed(right), request, right, Level.SIGNED, null).good());
    }

    @Test
    void whatCannotBeJudgedIsNoLie() {
        TensorAnswer good = new TensorAnswer(right, engine);
        TensorRequest otherBounds = new TensorRequest(
                MANIFEST.id(), new byte[32], Precision.FP32, List.of(x), List.of("y"), Bytes32.ZERO, new byte[16]);
        assertThrows(
                IllegalArgumentException.class,
                () -> audit(Receipt.of(otherBounds, good, 2, 4, NODE), otherBounds, good, Level.FULL, null));
        TensorRequest wrongInput = request(x.named("z"));
        assertThrows(
                IllegalArgumentException.class,
                () -> audit(Receipt.of(wrongInput, good, 1, 2, NODE), wrongInput, good, Level.FULL, null));
        assertThrows(
                IllegalArgumentException.class,
                () -> new TolerantAuditor(manifest("z"), bounds, null, (precision, inputs, outputs) -> runs));
    }

    @Test
    void oneInFourIsRunAgainAndTheBeaconDrawsWhich() throws IOException {
        TensorAnswer far = answer(engine, Tensor.ofFloats("y", new long[] {2, 2}, 9, 4, 6, 8));
        Random random = new Random(2);
        int caught = 0;
        for (int i = 0; i < 2000; i++) {
            byte[] beacon = new byte[32];
            random.nextBytes(beacon);
            TolerantAuditor.Report report = audit(signed(far), request, far, Level.AUDITED, beacon);
            assertEquals(report.isRunAgain(), !report.good());
            caught += report.good() ? 0 : 1;
        }
        assertTrue(caught > 440 && caught < 560, caught + " of 2000, seed 2");
        assertFalse(audit(signed(far), request, far, Level.SIGNED, new byte[32]).isRunAgain());
    }

    /** How far honest engines lie apart there nobody has looked. */
    @Test
    void inputsBeyondWhatItWasCalibratedWithAreNotJudged() throws IOException {
        TensorAnswer good = new TensorAnswer(right, engine);
        for (float beyond : new float[] {-1, 6, 100, Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY}) {
            TensorRequest wide = request(Tensor.ofFloats("x", new long[] {2, 2}, 1, 2, beyond, 4));
            Receipt receipt = Receipt.of(wide, good, 2, 4, NODE);
            String why = assertThrows(
                            IllegalArgumentException.class, () -> audit(receipt, wide, good, Level.FULL, null))
                    .getMessage();
            assertTrue(why.contains("\"x\" has " + (double) beyond + " at element 2"), why);
        }
        assertEquals(List.of(), asked);
        TensorRequest near = request(Tensor.ofFloats("x", new long[] {2, 2}, -0.5f, 5.5f, 3, 4));
        audit(Receipt.of(near, good, 2, 4, NODE), near, good, Level.FULL, null);
        assertEquals(List.of("y"), asked);
        Bounds read = Bounds.parse(bounds.text());
        assertEquals(bounds.text(), read.text());
        assertEquals(new InputRange(1, 4), read.inputs().get("x"));
    }
}
