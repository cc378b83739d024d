package io.plumbline.node.cli;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import com.beust.jcommander.converters.PathConverter;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.inference.language.tokenizer.ChatTokenizer;
import io.plumbline.inference.tensor.TensorPackage;
import io.plumbline.node.full.TensorAudit;
import io.plumbline.node.network.Network;
import io.plumbline.node.network.Terminal;
import io.plumbline.verifier.audit.Evidence;
import io.plumbline.verifier.audit.Evidence.FalseProduct;
import io.plumbline.verifier.audit.Evidence.Finding;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.model.TensorSource;
import io.plumbline.verifier.receipt.Receipt;
import io.plumbline.verifier.tolerant.TolerantAuditor;
import io.plumbline.verifier.tolerant.TolerantEvidence;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;

/** {@code plumbline verify FILE}: whether an evidence file proves what it says, offline. */
@Parameters(commandNames = "verify", commandDescription = "Check offline whether an evidence file proves a node's lie.")
public final class VerifyCommand extends CommandOptions implements Callable<Integer> {
    /** Exit code when the file proves nothing. */
    private static final int NOT_PROVEN = 1;

    /** Exit code when the model is needed to tell. */
    private static final int NEEDS_MODEL = 3;

    @Parameter(
            description = "FILE: evidence, as a full node keeps it",
            required = true,
            converter = PathConverter.class)
    private Path file;

    @Parameter(
            names = "--model",
            description =
                    "DIR: imported model; needed for false texts, and for false products where the file does not hold the row")
    private Path model;

    @Parameter(names = "--network", description = "FILE: the network, where the request has facts of its ledger")
    private Path network;

    @Parameter(
            names = "--out",
            description = "FILE: write the evidence with the row that was given wrong, which needs no model any more")
    private Path out;

    @Override
    public Integer call() throws IOException {
        byte[] bytes = Files.readAllBytes(file);
        Evidence evidence;
        try {
            if (TolerantEvidence.is(bytes)) {
                return runAgain(TolerantEvidence.decode(bytes));
            }
            evidence = Evidence.decode(bytes);
        } catch (MalformedException e) {
            throw new IOException(file + " is not an evidence file: " + e.getMessage(), e);
        }
        if (model == null) {
            return report(evidence, evidence.check(null, null));
        }
        try (LoadedModel loaded = LoadedModel.open(model);
                ChatTokenizer tokenizer = ChatTokenizer.of(loaded.tokenFiles(), Network.trusted(network))) {
            if (!loaded.id().equals(evidence.manifest().id())) {
                throw new IOException(model + " is model " + loaded.id() + "; the evidence is about "
                        + evidence.manifest().id() + ".");
            }
            TensorSource weights = loaded::tensor;
            Finding finding = evidence.check(weights, tokenizer);
            if (out != null && finding.product() != null) {
                Files.write(out, evidence.with(finding.product(), weights).encode());
            }
            return report(evidence, finding);
        }
    }

    private static void head(Receipt receipt) {
        Terminal.print("node     " + receipt.node());
        Terminal.print("model    " + receipt.modelId());
        Terminal.print("receipt  " + receipt.hash());
    }

    /** An answer of a tensor model shows its lie to who runs the model. */
    private int runAgain(TolerantEvidence evidence) throws IOException {
        if (model == null) {
            throw new IOException("This evidence is about an ONNX model's answer: name the model with --model DIR.");
        }
        String foreign = evidence.foreign();
        if (foreign != null) {
            throw new IOException(
                    file + " is no evidence against node " + evidence.receipt().node() + ": " + foreign + ".");
        }
        TensorPackage judge = TensorPackage.open(model);
        if (!judge.manifest().id().equals(evidence.receipt().modelId())) {
            throw new IOException(model + " is model " + judge.manifest().id() + "; the evidence is about "
                    + evidence.receipt().modelId() + ".");
        }
        head(evidence.receipt());
        TolerantAuditor.Report report = TensorAudit.run(
                judge, evidence.receipt(), evidence.request(), evidence.answer(), Level.FULL, Network.trusted(network));
        Terminal.print("engine   " + evidence.answer().engine());
        if (report.good()) {
            Terminal.print("NOT PROVEN: run again on this host, the answer lies within the model's bounds");
            return NOT_PROVEN;
        }
        Terminal.print("proven   " + report.failure());
        return 0;
    }

    private int report(Evidence evidence, Finding finding) {
        head(evidence.receipt());
        if (finding.needsModel()) {
            Terminal.print("claimed  " + evidence.failure());
            Terminal.print("cannot tell without the model: name it with --model DIR");
            return NEEDS_MODEL;
        }
        if (finding.failure() == null) {
            Terminal.print("claimed  " + evidence.failure());
            Terminal.print("NOT PROVEN: everything that this file shows is as it should be");
            return NOT_PROVEN;
        }
        Terminal.print("proven   " + finding.failure());
        FalseProduct product = finding.product();
        if (product != null) {
            Terminal.print("         row " + product.row() + " of " + product.tensor() + " gives " + product.right()
                    + "; the node signed " + product.claimed());
        }
        if (out != null && product != null && model != null) {
            Terminal.print("written  " + out + ", which needs no model");
        }
        return 0;
    }
}
