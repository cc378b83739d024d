package io.plumbline.node.cli.ledger;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.state.Command;
import io.plumbline.node.cli.GivenReceipt;
import io.plumbline.node.full.Accuser;
import io.plumbline.verifier.audit.Evidence;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Receipt;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** {@code plumbline ledger accuse}. */
@Parameters(
        commandNames = "accuse",
        commandDescription = "Show the ledger what proves an answer false, or a second receipt for one request; its"
                + " node loses its stake for it.")
public final class AccuseCommand extends SessionCommand {
    @Parameter(names = "--evidence", description = "FILE: as a full node keeps it")
    private Path evidence;

    @Parameter(
            names = "--receipt",
            description = "RECEIPT that you were given, in hexadecimal or a file that holds it, where its node has"
                    + " handed another one in")
    private String receipt;

    @Override
    void run(LedgerClient ledger, KeyPair keys) throws IOException {
        if ((evidence == null) == (receipt == null)) {
            throw new IOException("Name what proves it: --evidence FILE, or --receipt RECEIPT where its node has"
                    + " handed another one in for the same request.");
        }
        if (receipt != null) {
            second(ledger, GivenReceipt.read(receipt));
            return;
        }
        byte[] bytes = Files.readAllBytes(evidence);
        Bytes32 request;
        try {
            request = Evidence.decode(bytes).receipt().requestHash();
        } catch (MalformedException e) {
            throw new IOException(evidence + " is no evidence of an exact answer: " + e.getMessage(), e);
        }
        showEvidence(ledger, request, bytes);
    }

    private static void second(LedgerClient ledger, Receipt given) throws IOException {
        LedgerClient.Outcome outcome = ledger.submit(new Command.ReportDoubleReceipt(given));
        proven(outcome.isApplied() ? null : outcome.reason(), given.requestHash());
    }

    private static void showEvidence(LedgerClient ledger, Bytes32 request, byte[] bytes) throws IOException {
        String refusal = Accuser.handIn(ledger, request, bytes);
        proven(refusal, request);
    }

    private static void proven(String refusal, Bytes32 request) throws IOException {
        if (refusal != null) {
            throw new IOException("The ledger does not find it proven: " + refusal + ".");
        }
        System.out.println("proven: the node of request " + request + " has lost its stake");
    }
}
