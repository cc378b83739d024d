package io.plumbline.ledger.state;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import io.plumbline.verifier.audit.AnswerView;
import io.plumbline.verifier.audit.Cell;
import io.plumbline.verifier.audit.Evidence;
import io.plumbline.verifier.audit.Exhibit;
import io.plumbline.verifier.audit.Failure;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.audit.OpeningLayout;
import io.plumbline.verifier.audit.Seal;
import io.plumbline.verifier.audit.Step;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.blake3.ChainingValues;
import io.plumbline.verifier.encoding.CanonicalWriter;
import io.plumbline.verifier.model.Architecture;
import io.plumbline.verifier.model.DeltaRule;
import io.plumbline.verifier.model.HeadShape;
import io.plumbline.verifier.model.Manifest;
import io.plumbline.verifier.model.ModelConfig;
import io.plumbline.verifier.model.SmallTensors;
import io.plumbline.verifier.model.TensorNames;
import io.plumbline.verifier.numerics.Rope;
import io.plumbline.verifier.receipt.Answer;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Receipt;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.receipt.Sampling;
import io.plumbline.verifier.trace.TraceLayout;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.util.Arrays;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Evidence is checked by every full node on the thread that applies commands, and anybody may sign some against
 * himself: a few kilobytes about a model of whatever size must not take a full node's memory.
 */
class EvidenceMemoryTest {
    /** Almost as many chunks as a trace may have: just below 2^31. */
    private static final long CHUNKS = Integer.MAX_VALUE - 1L;

    /** Most bytes of evidence. */
    private static final int LARGE = 16 << 20;

    /** Almost as many bytes as a request may have. */
    private static final int REQUEST = Request.MAX_BYTES - 1_024;

    private static final KeyPair KEYS = KeyPair.random();

    private static final Manifest SMALL = new Manifest(
            new ModelConfig(4_096, 4_096, 1, 1, 2, 1, 16, 65_536, 1e-5f, Rope.plain(10_000), false, false),
            new TreeMap<>(),
            new TreeMap<>());

