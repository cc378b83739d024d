package io.plumbline.ledger.vectors;

import com.fasterxml.jackson.databind.JsonNode;
import io.plumbline.ledger.state.Genesis;
import io.plumbline.ledger.state.Settlement;
import io.plumbline.verifier.audit.Failure;
import io.plumbline.verifier.audit.ReceiptCheck;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.lightclient.CertifiedEntry;
import io.plumbline.verifier.lightclient.ProofRefusedException;
import io.plumbline.verifier.lightclient.SettlementProof;
import io.plumbline.verifier.lightclient.TrustedLedger;
import io.plumbline.verifier.receipt.Answer;
import io.plumbline.verifier.receipt.Receipt;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.tensor.TensorRequest;
import java.util.Arrays;

/** The Java verifier's word on one case of the vectors. */
final class JavaVerifier {
    private JavaVerifier() {}

    /** The failure's name, or what was decoded. */
    record Said(String failure, JsonNode accepted) {}

    private static byte[] bytes(JsonNode one, String field) {
        return one.has(field) ? VectorFile.bytes(one.get(field).asText()) : null;
    }

    static Said ofRequest(JsonNode one) {
        try {
            return new Said(null, RequestVectors.fields(Request.decode(bytes(one, "request"))));
        } catch (MalformedException e) {
            return new Said("MALFORMED", null);
        }
    }

    static Said ofAnswer(JsonNode one) {
        try {
            return new Said(null, AnswerVectors.fields(Answer.decode(bytes(one, "answer"))));
        } catch (MalformedException e) {
            return new Said("MALFORMED", null);
        }
    }

    static Said ofReceipt(JsonNode one) {
        try {
            Receipt receipt = Receipt.decode(bytes(one, "receipt"));
            String failure = failure(one, receipt);
            return failure == null ? new Said(null, ReceiptVectors.fields(receipt)) : new Said(failure, null);
        } catch (MalformedException e) {
            return new Said("MALFORMED", null);
        }
    }

    private static String failure(JsonNode one, Receipt receipt) {
        byte[] asked = bytes(one, "request");
        boolean isTensors = asked == null ? receipt.contractVersion() == Receipt.TOLERANT : TensorRequest.is(asked);
        Bytes32 askedModel = asked == null || !isTensors ? null : tensorModel(asked);
        Request request = asked == null || isTensors ? null : Request.decode(asked);
        byte[] given = bytes(one, "answer");
        Answer answer = given == null || isTensors ? null : Answer.decode(given);
        if (!receipt.signatureHolds()) {
            return "SIGNATURE";
        }
        if (isOther(one, "node", receipt.node().bytes())) {
            return "NODE";
        }
        if (isOther(one, "modelId", receipt.modelId().bytes())) {
            return "MODEL";
        }
        if (isTensors) {
            return tensorFailure(receipt, askedModel, asked, given);
        }
        Failure failure = ReceiptCheck.binding(receipt, request, answer);
        if (failure != null) {
            return failure.step().name();
        }
        return isOther(one, "requestHash", receipt.requestHash().bytes()) ? "REQUEST" : null;
    }

    private static Bytes32 tensorModel(byte[] asked) {
        CanonicalReader in = new CanonicalReader(asked, "request");
        in.getInt("magic");
        return in.getBytes32("model id");
    }

    private static String tensorFailure(Receipt receipt, Bytes32 modelId, byte[] asked, byte[] given) {
        if (receipt.contractVersion() != Receipt.TOLERANT || modelId != null && !modelId.equals(receipt.modelId())) {
            return "MODEL";
        }
        if (asked != null && !receipt.requestHash().equals(Bytes32.of(Blake3.hash(asked)))) {
            return "REQUEST";
        }
        return given != null && !Arrays.equals(receipt.outputHash(), Blake3.hash(given)) ? "OUTPUT" : null;
    }

    private static boolean isOther(JsonNode one, String field, byte[] found) {
        return one.has(field) && !Arrays.equals(bytes(one, field), found);
    }

    static Said ofProof(JsonNode one) {
        TrustedLedger ledger;
        try {
            ledger = TrustedLedger.ofGenesis(bytes(one.get("network"), "genesis"));
        } catch (RuntimeException e) {
            return new Said("NETWORK", null);
        }
        Genesis genesis = Genesis.decode(bytes(one.get("network"), "genesis"));
        if (!genesis.hash().equals(ledger.genesisHash())) {
            throw new AssertionError("the ledger and its verifier read another genesis");
        }
        try {
            SettlementProof proof = SettlementProof.check(bytes(one, "proof"), ledger);
            requireTheSame(proof);
            if (isOther(one, "requestHash", proof.settlement().requestHash().bytes())) {
                return new Said("REQUEST", null);
            }
            Receipt receipt = proof.settlement().receipt();
            if (isOther(one, "receipt", receipt == null ? new byte[0] : receipt.encode())) {
                return new Said("RECEIPT", null);
            }
            CertifiedEntry entry = proof.entry();
            int signatures = entry.certificate().count(ledger.genesisHash(), ledger.fullNodes(), entry.header());
            return new Said(null, ProofVectors.fields(entry, proof.settlement(), signatures));
        } catch (ProofRefusedException e) {
            return new Said(e.check().name(), null);
        }
    }

    /** The verifier must read the settlement as the ledger does, which has a decoder of its own. */
    private static void requireTheSame(SettlementProof proof) {
        Settlement settlement = Settlement.decode(proof.entry().value());
        if (!ProofVectors.fields(proof.entry(), proof.settlement(), 0)
                .equals(ProofVectors.fields(proof.entry(), settlement, 0))) {
            throw new AssertionError("the ledger and its verifier read another settlement");
        }
    }
}
