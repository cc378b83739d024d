package io.plumbline.node.cli.ledger;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.node.full.Accuser;
import io.plumbline.verifier.audit.Evidence;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** {@code plumbline ledger accuse}. */
@Parameters(
        commandNames = "accuse",
        commandDescription = "Show the ledger what proves an answer false; its node loses its stake for it.")
public final class AccuseCommand extends SessionCommand {
    @Parameter(names = "--evidence", required = true, description = "FILE: as a full node keeps it")
    private Path evidence;

    @Override
    void run(LedgerClient ledger, KeyPair keys) throws IOException {
        byte[] bytes = Files.readAllBytes(evidence);
        Bytes32 request;
        try {
            request = Evidence.decode(bytes).receipt().requestHash();
        } catch (MalformedException e) {
            throw new IOException(evidence + " is no evidence of an exact answer: " + e.getMessage(), e);
        }
        String refusal = Accuser.handIn(ledger, request, bytes);
        if (refusal != null) {
            throw new IOException("The ledger does not find it proven: " + refusal + ".");
        }
        System.out.println("proven: the node of request " + request + " has lost its stake");
    }
}
