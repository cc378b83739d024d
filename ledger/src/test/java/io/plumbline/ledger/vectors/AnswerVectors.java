package io.plumbline.ledger.vectors;

import static io.plumbline.ledger.vectors.Damage.putInt;
import static io.plumbline.ledger.vectors.Damage.resize;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.Answer;
import io.plumbline.verifier.receipt.Cancellation;
import io.plumbline.verifier.receipt.KeyPair;

/** Answers of language models: what they hash to, and what is none. */
final class AnswerVectors {
    private static final int[] TOKENS = {5, 9, 2};

    private AnswerVectors() {}

    /** An answer to {@link RequestVectors#asked} that ends with a stop token. */
    static Answer given() {
        return new Answer(TOKENS, " a fox");
    }

    /** One that its requester has ended after this many tokens, as somebody signed for request {@code nonce}. */
    static Answer cancelled(int nonce, int delivered, KeyPair signer) {
        Bytes32 request = RequestVectors.asked(nonce).hash();
        return new Answer(new int[] {5, 9}, " a", Cancellation.of(request, delivered, signer));
    }

    static VectorFile file() {
        VectorFile file = new VectorFile("answers.json", "Answers of language models: decode and hash.");
        Answer cancelled = cancelled(1, 2, People.REQUESTER);
        good(file, "ended by a stop token", given());
        good(file, "ended by its requester", cancelled);
        good(file, "no tokens and no text", new Answer(new int[0], ""));
        good(file, "negative token ids are decoded as they stand", new Answer(new int[] {-1}, "\uFEFF\ud83d\ude42"));
        byte[] bytes = given().encode();
        byte[] ended = cancelled.encode();
        bad(file, "no bytes", new byte[0]);
        bad(file, "cut off within its tokens", resize(bytes, 7));
        bad(file, "cut off before its end", resize(bytes, bytes.length - 1));
        bad(file, "a byte after its end", resize(bytes, bytes.length + 1));
        bad(file, "a negative number of tokens", putInt(bytes, 0, -1));
        bad(file, "more tokens than bytes", putInt(bytes, 0, 1 << 30));
        bad(file, "a text of a negative length", putInt(bytes, 16, -1));
        bad(file, "a text longer than all bytes", putInt(bytes, 16, 1 << 20));
        byte[] text = bytes.clone();
        text[20] = (byte) 0xC0;
        bad(file, "a text that is not UTF-8", text);
        bad(file, "neither cancelled nor not", putInt(bytes, bytes.length - 4, 2));
        bad(file, "cancelled without a signature", putInt(bytes, bytes.length - 4, 1));
        bad(file, "a signature of 63 bytes", resize(ended, ended.length - 1));
        bad(file, "a negative number of delivered tokens", putInt(ended, ended.length - 68, -1));
        return file;
    }

    private static void good(VectorFile file, String name, Answer answer) {
        ObjectNode one = file.add(name).put("answer", VectorFile.hex(answer.encode()));
        one.putObject("expect").set("accepted", fields(answer));
    }

    private static void bad(VectorFile file, String name, byte[] bytes) {
        ObjectNode one = file.add(name).put("answer", VectorFile.hex(bytes));
        one.putObject("expect").put("failure", "MALFORMED");
    }

    /** All fields, as docs/receipt.md names them, and the hash. */
    static ObjectNode fields(Answer answer) {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        RequestVectors.putAll(json.putArray("tokens"), answer.tokens());
        json.put("text", answer.text());
        if (answer.isCancelled()) {
            json.putObject("cancellation")
                    .put("delivered", answer.cancellation().delivered())
                    .put("signature", VectorFile.hex(answer.cancellation().signature()));
        } else {
            json.putNull("cancellation");
        }
        return json.put("hash", VectorFile.hex(answer.hash()));
    }
}
