package io.plumbline.verifier.receipt;

import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.encoding.CanonicalWriter;
import io.plumbline.verifier.encoding.Utf8;
import io.plumbline.verifier.grammar.Grammar;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * What was asked, whole: its hash in a receipt binds the answer to it. The nonce makes every request's hash new, so
 * that an old receipt cannot be shown for a new request. All of it together has at most {@link #MAX_BYTES}, so that a
 * node can show it and the longest answer in one message; texts in it are whole characters.
 *
 * @param modelId 32 bytes.
 * @param messages the messages as sent, JSON; empty where the requester gave tokens and no messages.
 * @param time seconds since 1970 UTC at which it was asked, for chat templates that show the date.
 * @param promptTokens what they became by the model's tokenizer and template; at least one.
 * @param sampling rule of every choice.
 * @param maxTokens most output tokens, at least 1.
 * @param stopTokens an answer ends with the first of these; ascending, each once, from 0.
 * @param grammar that the answer's text is held to, in GBNF; empty for none. Such an answer ends with a stop token, so
 *     there is one at least.
 * @param stopTexts an answer ends, too, with the token that completes the first of these in its text: at most 16, of
 *     1 to 256 characters each.
 * @param requester public key of who pays.
 * @param nonce 16 bytes, never used twice.
 */
public record Request(
        Bytes32 modelId,
        String messages,
        long time,
        int[] promptTokens,
        Sampling sampling,
        int maxTokens,
        int[] stopTokens,
        List<String> stopTexts,
        String grammar,
        Bytes32 requester,
        byte[] nonce) {
    /** "PRQ3": without adjustments of logits, min_p and grammar. What asks for none of them has this form alone. */
    private static final int PLAIN_MAGIC = 0x33515250;

    /** "PRQ4": with all of them. */
    private static final int MAGIC = 0x34515250;

    private static final int NONCE_BYTES = 16;
    private static final int MAX_STOP_TEXTS = 16;
    private static final int MAX_STOP_CHARACTERS = 256;

    /** Most bytes of an encoded request. The longest context's messages have half of it. */
    public static final int MAX_BYTES = 8 << 20;

    /** Bytes of what has always the same size, and lengths. */
    private static final int FIXED_BYTES = 256;

    public Request {
        if (promptTokens.length == 0) {
            throw new IllegalArgumentException("A request has at least one prompt token.");
        }
        if (maxTokens < 1) {
            throw new IllegalArgumentException("max_tokens must be 1 or more, not " + maxTokens + ".");
        }
        requireAscending(stopTokens);
        stopTexts = List.copyOf(stopTexts);
        requireStopTexts(stopTexts);
        if (!grammar.isEmpty() && stopTokens.length == 0) {
            throw new IllegalArgumentException(
                    "An answer in a grammar ends with a stop token, and this model has none. Ask without one.");
        }
        if (grammar.length() > Grammar.MAX_BYTES || Utf8.length("grammar", grammar) > Grammar.MAX_BYTES) {
            throw new IllegalArgumentException("A grammar has at most " + Grammar.MAX_BYTES + " bytes.");
        }
        long bytes = FIXED_BYTES
                + Utf8.length("messages", messages)
                + (long) Integer.BYTES * promptTokens.length
                + (long) Integer.BYTES * stopTokens.length
                + 2L * Integer.BYTES * sampling.adjustments().biased().length
                + Utf8.length("grammar", grammar);
        for (String stop : stopTexts) {
            bytes += Integer.BYTES + Utf8.length("stop", stop);
        }
        if (bytes > MAX_BYTES) {
            throw new IllegalArgumentException(
                    "A request has at most " + MAX_BYTES + " bytes, not " + bytes + ". Shorten its messages.");
        }
    }

    /** With logits, weights and texts as they come. */
    public Request(
            Bytes32 modelId,
            String messages,
            long time,
            int[] promptTokens,
            Sampling sampling,
            int maxTokens,
            int[] stopTokens,
            List<String> stopTexts,
            Bytes32 requester,
            byte[] nonce) {
        this(modelId, messages, time, promptTokens, sampling, maxTokens, stopTokens, stopTexts, "", requester, nonce);
    }

    /**
     * Refuses stop texts that no request can have.
     *
     * @throws IllegalArgumentException where there are more than 16, or one is empty, has more than 256 characters or
     *     holds half of a character.
     */
    public static void requireStopTexts(List<String> texts) {
        boolean fits = texts.size() <= MAX_STOP_TEXTS
                && texts.stream().allMatch(text -> !text.isEmpty() && text.length() <= MAX_STOP_CHARACTERS);
        if (!fits) {
            throw new IllegalArgumentException("stop must be at most " + MAX_STOP_TEXTS + " texts of 1 to "
                    + MAX_STOP_CHARACTERS + " characters each.");
        }
        texts.forEach(text -> Utf8.length("stop", text));
    }

    /** One form of each request, and one reading of where its answer ends: they are looked up by halves. */
    private static void requireAscending(int[] stopTokens) {
        for (int i = 0; i < stopTokens.length; i++) {
            if (stopTokens[i] < 0 || i > 0 && stopTokens[i] <= stopTokens[i - 1]) {
                throw new IllegalArgumentException("Stop tokens stand in ascending order, each once: " + stopTokens[i]
                        + " is number " + (i + 1) + ".");
            }
        }
    }

    /** Whether anything is asked for that the form before this one does not have. */
    private boolean isPlain() {
        return sampling.minPMillionths() == 0 && sampling.adjustments().isNone() && grammar.isEmpty();
    }

    public byte[] encode() {
        boolean isPlain = isPlain();
        CanonicalWriter out = new CanonicalWriter()
                .putInt(isPlain ? PLAIN_MAGIC : MAGIC)
                .putBytes32(modelId)
                .putText(messages)
                .putLong(time)
                .putInts(promptTokens)
                .putInt(Float.floatToRawIntBits(sampling.temperature()))
                .putInt(sampling.topK())
                .putInt(sampling.topPMillionths())
                .putLong(sampling.seed())
                .putInt(maxTokens)
                .putInts(stopTokens)
                .putInt(stopTexts.size());
        stopTexts.forEach(out::putText);
        if (!isPlain) {
            LogitAdjustments adjustments = sampling.adjustments();
            out.putInt(sampling.minPMillionths())
                    .putInt(adjustments.presence())
                    .putInt(adjustments.frequency())
                    .putInt(adjustments.repetition())
                    .putInts(adjustments.biased())
                    .putInts(adjustments.biases())
                    .putText(grammar);
        }
        return out.putBytes32(requester).putFixed(nonce).toBytes();
    }

    public static Request decode(byte[] bytes) {
        CanonicalReader in = new CanonicalReader(bytes, "request");
        int magic = in.getInt("magic");
        if (magic != MAGIC && magic != PLAIN_MAGIC) {
            throw new MalformedException("Malformed request: it does not begin with PRQ3 or PRQ4.");
        }
        try {
            Bytes32 modelId = in.getBytes32("model id");
            String messages = in.getText("messages");
            long time = in.getLong("time");
            int[] prompt = in.getInts("prompt tokens");
            float temperature = Float.intBitsToFloat(in.getInt("temperature"));
            int topK = in.getInt("top k");
            int topP = in.getInt("top p");
            long seed = in.getLong("seed");
            int maxTokens = in.getInt("max tokens");
            int[] stopTokens = in.getInts("stop tokens");
            List<String> stopTexts = stopTexts(in);
            int minP = 0;
            LogitAdjustments adjustments = LogitAdjustments.NONE;
            String grammar = "";
            if (magic == MAGIC) {
                minP = in.getInt("min p");
                adjustments = new LogitAdjustments(
                        in.getInt("presence penalty"),
                        in.getInt("frequency penalty"),
                        in.getInt("repetition penalty"),
                        in.getInts("biased tokens"),
                        in.getInts("biases"));
                grammar = in.getText("grammar");
            }
            Request request = new Request(
                    modelId,
                    messages,
                    time,
                    prompt,
                    new Sampling(temperature, topK, topP, minP, seed, adjustments),
                    maxTokens,
                    stopTokens,
                    stopTexts,
                    grammar,
                    in.getBytes32("requester"),
                    in.getFixed(NONCE_BYTES, "nonce"));
            in.end();
            if (magic == MAGIC && request.isPlain()) {
                throw new MalformedException("Malformed request: what PRQ3 can say is not said as PRQ4.");
            }
            return request;
        } catch (IllegalArgumentException e) {
            throw new MalformedException("Malformed request: " + e.getMessage());
        }
    }

    private static List<String> stopTexts(CanonicalReader in) {
        int count = in.getInt("stop texts");
        if (count < 0 || count > MAX_STOP_TEXTS) {
            throw new MalformedException("Malformed request: it has " + count + " stop texts.");
        }
        List<String> texts = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            texts.add(in.getText("stop text"));
        }
        return texts;
    }

    /** 32 bytes that stand for this request. */
    public Bytes32 hash() {
        return Bytes32.of(Blake3.hash(encode()));
    }

    /** The same request with another nonce, of 16 bytes: for another node. */
    public Request renewed(byte[] fresh) {
        return new Request(
                modelId,
                messages,
                time,
                promptTokens,
                sampling,
                maxTokens,
                stopTokens,
                stopTexts,
                grammar,
                requester,
                fresh);
    }

    /** The part of an answer's text that is for its reader: what stands before the first stop text, or all of it. */
    public String withoutStop(String text) {
        int end = text.length();
        for (String stop : stopTexts) {
            int at = text.indexOf(stop);
            end = at < 0 ? end : Math.min(end, at);
        }
        return text.substring(0, end);
    }

    public boolean stopsAt(int token) {
        return Arrays.binarySearch(stopTokens, token) >= 0;
    }
}
