package io.plumbline.client;

import com.fasterxml.jackson.databind.JsonNode;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.lightclient.SettlementProof;
import io.plumbline.verifier.receipt.Receipt;
import java.time.Duration;
import java.util.HexFormat;

/**
 * The receipt of an answer, and what became of it. {@link #receipt()} has the 256 bytes to keep ({@code encode()}); it
 * binds the node that signed it, and does not by itself show that the answer is right: audits do, and the settlement
 * says how they ended.
 *
 * <p>That the request hash stands for the messages and options that were sent, and the output hash for the text that
 * came, is checked before an answer is given out ({@link PlumblineClientBuilder#checkContent}). That the messages
 * became these prompt tokens, and the tokens this text, takes the model's tokenizer: auditors check it, and {@code
 * plumbline audit} does.
 */
public final class AnswerReceipt {
    private static final HexFormat HEX = HexFormat.of();

    private final Bytes32 requestHash;
    private final Receipt receipt;
    private final ReceiptTerms terms;
    private final SettlementWatch settlements;

    private AnswerReceipt(Bytes32 requestHash, Receipt receipt, ReceiptTerms terms, SettlementWatch settlements) {
        this.requestHash = requestHash;
        this.receipt = receipt;
        this.terms = terms;
        this.settlements = settlements;
    }

    /**
     * Reads and verifies what stands beside an answer.
     *
     * @param extension the answer's field {@code plumbline}.
     * @param terms that it is held to.
     * @throws VerificationException where it does not hold, or is not there.
     */
    static AnswerReceipt of(JsonNode extension, ReceiptTerms terms, SettlementWatch settlements) {
        AnswerReceipt read;
        try {
            read = new AnswerReceipt(
                    Bytes32.of(HEX.parseHex(extension.path("request_hash").asText())),
                    Receipt.decode(HEX.parseHex(extension.path("receipt").asText())),
                    terms,
                    settlements);
        } catch (IllegalArgumentException | MalformedException e) {
            throw new VerificationException(
                    "MALFORMED", "The answer has no receipt that can be read: " + e.getMessage(), e);
        }
        read.verify();
        return read;
    }

    /** 32 bytes that stand for the request: what the ledger knows it by. */
    public Bytes32 requestHash() {
        return requestHash;
    }

    /** The fields that the node has signed: model, request, output, counts, price. */
    public Receipt receipt() {
        return receipt;
    }

    /**
     * Checks, asking nobody, that the node named in it has signed it, that this is the node that was asked for, where
     * one was, that it names the model that the client was built with, where it was with one, and that it is for {@link
     * #requestHash()}. Answers are given out only with receipts that hold.
     *
     * @throws VerificationException named {@code SIGNATURE}, {@code NODE}, {@code MODEL} or {@code REQUEST}.
     */
    public void verify() {
        if (!receipt.signatureHolds()) {
            throw new VerificationException("SIGNATURE", "The receipt was not signed by the node it names.", null);
        }
        String node = receipt.node().toString();
        if (terms.node() != null && !terms.node().equalsIgnoreCase(node)) {
            throw new VerificationException(
                    "NODE", "Node " + node + " has signed the receipt, and " + terms.node() + " was asked for.", null);
        }
        if (terms.modelId() != null && !terms.modelId().equals(receipt.modelId())) {
            throw new VerificationException(
                    "MODEL",
                    "The receipt is for model " + receipt.modelId() + ", and " + terms.modelId() + " was meant.",
                    null);
        }
        if (!receipt.requestHash().equals(requestHash)) {
            throw new VerificationException("REQUEST", "The receipt is for another request.", null);
        }
    }

    /**
     * Waits until the ledger has closed the request, and checks block, signatures and proof offline, with the full
     * nodes' keys that the client was built with. The server is asked for the proof and trusted in nothing.
     *
     * @param timeout more than 0.
     * @return a settlement that is SETTLED, SLASHED or REFUNDED: callers look at its status. Its receipt is this one;
     *     null where the request was refunded and no receipt ordered. {@code entry().encode()} has the bytes for
     *     {@code plumbline receipt verify}.
     * @throws IllegalStateException where the client was built without a network.
     * @throws VerificationException where a proof does not hold, or, named {@code LEVEL}, the answer is audited less
     *     than was asked for.
     * @throws UnreachableException where no proof of a closed request came in time.
     * @throws ApiException where the server refuses to say.
     */
    public SettlementProof awaitSettlement(Duration timeout) {
        return settlements.await(requestHash, receipt, terms.level(), timeout);
    }
}
