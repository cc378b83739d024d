package io.plumbline.ledger.vectors;

import static io.plumbline.ledger.vectors.Damage.flip;
import static io.plumbline.ledger.vectors.Damage.resize;
import static io.plumbline.ledger.vectors.People.NODE;
import static io.plumbline.ledger.vectors.People.OTHER_NODE;
import static io.plumbline.ledger.vectors.People.REQUESTER;
import static io.plumbline.ledger.vectors.People.fill;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.Answer;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Receipt;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.tensor.ElementType;
import io.plumbline.verifier.tensor.Fingerprint;
import io.plumbline.verifier.tensor.InputFact;
import io.plumbline.verifier.tensor.Precision;
import io.plumbline.verifier.tensor.Tensor;
import io.plumbline.verifier.tensor.TensorAnswer;
import io.plumbline.verifier.tensor.TensorRequest;
import java.math.BigInteger;
import java.util.List;

/** Receipts beside what a verifier knows of request, answer, node and model. */
final class ReceiptVectors {
    private static final Request ASKED = RequestVectors.asked(1);
    private static final Answer GIVEN = AnswerVectors.given();
    private static final long PRICE_PER_TOKEN = 10;

    /** The order of Ed25519's group. */
    private static final BigInteger ORDER =
            BigInteger.TWO.pow(252).add(new BigInteger("27742317777372353535851937790883648493"));

    private final VectorFile file = new VectorFile("receipts.json", "Receipts, and what a verifier knows beside them.");

    private ReceiptVectors() {}

    static VectorFile file() {
        ReceiptVectors vectors = new ReceiptVectors();
        vectors.addGood();
        vectors.addMalformed();
        vectors.addBadSignatures();
        vectors.addOthers();
        vectors.addStops();
        vectors.addTensors();
        return vectors.file;
    }

    /** The receipt of one answer to one request. */
    static Receipt receipt(Request request, Answer answer) {
        long tokens = request.promptTokens().length + answer.tokens().length;
        return Receipt.of(request, answer, fill(32, 0xD4), 99_328, PRICE_PER_TOKEN * tokens, NODE);
    }

    private static Receipt counting(int contract, int promptTokens, int outputTokens) {
        Receipt one = receipt(ASKED, GIVEN);
        return new Receipt(
                        contract,
                        one.modelId(),
                        one.requestHash(),
                        one.outputHash(),
                        one.traceRoot(),
                        one.traceBytes(),
                        promptTokens,
                        outputTokens,
                        one.price(),
                        null,
                        null)
                .sign(NODE);
    }

    private void addGood() {
        Receipt receipt = receipt(ASKED, GIVEN);
        good(file.add("alone"), receipt);
        good(known(file.add("with request, answer, node and model"), ASKED, GIVEN), receipt)
                .put("requestHash", VectorFile.hex(ASKED.hash().bytes()))
                .put("node", VectorFile.hex(NODE.publicKey().bytes()))
                .put("modelId", VectorFile.hex(RequestVectors.MODEL.bytes()));
        good(file.add("under version 2 of the contract"), counting(2, 3, 3));
        good(
                file.add("with the request's hash alone")
                        .put("requestHash", VectorFile.hex(ASKED.hash().bytes())),
                receipt);
        Answer cancelled = AnswerVectors.cancelled(1, 2, REQUESTER);
        good(known(file.add("of an answer that its requester ended"), ASKED, cancelled), receipt(ASKED, cancelled));
    }

    private void addMalformed() {
        byte[] bytes = receipt(ASKED, GIVEN).encode();
        bad("no bytes", new byte[0], "MALFORMED");
        bad("another magic", flip(bytes, 0), "MALFORMED");
        for (int length : new int[] {3, 4, 100, 192, 255}) {
            bad("cut off after " + length + " bytes", resize(bytes, length), "MALFORMED");
        }
        bad("a byte after its end", resize(bytes, 257), "MALFORMED");
        byte[] request = ASKED.encode();
        bad("a request that is cut off", bytes, "MALFORMED")
                .put("request", VectorFile.hex(resize(request, request.length - 1)));
        byte[] answer = GIVEN.encode();
        bad("an answer that is cut off", bytes, "MALFORMED")
                .put("answer", VectorFile.hex(resize(answer, answer.length - 1)));
    }

