package io.plumbline.verifier.tolerant;

import io.plumbline.verifier.audit.Failure;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.audit.Step;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.lightclient.TrustedLedger;
import io.plumbline.verifier.receipt.Receipt;
import io.plumbline.verifier.tensor.Fingerprint;
import io.plumbline.verifier.tensor.Precision;
import io.plumbline.verifier.tensor.Tensor;
import io.plumbline.verifier.tensor.TensorAnswer;
import io.plumbline.verifier.tensor.TensorManifest;
import io.plumbline.verifier.tensor.TensorRequest;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.util.Arrays;
import java.util.List;

/**
 * Judges answers of a tensor model: what receipt, request and answer show, and, where the answer is sampled, by
 * running the request again and comparing within the model's bounds. Tolerance is not exactness: a cheat that stays
 * within what honest engines differ by is not caught, see docs/tolerant.md.
 */
public final class TolerantAuditor {
    /** At {@link Level#AUDITED} one answer in so many is run again. */
    public static final int SAMPLED_ONE_IN = 4;

    private final TensorManifest manifest;
    private final Bounds bounds;
    private final byte[] boundsHash;
    private final Reference reference;
    private final TrustedLedger ledger;

    /** Runs a model on the auditor's own host. */
    @FunctionalInterface
    public interface Reference {
        /** Runs of the named outputs, in that order, to judge an answer of this precision by. */
        HonestRuns run(Precision precision, List<Tensor> inputs, List<String> outputs) throws IOException;
    }

    /**
     * What came of an audit.
     *
     * @param isRunAgain whether the answer was sampled and its inputs were run again.
     * @param elements of outputs that were compared.
     * @param cpuNanos of this process while it was run again.
     * @param failure the first one, or null when the answer is good.
     */
    public record Report(boolean isRunAgain, long elements, long cpuNanos, Failure failure) {
        public boolean good() {
            return failure == null;
        }

        /** Whether only those who know the ledger see that it is not good: evidence does not name one. */
        public boolean needsLedger() {
            return failure != null && failure.step() == Step.INPUTS;
        }
    }

    /**
     * @param ledger that inputs which are facts are proven by; null where none is known, and such requests cannot be
     *     judged.
     */
    public TolerantAuditor(TensorManifest manifest, Bounds bounds, TrustedLedger ledger, Reference reference) {
        if (!manifest.id().equals(bounds.modelId())) {
            throw new IllegalArgumentException("The bounds belong to another model. Calibrate this one.");
        }
        this.manifest = manifest;
        this.bounds = bounds;
        this.boundsHash = bounds.hash();
        this.reference = reference;
        this.ledger = ledger;
    }

    /** Whether an answer with this beacon is run again. Nobody knows the beacon before the receipt is ordered. */
    public static boolean isSampled(Level level, byte[] beacon) {
        return switch (level) {
            case SIGNED -> false;
            case AUDITED -> beacon == null || (beacon[0] & 0xFF) % SAMPLED_ONE_IN == 0;
            case FULL, REPLAYED -> true;
        };
    }

    /**
     * What receipt, request and answer show by themselves.
     *
     * @return null when all of it holds.
     */
    public static Failure checkReceipt(
            Receipt receipt, TensorRequest request, TensorAnswer answer, TensorManifest manifest) {
        Fingerprint engine = answer.engine();
        if (receipt.contractVersion() != Receipt.TOLERANT) {
            return Failure.of(Step.MODEL, "the receipt is for exact inference, the model is a tensor model");
        }
        if (!receipt.signatureHolds()) {
            return Failure.of(Step.SIGNATURE, "the receipt's signature does not hold");
        }
        if (!receipt.requestHash().equals(request.hash())
                || receipt.promptTokens() != manifest.rows(request.inputs())) {
            return Failure.of(Step.REQUEST, "the receipt is for another request, or for another number of rows");
        }
        Bytes32 modelId = manifest.id();
        if (!receipt.modelId().equals(modelId) || !request.modelId().equals(modelId)) {
            return Failure.of(Step.MODEL, "the receipt names another model");
        }
        if (!Arrays.equals(receipt.outputHash(), answer.hash())) {
            return Failure.of(Step.OUTPUT, "the output hash does not cover this answer");
        }
        if (!Arrays.equals(receipt.traceRoot(), engine.hash()) || engine.precision() != request.precision()) {
            return Failure.of(
                    Step.ENGINE,
                    "computed in " + engine.precision() + " where " + request.precision() + " was asked for");
        }
        List<String> names = answer.outputs().stream().map(Tensor::name).toList();
        if (!names.equals(request.outputs())) {
            return Failure.of(Step.OUTPUT, "outputs " + names + " where " + request.outputs() + " were asked for");
        }
        for (Tensor output : answer.outputs()) {
            String mismatch = manifest.mismatch(output, request.inputs());
            if (mismatch != null) {
                return Failure.of(Step.OUTPUT, mismatch);
            }
        }
        return null;
    }

    /**
     * Audits one answer.
     *
     * @param beacon that draws whether it is run again; null where one auditor decides for itself to run it.
     * @throws IOException where the model cannot be run on these inputs: then nothing is proven.
     * @throws IllegalArgumentException where the request names other bounds than this auditor has, or inputs that the
     *     model does not take or was not calibrated with: nothing is proven then either.
     * @throws IllegalStateException where the request has facts, and no ledger is known.
     */
    public Report audit(Receipt receipt, TensorRequest request, TensorAnswer answer, Level level, byte[] beacon)
            throws IOException {
        Failure failure = checkReceipt(receipt, request, answer, manifest);
        if (failure == null) {
            failure = FactInputs.check(request, ledger);
        }
        if (failure != null) {
            return new Report(false, 0, 0, failure);
        }
        if (!isSampled(level, beacon)) {
            return new Report(false, 0, 0, null);
        }
        if (!Arrays.equals(request.bounds(), boundsHash)) {
            throw new IllegalArgumentException("The request names other bounds than this auditor has for the model.");
        }
        manifest.checkInputs(request.inputs());
        bounds.checkInputs(request.inputs());
        long begin = cpuNanos();
        bounds.at(request.precision());
        HonestRuns again = reference.run(request.precision(), request.inputs(), request.outputs());
        Bounds.Excess excess = bounds.exceeded(request.precision(), again, answer.outputs());
        long elements = 0;
        for (Tensor output : again.reference()) {
            elements += output.elements();
        }
        Failure outside = excess == null
                ? null
                : Failure.of(Step.TOLERANCE, "output \"" + excess.output() + "\": " + excess.reason());
        return new Report(true, elements, cpuNanos() - begin, outside);
    }

    private static long cpuNanos() {
        return ManagementFactory.getOperatingSystemMXBean() instanceof com.sun.management.OperatingSystemMXBean system
                ? system.getProcessCpuTime()
                : System.nanoTime();
    }
}