    private static byte[] evidence(boolean ofFirstLayer) {
        KeyPair keys = KeyPair.random();
        int vocab = ofFirstLayer ? 4_161_500 : 16;
        ModelConfig config =
                new ModelConfig(132_104, 4_096, 1, 1, 2, 1, vocab, 65_536, 1e-5f, Rope.plain(10_000), false, false);
        byte[] nothing = Blake3.hash(new byte[0]);
        SortedMap<String, Manifest.Tensor> tensors = new TreeMap<>();
        SortedMap<String, byte[]> small = new TreeMap<>();
        for (String name : ofFirstLayer ? SmallTensors.names(config, 0) : SmallTensors.lastNames()) {
            tensors.put(name, new Manifest.Tensor("F32", new int[] {1}, nothing));
            small.put(name, new byte[0]);
        }
        tensors.put(TensorNames.EMBEDDING, new Manifest.Tensor("F32", new int[] {vocab, config.hidden()}, nothing));
        Manifest manifest = new Manifest(config, new TreeMap<>(), tensors);
        TraceLayout layout = new TraceLayout(config);
        int length = (int) (CHUNKS * 1024 / layout.stepBytes());
        int[] prompt = new int[length];
        prompt[length - 1] = vocab - 1;
        Request request = new Request(
                manifest.id(),
                "",
                0,
                prompt,
                Sampling.GREEDY,
                1,
                new int[0],
                List.of(),
                keys.publicKey(),
                new byte[16]);
        Answer answer = new Answer(new int[] {0}, "");
        Receipt receipt =
                Receipt.of(request, answer, new byte[32], layout.traceBytes(TraceLayout.tokens(length, 1)), 1, keys);
        Cell cell = new Cell(ofFirstLayer ? 0 : config.layers(), length - 2, length);
        Seal seal = Seal.sign(receipt.hash().bytes(), cell, 1, new byte[(1 + cell.tokens()) * 32], keys);
        return new Evidence(
                        receipt,
                        request,
                        answer,
                        Failure.of(Step.OPENING, "its size"),
                        new Exhibit(seal, new byte[0], -1, new byte[0]),
                        new SmallTensors(manifest, small),
                        null)
                .encode();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aFewKilobytesAboutAModelOfAnySizeCostLittle(boolean ofFirstLayer) throws Exception {
        byte[] encoded = evidence(ofFirstLayer);
        assertTrue(encoded.length < 16 << 10, encoded.length + " bytes");
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long before = threads.getCurrentThreadAllocatedBytes();
        Evidence.Finding finding = Evidence.decode(encoded).check(null, null);
        long allocated = threads.getCurrentThreadAllocatedBytes() - before;
        assertNotNull(finding.failure(), "the node has signed an opening of a wrong size");
        assertTrue(allocated < 64 << 20, allocated + " bytes for evidence of " + encoded.length);
    }

    /** Heads that fill a matrix as wide as there may be, in layers without keys, beside a layer of one head of two. */
    private static ModelConfig narrowBesideWide(int heads, int dim) {
        return new ModelConfig(
                2,
                2,
                heads,
                heads,
                dim,
                1,
                2,
                65_536,
                1e-5f,
                Rope.plain(10_000),
                false,
                false,
                new Architecture.Builder()
                        .window(65_536)
                        .localHeads(new HeadShape(1, 2))
                        .delta(new DeltaRule(1, 1, 2, 2, 2))
                        .attention("Dw")
                        .build());
    }

    private static SortedMap<String, byte[]> zeros(
            ModelConfig config, String dtype, SortedMap<String, Manifest.Tensor> tensors) {
        SortedMap<String, byte[]> small = new TreeMap<>();
        int each = dtype.equals("F32") ? 4 : 1;
        TensorNames.norms(config, 1).forEach(name -> small.put(name, new byte[each * config.hidden()]));
        TensorNames.of(config, 1)
                .forEach(matrix -> small.put(matrix.scale(1), new byte[each * matrix.rows(config, 1)]));
        small.forEach((name, bytes) -> {
            int size = bytes.length / each;
            int[] shape = name.endsWith("_scale") ? new int[] {size, 1} : new int[] {size};
            tensors.put(name, new Manifest.Tensor(dtype, shape, Blake3.hash(bytes)));
        });
        return small;
    }

    /** Evidence about keys of the narrow layer, whose tensors have this type. */
    private static Evidence ofKeys(ModelConfig config, String dtype) {
        SortedMap<String, Manifest.Tensor> tensors = new TreeMap<>();
        SortedMap<String, byte[]> small = zeros(config, dtype, tensors);
        Manifest manifest = new Manifest(config, new TreeMap<>(), tensors);
        int[] prompt = new int[500];
        Answer answer = new Answer(new int[] {0}, "");
        Request request = new Request(
                manifest.id(),
                "",
                0,
                prompt,
                Sampling.GREEDY,
                1,
                new int[0],
                List.of(),
                KEYS.publicKey(),
                new byte[16]);
        AnswerView view = new AnswerView(manifest, KEYS.publicKey(), prompt, answer.tokens());
        byte[] trace = Arrays.copyOf(view.layout().header(manifest.id(), request.hash(), prompt.length), (int)
                view.layout().traceBytes(prompt.length));
        ChainingValues tree = ChainingValues.of(view.traceKey(), MemorySegment.ofArray(trace));
        Receipt receipt = Receipt.of(config.contractVersion(), request, answer, tree.root(), trace.length, 1, KEYS);
        Cell cell = new Cell(1, prompt.length - 1, prompt.length);
        OpeningLayout layout = OpeningLayout.of(view, cell);
        byte[] proof = layout.slice()
                .cut(tree, (from, target, at, length) -> System.arraycopy(trace, (int) from, target, at, length));
        byte[] hashes = Arrays.copyOf(Blake3.hash(proof), 2 * Blake3.HASH_BYTES);
        Seal seal = Seal.sign(receipt.hash().bytes(), cell, layout.bytes(), hashes, KEYS);
        return new Evidence(
                receipt,
                request,
                answer,
                Failure.of(Step.KV_ROWS, "keys"),
                new Exhibit(seal, proof, -1, new byte[0]),
                new SmallTensors(manifest, small),
                null);
    }

    /** Keys of a layer take what they have, whatever heads there are in others that are not looked at. */
    @ParameterizedTest
    @CsvSource({"256, 512", "65536, 2"})
    void keysOfAnyShapeCostASmallMultipleOfThemselves(int heads, int dim) {
        Evidence evidence = ofKeys(narrowBesideWide(heads, dim), "F32");
        byte[] encoded = evidence.encode();
        Settlement one = settlement(evidence.receipt());
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long before = threads.getCurrentThreadAllocatedBytes();
        String refusal = EvidenceRule.refusal(one, encoded);
        long allocated = threads.getCurrentThreadAllocatedBytes() - before;
        assertEquals("everything that the evidence shows is as it should be", refusal);
        assertTrue(allocated < 48L << 20, allocated + " bytes for evidence of " + encoded.length);
    }

    /** A refusal's words are in snapshots, which all full nodes state to be the same. */
    @Test
    void aRefusalSaysTheSameEverywhere() {
        Evidence evidence = ofKeys(narrowBesideWide(2, 2), "I8");
        Settlement one = settlement(evidence.receipt());
        String refusal = EvidenceRule.refusal(one, evidence.encode());
        assertNotNull(refusal);
        assertEquals(refusal, EvidenceRule.refusal(one, evidence.encode()));
    }

    /** A receipt that is the right one, and about it whatever else. */
    private static byte[] about(Receipt receipt, UnaryOperator<String> manifest, byte[] request, byte[] rest) {
        String text = manifest.apply(SMALL.text());
        return new CanonicalWriter(LARGE + LARGE / 8)
                .putText("plumbline evidence 1")
                .putText(text)
                .putBytes(receipt.encode())
                .putBytes(request)
                .putFixed(rest)
                .toBytes();
    }

    private static Request request(String messages, int[] prompt, int[] stops) {
        return new Request(
                SMALL.id(), messages, 0, prompt, Sampling.GREEDY, 1, stops, List.of(), KEYS.publicKey(), new byte[16]);
    }

    /** Of an answer, and all that follows it. */
    private static byte[] rest(byte[] answer, String step, String detail, int tensors, byte[] encodedTensors) {
        return new CanonicalWriter(LARGE + LARGE / 8)
                .putBytes(answer)
                .putText(step)
                .putInt(-1)
                .putInt(-1)
                .putText(detail)
                .putInt(0)
                .putInt(tensors)
                .putFixed(encodedTensors)
                .putInt(0)
                .toBytes();
    }

    private static byte[] manyTensors(int count) {
        CanonicalWriter out = new CanonicalWriter(LARGE + LARGE / 8);
        for (int i = 0; i < count; i++) {
            out.putText(Integer.toString(i, 36)).putBytes(new byte[0]);
        }
        return out.toBytes();
    }

    static List<Arguments> shapes() {
        int[] one = {1};
        byte[] plain = request("", one, new int[0]).encode();
        byte[] answer = new Answer(one, "").encode();
        byte[] end = rest(answer, "STOP", "", 0, new byte[0]);
        String hash = "0".repeat(64);
        UnaryOperator<String> same = UnaryOperator.identity();
        return List.of(
                shape(
                        "a tensor of dimensions",
                        text -> text + "tensor a F32 1" + "x1".repeat(LARGE / 2) + " " + hash + "\n",
                        plain,
                        end),
                shape("lines", text -> text + "\n".repeat(LARGE), plain, end),
                shape("words", text -> text + "file a " + hash + " ".repeat(LARGE) + "\n", plain, end),
                shape("a line", text -> text + "file " + "a".repeat(LARGE) + " " + hash + "\n", plain, end),
                shape(
                        "configuration",
                        text -> text.replace("config ", "config " + "a=b ".repeat(LARGE / 4)),
                        plain,
                        end),
                shape(
                        "lines of dimensions",
                        text -> text + ("tensor a F32 1" + "x1".repeat(8_000) + " " + hash + "\n").repeat(500),
                        plain,
                        end),
                shape(
                        "a configuration at its bound",
                        text -> text.replace("config ", "config " + "a=b ".repeat(4_000)),
                        plain,
                        end),
                shape("lines at their bound", text -> text + ("file a " + hash + "\n").repeat(60_000), plain, end),
                shape(
                        "messages",
                        same,
                        request("a".repeat(REQUEST), one, new int[0]).encode(),
                        end),
                shape(
                        "a prompt",
                        same,
                        request("", new int[REQUEST / 4], new int[0]).encode(),
                        end),
                shape(
                        "stop tokens",
                        same,
                        request("", one, IntStream.range(0, REQUEST / 4).toArray())
                                .encode(),
                        end),
                shape(
                        "tokens",
                        same,
                        plain,
                        rest(new Answer(new int[LARGE / 4], "").encode(), "STOP", "", 0, new byte[0])),
                shape(
                        "a text",
                        same,
                        plain,
                        rest(new Answer(one, "a".repeat(LARGE)).encode(), "STOP", "", 0, new byte[0])),
                shape("a step", same, plain, rest(answer, "S".repeat(LARGE), "", 0, new byte[0])),
                shape("words of what is false", same, plain, rest(answer, "STOP", "a".repeat(LARGE), 0, new byte[0])),
                shape("tensors", same, plain, rest(answer, "STOP", "", LARGE / 13, manyTensors(LARGE / 13))),
                shape(
                        "a tensor",
                        same,
                        plain,
                        rest(
                                answer,
                                "STOP",
                                "",
                                1,
                                new CanonicalWriter(LARGE + 64)
                                        .putText("a")
                                        .putBytes(new byte[LARGE])
                                        .toBytes())));
    }

    private static Arguments shape(String name, UnaryOperator<String> manifest, byte[] request, byte[] rest) {
        return Arguments.of(Named.of(name, new Shape(manifest, request, rest)));
    }

    /** Kept apart until they are used: together they would fill the heap of a test. */
    private record Shape(UnaryOperator<String> manifest, byte[] request, byte[] rest) {}

    @ParameterizedTest
    @MethodSource("shapes")
    void mebibytesOfAnyShapeCostASmallMultipleOfThemselves(Shape shape) {
        Receipt receipt = Receipt.of(
                request("", new int[] {1}, new int[0]), new Answer(new int[] {1}, ""), new byte[32], 1, 1, KEYS);
        byte[] encoded = about(receipt, shape.manifest(), shape.request(), shape.rest());
        Settlement one = settlement(receipt);
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long before = threads.getCurrentThreadAllocatedBytes();
        String refusal = EvidenceRule.refusal(one, encoded);
        long allocated = threads.getCurrentThreadAllocatedBytes() - before;
        assertTrue(refusal == null || refusal.length() < 1_000, "a refusal quotes what it refuses");
        // All that is allocated, copies that come after each other: less than half of it is there at a time.
        assertTrue(allocated < 12L * LARGE, allocated + " bytes for evidence of " + encoded.length + ": " + refusal);
    }

    @Test
    void evidenceAboutAnotherReceiptIsNotRead() {
        Request asked = request("", new int[] {1}, new int[0]);
        Answer given = new Answer(new int[] {1}, "");
        Receipt receipt = Receipt.of(asked, given, new byte[32], 1, 1, KEYS);
        Receipt other = Receipt.of(asked, given, new byte[32], 2, 1, KEYS);
        byte[] end = rest(given.encode(), "STOP", "", 0, new byte[0]);
        byte[] encoded = about(other, text -> text + "a".repeat(LARGE / 2), asked.encode(), end);
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long before = threads.getCurrentThreadAllocatedBytes();
        String refusal = EvidenceRule.refusal(settlement(receipt), encoded);
        long allocated = threads.getCurrentThreadAllocatedBytes() - before;
        assertEquals("the evidence is about another receipt than the one that was ordered", refusal);
        assertTrue(allocated < 1 << 20, allocated + " bytes");
    }

    private static Settlement settlement(Receipt receipt) {
        return new Settlement(
                receipt.requestHash(),
                KEYS.publicKey(),
                receipt.node(),
                1,
                1,
                0,
                0,
                0,
                Level.AUDITED,
                Settlement.Status.SETTLED,
                receipt,
                null,
                1);
    }
}
