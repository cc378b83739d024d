package io.plumbline.node.cli.receipt;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import com.beust.jcommander.converters.PathConverter;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.node.cli.CommandOptions;
import io.plumbline.node.cli.GivenReceipt;
import io.plumbline.node.network.Network;
import io.plumbline.node.network.Terminal;
import io.plumbline.verifier.lightclient.Certificate;
import io.plumbline.verifier.lightclient.CertifiedEntry;
import io.plumbline.verifier.lightclient.CertifiedSettlement;
import io.plumbline.verifier.lightclient.ProofRefusedException;
import io.plumbline.verifier.lightclient.SettlementProof;
import io.plumbline.verifier.lightclient.TrustedLedger;
import io.plumbline.verifier.receipt.Receipt;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;

/** {@code plumbline receipt verify}. */
@Parameters(
        commandNames = "verify",
        commandDescription = "Check block, signatures and proof of an answer's settlement, asking nobody.")
public final class ReceiptVerifyCommand extends CommandOptions implements Callable<Integer> {
    private static final int FALSE = 1;

    @Parameter(
            description = "FILE: as the gateway gives it at /v1/receipts/REQUEST/proof",
            required = true,
            converter = PathConverter.class)
    private Path file;

    @Parameter(
            names = "--network",
            required = true,
            description = "FILE: the network, for its full nodes' keys: all that is trusted")
    private Path network;

    @Parameter(
            names = "--receipt",
            description = "RECEIPT that you were given, in hexadecimal or a file that holds it, to tell whether it is"
                    + " the one on the ledger")
    private String receipt;

    @Parameter(names = "--json", description = "print one JSON object")
    private boolean json;

    @Override
    public Integer call() throws IOException {
        TrustedLedger ledger = Network.trusted(network);
        try {
            SettlementProof proof = SettlementProof.check(Files.readAllBytes(file), ledger);
            show(proof.entry(), proof.settlement(), ledger);
            String other = receipt == null ? null : difference(GivenReceipt.read(receipt), proof.settlement());
            if (other != null) {
                Terminal.print("FALSE    " + other);
            }
            return other == null ? 0 : FALSE;
        } catch (ProofRefusedException e) {
            return refused(e);
        }
    }

    /** Where a receipt is not the settled one, for a person; null where it is. */
    private static String difference(Receipt given, CertifiedSettlement settled) {
        if (!given.requestHash().equals(settled.requestHash())) {
            return "the receipt that you hold is of another request, " + given.requestHash();
        }
        if (!given.signatureHolds() || !given.node().equals(settled.node())) {
            return "the receipt that you hold is not signed by the node of this request";
        }
        if (settled.receipt() == null) {
            return "the ledger took no receipt for this request";
        }
        String second = GivenReceipt.second(given, settled.receipt());
        boolean isThis = given.hash().equals(settled.receipt().hash());
        return second != null || isThis ? second : "the receipt on the ledger says the same under another signature";
    }

    private int refused(ProofRefusedException refused) throws IOException {
        switch (refused.check()) {
            case MALFORMED ->
                throw new IOException(file + " is no proof of the ledger's: " + refused.getMessage(), refused);
            case KIND, ABSENT -> Terminal.print("good     but " + refused.getMessage());
            case QUORUM, STATE, REQUEST -> Terminal.print("FALSE    " + refused.getMessage());
        }
        return FALSE;
    }

    private void show(CertifiedEntry entry, CertifiedSettlement settled, TrustedLedger ledger) {
        int full = ledger.fullNodes().size();
        int signed = entry.signers(ledger.genesisHash(), ledger.fullNodes());
        int liars = Certificate.mostLiars(full);
        if (json) {
            ObjectNode object = new ObjectMapper()
                    .createObjectNode()
                    .put("request", settled.requestHash().toString())
                    .put("status", settled.status().name())
                    .put("node", settled.node().toString())
                    .put("block", entry.header().number())
                    .put("signatures", signed)
                    .put("full_nodes", full)
                    .put("liars_tolerated", liars);
            if (settled.receipt() != null) {
                object.put("receipt", settled.receipt().hash().toString())
                        .put("price", settled.receipt().price());
            }
            Terminal.print(object);
            return;
        }
        Terminal.print("request  " + settled.requestHash());
        Terminal.print("node     " + settled.node());
        if (settled.receipt() != null) {
            Terminal.print("receipt  " + settled.receipt().hash() + ", price "
                    + settled.receipt().price());
        }
        Terminal.print(settled.status() + " in block " + entry.header().number() + ", signed by " + signed
                + " of "
                + full + " full nodes"
                + (liars == 0 ? "; so few tolerate no liar" : "; it holds if at most " + liars + " of them lie"));
    }
}