    private void addBadSignatures() {
        Receipt receipt = receipt(ASKED, GIVEN);
        byte[] bytes = receipt.encode();
        String[] fields = {
            "contract version", "model id", "request hash", "output hash", "trace root", "trace bytes",
            "prompt tokens", "output tokens", "price", "node key", "signature's R", "signature's S"
        };
        int[] offsets = {4, 8, 40, 72, 104, 136, 144, 148, 152, 160, 192, 224};
        for (int i = 0; i < fields.length; i++) {
            bad("a bit of the " + fields[i] + " changed", flip(bytes, offsets[i]), "SIGNATURE");
        }
        byte[] others = OTHER_NODE.sign(resize(bytes, 192));
        bad("signed by another key than it names", signed(bytes, others), "SIGNATURE");
        bad("a signature of zeros", signed(bytes, new byte[64]), "SIGNATURE");
        bad(
                "signed with the hash of what is to be signed",
                signed(bytes, NODE.sign(receipt.hash().bytes())),
                "SIGNATURE");
        byte[] s = littleEndian(new BigInteger(1, reversed(bytes, 224)).add(ORDER));
        byte[] beyond = bytes.clone();
        System.arraycopy(s, 0, beyond, 224, 32);
        bad("S beyond the group's order", beyond, "SIGNATURE");
        // R = A, the neutral point, and S = 0 fit every message where keys of small order are taken.
        byte[] neutral = new byte[32];
        neutral[0] = 1;
        byte[] small = bytes.clone();
        System.arraycopy(neutral, 0, small, 160, 32);
        byte[] signature = resize(neutral, 64);
        bad("a node key of small order", signed(small, signature), "SIGNATURE");
        byte[] wide = littleEndian(BigInteger.TWO.pow(255).subtract(BigInteger.valueOf(18)));
        byte[] notCanonical = bytes.clone();
        System.arraycopy(wide, 0, notCanonical, 160, 32);
        bad("a node key that is not in canonical form", signed(notCanonical, signature), "SIGNATURE");
    }

    private void addOthers() {
        Receipt receipt = receipt(ASKED, GIVEN);
        byte[] bytes = receipt.encode();
        bad("of another node than expected", bytes, "NODE")
                .put("node", VectorFile.hex(OTHER_NODE.publicKey().bytes()));
        bad("of another model than expected", bytes, "MODEL").put("modelId", VectorFile.hex(fill(32, 0xA2)));
        bad("under a contract that is not known", counting(3, 3, 3).encode(), "MODEL");
        bad("under no contract", counting(0, 3, 3).encode(), "MODEL");
        Request renewed = RequestVectors.asked(2);
        known(bad("for another request's nonce", bytes, "REQUEST"), renewed, null);
        bad("for another request's hash", bytes, "REQUEST")
                .put("requestHash", VectorFile.hex(renewed.hash().bytes()));
        known(
                bad(
                        "counting more prompt tokens than the request",
                        counting(1, 4, 3).encode(),
                        "REQUEST"),
                ASKED,
                null);
        Answer other = new Answer(GIVEN.tokens(), " a cat");
        known(bad("for another text", bytes, "OUTPUT"), ASKED, other);
        known(bad("for other tokens", bytes, "OUTPUT"), null, new Answer(new int[] {5, 8, 2}, GIVEN.text()));
        known(bad("counting fewer tokens than the answer", counting(1, 3, 2).encode(), "OUTPUT"), null, GIVEN);
    }

    private void addStops() {
        stop("an answer without tokens", new Answer(new int[0], ""));
        stop("an answer that goes on after a stop token", new Answer(new int[] {5, 7, 9}, " a"));
        stop("an answer of more tokens than asked for", new Answer(new int[13], ""));
        stop("a cancellation that the node signed", AnswerVectors.cancelled(1, 2, NODE));
        stop("a cancellation of another request", AnswerVectors.cancelled(2, 2, REQUESTER));
        stop("fewer tokens than the requester had when it cancelled", AnswerVectors.cancelled(1, 3, REQUESTER));
    }

    private void stop(String name, Answer answer) {
        known(bad(name, receipt(ASKED, answer).encode(), "STOP"), ASKED, answer);
    }

