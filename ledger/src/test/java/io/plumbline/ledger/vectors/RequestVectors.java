package io.plumbline.ledger.vectors;

import static io.plumbline.ledger.vectors.Damage.putInt;
import static io.plumbline.ledger.vectors.Damage.replace;
import static io.plumbline.ledger.vectors.Damage.resize;
import static io.plumbline.ledger.vectors.People.fill;
import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.LogitAdjustments;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.receipt.Sampling;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;

/** Requests of language models: what they hash to, and what is none. Those of the form PRQ4 stand beside it. */
final class RequestVectors {
    static final Bytes32 MODEL = Bytes32.of(fill(32, 0xA1));
    static final int[] STOP_TOKENS = {2, 7};

    private static final String MESSAGES = "[{\"role\":\"user\",\"content\":\"Tell me a story.\"}]";
    private static final int MAX_TOKENS = 0x00010203;
    private static final int TOP_K = 0x00040506;
    private static final int TOP_P = 0x000A0908;
    private static final float TEMPERATURE = 0.7f;
    private static final int PROMPT_TOKEN = 0x000C0D0E;
    private static final String STOP_TEXT = "THE END";

    private RequestVectors() {}

    /** The request that the receipts of the vectors are for. */
    static Request asked(int nonce) {
        return request(MESSAGES, Sampling.GREEDY, 12, STOP_TOKENS, List.of(), nonce);
    }

    private static Request request(
            String messages, Sampling sampling, int maxTokens, int[] stopTokens, List<String> stopTexts, int nonce) {
        return new Request(
                MODEL,
                messages,
                1_764_000_000,
                new int[] {1, PROMPT_TOKEN, 3},
                sampling,
                maxTokens,
                stopTokens,
                stopTexts,
                People.REQUESTER.publicKey(),
                fill(16, nonce));
    }

    static VectorFile file() {
        VectorFile file = new VectorFile("requests.json", "Requests of language models: decode and hash.");
        Request full = request(
                MESSAGES,
                new Sampling(TEMPERATURE, TOP_K, TOP_P, 0x8877665544332211L),
                MAX_TOKENS,
                STOP_TOKENS,
                List.of(STOP_TEXT, "\n\n"),
                5);
        good(file, "greedy, without stop texts", asked(1));
        good(file, "every field in use", full);
        good(file, "tokens without messages", request("", Sampling.GREEDY, 1, new int[0], List.of(), 6));
        String unicode = "\uFEFF\u00e9\u4e2d\ud83d\ude42\u0000";
        good(
                file,
                "a byte order mark and characters of two, three and four bytes stay",
                request(unicode, Sampling.GREEDY, 1, new int[0], List.of(unicode), 7));
        good(
                file,
                "as many and as long stop texts as there may be, counted in UTF-16",
                request("", Sampling.GREEDY, 1, new int[0], Collections.nCopies(16, "\ud83d\ude42".repeat(128)), 8));

        byte[] bytes = full.encode();
        bad(file, "no bytes", new byte[0]);
        bad(file, "another magic", Damage.flip(bytes, 0));
        for (int length : new int[] {3, 35, 40, bytes.length / 2, bytes.length - 1}) {
            bad(file, "cut off after " + length + " bytes", resize(bytes, length));
        }
        bad(file, "a byte after its end", resize(bytes, bytes.length + 1));
        byte[] messages = MESSAGES.getBytes(UTF_8);
        int length = Damage.find(bytes, messages, 0) - Integer.BYTES;
        bad(file, "messages of a negative length", putInt(bytes, length, -1));
        bad(file, "messages longer than all bytes", putInt(bytes, length, Integer.MAX_VALUE));
        for (String notUtf8 : List.of("ff", "c080", "eda080", "f4908080", "e282")) {
            byte[] text = messages.clone();
            byte[] wrong = HexFormat.of().parseHex(notUtf8);
            System.arraycopy(wrong, 0, text, text.length - wrong.length, wrong.length);
            bad(file, "messages that are not UTF-8, ending in " + notUtf8, replace(bytes, messages, text));
        }
        byte[] stopText = STOP_TEXT.getBytes(UTF_8);
        byte[] notUtf8 = stopText.clone();
        notUtf8[0] = (byte) 0x80;
        bad(file, "a stop text that is not UTF-8", replace(bytes, stopText, notUtf8));
        int prompt = Damage.find(bytes, Damage.bytesOf(PROMPT_TOKEN), 0) - 2 * Integer.BYTES;
        bad(file, "prompt tokens whose bytes overflow 32 bits", putInt(bytes, prompt, 1 << 30));
        bad(file, "a negative number of prompt tokens", putInt(bytes, prompt, -1));
        bad(file, "no prompt token", without(bytes, prompt));
        bad(file, "a temperature that is no number", replace(bytes, TEMPERATURE, Float.NaN));
        bad(file, "a temperature below 0", replace(bytes, TEMPERATURE, -0.5f));
        bad(file, "a temperature above 100", replace(bytes, TEMPERATURE, 100.5f));
        bad(file, "a negative top k", replace(bytes, TOP_K, -1));
        bad(file, "a top p of 0", replace(bytes, TOP_P, 0));
        bad(file, "a top p above 1", replace(bytes, TOP_P, 1_000_001));
        bad(file, "no output token", replace(bytes, MAX_TOKENS, 0));
        int stops = Damage.find(bytes, stopText, 0) - 2 * Integer.BYTES;
        int firstStop = stops - STOP_TOKENS.length * Integer.BYTES;
        bad(file, "stop tokens that do not ascend", putInt(bytes, firstStop, STOP_TOKENS[1] + 1));
        bad(file, "a stop token twice", putInt(bytes, firstStop, STOP_TOKENS[1]));
        bad(file, "a stop token below 0", putInt(bytes, firstStop, -1));
        bad(file, "17 stop texts", putInt(bytes, stops, 17));
        bad(file, "a negative number of stop texts", putInt(bytes, stops, -1));
        byte[] prefixed = new byte[Integer.BYTES + stopText.length];
        System.arraycopy(bytes, stops + Integer.BYTES, prefixed, 0, prefixed.length);
        bad(file, "an empty stop text", replace(bytes, prefixed, new byte[Integer.BYTES]));
        byte[] tooLong = new byte[Integer.BYTES + 257];
        bad(file, "a stop text of 257 characters", replace(bytes, prefixed, putInt(tooLong, 0, 257)));
        AdjustedRequestVectors.addTo(file);
        return file;
    }

