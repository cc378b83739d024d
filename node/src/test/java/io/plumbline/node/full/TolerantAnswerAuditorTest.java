package io.plumbline.node.full;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.plumbline.inference.tensor.Calibration;
import io.plumbline.inference.tensor.RandomInputs;
import io.plumbline.inference.tensor.ShapeRanges;
import io.plumbline.inference.tensor.TensorJson;
import io.plumbline.inference.tensor.TensorPackage;
import io.plumbline.ledger.state.Settlement;
import io.plumbline.ledger.state.Settlement.Status;
import io.plumbline.node.client.NodeClient;
import io.plumbline.node.network.Deadline;
import io.plumbline.node.network.UnjudgeableException;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.audit.Step;
import io.plumbline.verifier.encoding.CanonicalWriter;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Receipt;
import io.plumbline.verifier.tensor.AnswerTooLargeException;
import io.plumbline.verifier.tensor.ElementType;
import io.plumbline.verifier.tensor.Fingerprint;
import io.plumbline.verifier.tensor.Precision;
import io.plumbline.verifier.tensor.Tensor;
import io.plumbline.verifier.tensor.TensorAnswer;
import io.plumbline.verifier.tensor.TensorRequest;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TolerantAnswerAuditorTest {
    private static final Path MODELS = Path.of("../models/plumbline-shapes");
    private static final KeyPair NODE = KeyPair.random();
    private static final long SECOND_NS = 1_000_000_000;

    @TempDir
    static Path folder;

    private static TensorPackage model;
    private static TolerantAnswerAuditor auditor;

    /** Left of the audit's time. */
    private final AtomicLong leftNs = new AtomicLong(40 * SECOND_NS);

    private final Deadline deadline = leftNs::get;

    @BeforeAll
    static void open() throws IOException {
        model = TensorPackage.importModel(MODELS.resolve("shapes.onnx"), folder.resolve("shapes"), share -> {});
        Calibration.Plan plan =
                new Calibration.Plan(List.of(TensorJson.read(MODELS.resolve("samples.json"))), 8, 1, List.of());
        model.keep(
                Calibration.run(model, model.precision(), ShapeRanges.none(), plan, Calibration.SAFETY, share -> {}));
        auditor = new TolerantAnswerAuditor(model, null, null);
    }

    @AfterAll
    static void close() {
        auditor.close();
    }

    private static TensorRequest request() throws IOException {
        List<Tensor> inputs = RandomInputs.of(model.manifest(), ShapeRanges.none(), 1, new Random(1));
        return new TensorRequest(
                model.manifest().id(),
                model.requireBounds().hash(),
                model.precision(),
                inputs,
                model.manifest().outputNames(),
                KeyPair.random().publicKey(),
                new byte[16]);
    }

    private static NodeClient.TensorDisclosed answered(List<Tensor> outputs) throws IOException {
        Precision precision = model.precision();
        return new NodeClient.TensorDisclosed(
                request(), new TensorAnswer(outputs, new Fingerprint("onnxruntime", "1", "cpu", precision, "")));
    }

    private static NodeClient.TensorDisclosed falseAnswer() throws IOException {
        List<Tensor> zeros = model.manifest().outputs().stream()
                .map(spec -> {
                    long[] shape = spec.shape();
                    for (int i = 0; i < shape.length; i++) {
                        shape[i] = Math.max(1, shape[i]);
                    }
                    int bytes = (int) Tensor.elements(spec.name(), shape)
                            * spec.type().bytes();
                    return new Tensor(spec.name(), spec.type(), shape, new byte[bytes]);
                })
                .toList();
        return answered(zeros);
    }

    private static Settlement ordered(NodeClient.TensorDisclosed signed) {
        Receipt receipt = Receipt.of(signed.request(), signed.answer(), 1, 1, NODE);
        return Settlement.decode(new CanonicalWriter()
                .putBytes32(receipt.requestHash())
                .putFixed(new byte[32])
                .putBytes32(NODE.publicKey())
                .putLong(1)
                .putLong(1)
                .putLong(0)
                .putLong(0)
                .putLong(0)
                .putInt(Level.FULL.ordinal())
                .putInt(Status.AUDITING.ordinal())
                .putBytes(receipt.encode())
                .putFixed(new byte[32])
                .putInt(1)
                .putFixed(new byte[32])
                .putInt(0)
                .putInt(0)
                .putInt(0)
                .putInt(0)
                .putLong(7_000)
                .putLong(1)
                .toBytes());
    }

    @Test
    void aFalseAnswerIsFound() throws IOException {
        NodeClient.TensorDisclosed lie = falseAnswer();
        AnswerAuditor.Finding finding = auditor.audit(ordered(lie), until -> lie, deadline);
        assertEquals(Step.TOLERANCE, finding.failure().step());
    }

    /** Else it would have its lies pass for answers that no auditor could judge, which costs it nothing. */
    @Test
    void aNodeThatDisclosesWhenNoTimeIsLeftToRunItsAnswerAgainIsSilent() throws IOException {
        NodeClient.TensorDisclosed lie = falseAnswer();
        IOException silence = assertThrows(
                IOException.class,
                () -> auditor.audit(
                        ordered(lie),
                        until -> {
                            pause(50);
                            leftNs.set(0);
                            return lie;
                        },
                        deadline));
        assertFalse(silence instanceof UnjudgeableException, silence.getMessage());
    }

    /** A model that takes longer than there is time is no fault of the node's. */
    @Test
    void timeThatTheRunTakesIsNotTheNodesSilence() throws IOException {
        NodeClient.TensorDisclosed lie = falseAnswer();
        assertThrows(
                UnjudgeableException.class, () -> auditor.audit(ordered(lie), until -> lie, () -> leftNs.getAndSet(0)));
    }

    @Test
    void anAuditThatHasWaitedForMemoryUntilNoTimeWasLeftAsksNoNode() throws IOException {
        NodeClient.TensorDisclosed lie = falseAnswer();
        leftNs.set(SECOND_NS);
        AtomicInteger asked = new AtomicInteger();
        assertThrows(
                UnjudgeableException.class,
                () -> auditor.audit(
                        ordered(lie),
                        until -> {
                            asked.incrementAndGet();
                            throw new IOException("it did not answer in time");
                        },
                        deadline));
        assertEquals(0, asked.get());
    }

    /** More elements than are compared do not hide what is seen without a comparison. */
    @Test
    void aFalseShapeIsFoundHoweverManyElementsItHas() throws IOException {
        int many = AnswerTooLargeException.MAX_ELEMENTS + 1;
        List<Tensor> outputs = model.manifest().outputNames().stream()
                .map(name -> new Tensor(name, ElementType.UINT8, new long[] {many}, new byte[many]))
                .limit(1)
                .toList();
        NodeClient.TensorDisclosed lie = answered(outputs);
        AnswerAuditor.Finding finding = auditor.audit(ordered(lie), until -> lie, deadline);
        assertEquals(Step.OUTPUT, finding.failure().step());
    }

    /** Each may have a hundred MiB: the audits of some nodes would fill the heap while they wait for each other. */
    @Test
    void whatWasDisclosedIsNotHeldWhileMemoryIsWaitedFor() throws Exception {
        AuditMemory memory = new AuditMemory(4L * (128 << 20));
        NodeClient.TensorDisclosed lie = falseAnswer();
        AtomicInteger asked = new AtomicInteger();
        AuditMemory.Share first = memory.take("another", 2L * (128 << 20), deadline);
        AuditMemory.Share second = memory.take("a third", 128 << 20, deadline);
        try (TolerantAnswerAuditor small = new TolerantAnswerAuditor(model, null, null, memory)) {
            Thread closing = new Thread(() -> {
                while (asked.get() == 0) {
                    pause(10);
                }
                pause(300);
                first.close();
            });
            closing.start();
            AnswerAuditor.Finding finding = small.audit(
                    ordered(lie),
                    until -> {
                        asked.incrementAndGet();
                        return lie;
                    },
                    deadline);
            closing.join();
            assertEquals(Step.TOLERANCE, finding.failure().step());
            assertEquals(2, asked.get());
        } finally {
            second.close();
        }
    }

    private static void pause(long ms) {
        try {
            Thread.sleep(ms);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