    private void addTensors() {
        Tensor tensor = new Tensor("x", ElementType.FP32, new long[] {1}, new byte[] {0, 0, (byte) 0x80, 0x3F});
        TensorRequest request = new TensorRequest(
                Bytes32.of(fill(32, 0xB1)),
                fill(32, 0xB2),
                Precision.FP32,
                List.of(tensor),
                List.of("x"),
                REQUESTER.publicKey(),
                fill(16, 9));
        TensorAnswer answer =
                new TensorAnswer(List.of(tensor), new Fingerprint("onnxruntime", "1.29.0", "cpu", Precision.FP32, ""));
        Receipt receipt = Receipt.of(request, answer, 1, PRICE_PER_TOKEN, NODE);
        String asked = VectorFile.hex(request.encode());
        String given = VectorFile.hex(answer.encode());
        good(file.add("of a tensor model's answer").put("request", asked).put("answer", given), receipt);
        TensorRequest told = new TensorRequest(
                request.modelId(),
                request.bounds(),
                Precision.FP32,
                List.of(tensor),
                List.of(new InputFact("x", 0, Bytes32.of(fill(32, 0xB3)), fill(5, 0xB4))),
                1_700_000_000,
                List.of("x"),
                REQUESTER.publicKey(),
                fill(16, 9));
        good(
                file.add("of a tensor model's answer about a fact")
                        .put("request", VectorFile.hex(told.encode()))
                        .put("answer", given),
                Receipt.of(told, answer, 1, PRICE_PER_TOKEN, NODE));
        bad("of another tensor request", receipt.encode(), "REQUEST").put("request", asked.replace("803f", "0040"));
        bad("of another tensor answer", receipt.encode(), "OUTPUT").put("answer", given.replace("803f", "0040"));
        byte[] others = Damage.replace(request.encode(), fill(32, 0xB1), fill(32, 0xB5));
        bad("naming another model than the tensor request", ofTensors(receipt, others), "MODEL")
                .put("request", VectorFile.hex(others));
        byte[] cut = resize(request.encode(), 35);
        bad("of a tensor request that ends within its model's id", ofTensors(receipt, cut), "MALFORMED")
                .put("request", VectorFile.hex(cut));
        known(bad("of a tensor model's answer to a language model's request", receipt.encode(), "MODEL"), ASKED, null);
        byte[] exact = receipt(ASKED, GIVEN).encode();
        bad("of a language model's answer to a tensor model's request", exact, "MODEL")
                .put("request", asked);
    }

    /** The same for other bytes of a request. */
    private static byte[] ofTensors(Receipt receipt, byte[] request) {
        return new Receipt(
                        receipt.contractVersion(),
                        receipt.modelId(),
                        Bytes32.of(Blake3.hash(request)),
                        receipt.outputHash(),
                        receipt.traceRoot(),
                        receipt.traceBytes(),
                        receipt.promptTokens(),
                        receipt.outputTokens(),
                        receipt.price(),
                        null,
                        null)
                .sign(NODE)
                .encode();
    }

    private static ObjectNode known(ObjectNode one, Request request, Answer answer) {
        if (request != null) {
            one.put("request", VectorFile.hex(request.encode()));
        }
        if (answer != null) {
            one.put("answer", VectorFile.hex(answer.encode()));
        }
        return one;
    }

    private static ObjectNode good(ObjectNode one, Receipt receipt) {
        one.put("receipt", VectorFile.hex(receipt.encode())).putObject("expect").set("accepted", fields(receipt));
        return one;
    }

    private ObjectNode bad(String name, byte[] receipt, String failure) {
        ObjectNode one = file.add(name).put("receipt", VectorFile.hex(receipt));
        one.putObject("expect").put("failure", failure);
        return one;
    }

    /** All fields, as docs/receipt.md names them, and the hash. */
    static ObjectNode fields(Receipt receipt) {
        return JsonNodeFactory.instance
                .objectNode()
                .put("contractVersion", receipt.contractVersion())
                .put("modelId", VectorFile.hex(receipt.modelId().bytes()))
                .put("requestHash", VectorFile.hex(receipt.requestHash().bytes()))
                .put("outputHash", VectorFile.hex(receipt.outputHash()))
                .put("traceRoot", VectorFile.hex(receipt.traceRoot()))
                .put("traceBytes", VectorFile.text(receipt.traceBytes()))
                .put("promptTokens", receipt.promptTokens())
                .put("outputTokens", receipt.outputTokens())
                .put("price", VectorFile.text(receipt.price()))
                .put("node", VectorFile.hex(receipt.node().bytes()))
                .put("signature", VectorFile.hex(receipt.signature()))
                .put("hash", VectorFile.hex(receipt.hash().bytes()));
    }

    private static byte[] signed(byte[] receipt, byte[] signature) {
        byte[] bytes = receipt.clone();
        System.arraycopy(signature, 0, bytes, Receipt.BYTES - KeyPair.SIGNATURE_BYTES, KeyPair.SIGNATURE_BYTES);
        return bytes;
    }

    private static byte[] reversed(byte[] bytes, int at) {
        byte[] reversed = new byte[32];
        for (int i = 0; i < 32; i++) {
            reversed[i] = bytes[at + 31 - i];
        }
        return reversed;
    }

    private static byte[] littleEndian(BigInteger number) {
        byte[] bytes = new byte[32];
        for (int i = 0; i < 32; i++) {
            bytes[i] = number.shiftRight(8 * i).byteValue();
        }
        return bytes;
    }
}