    private static byte[] without(byte[] bytes, int prompt) {
        byte[] tokens = new byte[4 * Integer.BYTES];
        System.arraycopy(bytes, prompt, tokens, 0, tokens.length);
        return replace(bytes, tokens, new byte[Integer.BYTES]);
    }

    static void good(VectorFile file, String name, Request request) {
        ObjectNode one = file.add(name).put("request", VectorFile.hex(request.encode()));
        one.putObject("expect").set("accepted", fields(request));
    }

    static void bad(VectorFile file, String name, byte[] bytes) {
        ObjectNode one = file.add(name).put("request", VectorFile.hex(bytes));
        one.putObject("expect").put("failure", "MALFORMED");
    }

    /** All fields, as docs/receipt.md names them, and the hash. */
    static ObjectNode fields(Request request) {
        ObjectNode json = JsonNodeFactory.instance
                .objectNode()
                .put("modelId", VectorFile.hex(request.modelId().bytes()))
                .put("messages", request.messages())
                .put("time", VectorFile.text(request.time()));
        putAll(json.putArray("promptTokens"), request.promptTokens());
        json.put("temperature", (double) request.sampling().temperature())
                .put("topK", request.sampling().topK())
                .put("topPMillionths", request.sampling().topPMillionths())
                .put("seed", VectorFile.text(request.sampling().seed()))
                .put("maxTokens", request.maxTokens());
        putAll(json.putArray("stopTokens"), request.stopTokens());
        ArrayNode stopTexts = json.putArray("stopTexts");
        request.stopTexts().forEach(stopTexts::add);
        LogitAdjustments adjustments = request.sampling().adjustments();
        json.put("minPMillionths", request.sampling().minPMillionths())
                .put("presenceMillionths", adjustments.presence())
                .put("frequencyMillionths", adjustments.frequency())
                .put("repetitionMillionths", adjustments.repetition());
        putAll(json.putArray("biasedTokens"), adjustments.biased());
        putAll(json.putArray("biasMillionths"), adjustments.biases());
        json.put("grammar", request.grammar());
        return json.put("requester", VectorFile.hex(request.requester().bytes()))
                .put("nonce", VectorFile.hex(request.nonce()))
                .put("hash", VectorFile.hex(request.hash().bytes()));
    }

    static void putAll(ArrayNode json, int[] values) {
        for (int value : values) {
            json.add(value);
        }
    }
}
