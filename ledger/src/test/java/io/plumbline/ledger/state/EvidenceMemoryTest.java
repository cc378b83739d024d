package io.plumbline.ledger.state;

import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import io.plumbline.verifier.audit.Cell;
import io.plumbline.verifier.audit.Evidence;
import io.plumbline.verifier.audit.Exhibit;
import io.plumbline.verifier.audit.Failure;
import io.plumbline.verifier.audit.Seal;
import io.plumbline.verifier.audit.Step;
import io.plumbline.verifier.blake3.Blake3;
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
import java.lang.management.ManagementFactory;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Evidence is checked by every full node on the thread that applies commands, and anybody may sign some against
 * himself: a few kilobytes about a model of whatever size must not take a full node's memory.
 */
class EvidenceMemoryTest {
    /** Almost as many chunks as a trace may have: just below 2^31. */
    private static final long CHUNKS = Integer.MAX_VALUE - 1L;

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
}
