package io.plumbline.ledger.vectors;

import static io.plumbline.ledger.vectors.Damage.putInt;
import static io.plumbline.ledger.vectors.Damage.replace;
import static io.plumbline.ledger.vectors.People.fill;
import static io.plumbline.ledger.vectors.RequestVectors.bad;
import static io.plumbline.ledger.vectors.RequestVectors.good;
import static java.nio.charset.StandardCharsets.UTF_8;

import io.plumbline.verifier.encoding.CanonicalWriter;
import io.plumbline.verifier.receipt.LogitAdjustments;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.receipt.Sampling;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/** Requests with min_p, penalties, biases and grammars: the form PRQ4, and what is none. */
final class AdjustedRequestVectors {
    private static final int PLAIN_MAGIC = 0x33515250;
    private static final int MAGIC = 0x34515250;
    private static final float TEMPERATURE = 0.7f;
    private static final int TOP_K = 0x00040506;
    private static final int TOP_P = 0x000A0908;
    private static final int MIN_P = 0x00070605;
    private static final int PRESENCE = 0x00101112;
    private static final int FREQUENCY = 0x00131415;
    private static final int REPETITION = 0x00161718;
    private static final int BIASED_TOKEN = 0x00191A1B;
    private static final int BIAS = 0x001C1D1E;
    private static final String GRAMMAR = "root ::= \"yes\" | \"n\u00f6\"";

    private AdjustedRequestVectors() {}

    /** A request in the second form, but where {@code sampling} and {@code grammar} ask for nothing. */
    private static Request adjusted(Sampling sampling, String grammar, int nonce) {
        return new Request(
                RequestVectors.MODEL,
                "[]",
                1_764_000_000,
                new int[] {1, 2, 3},
                sampling,
                12,
                RequestVectors.STOP_TOKENS,
                List.of("THE END"),
                grammar,
                People.REQUESTER.publicKey(),
                fill(16, nonce));
    }

    private static Sampling greedy(int minP, LogitAdjustments adjustments) {
        return new Sampling(0, 0, 1_000_000, minP, 0, adjustments);
    }

    private static LogitAdjustments biases(int... biased) {
        int[] biases = new int[biased.length];
        Arrays.fill(biases, BIAS);
        return new LogitAdjustments(0, 0, LogitAdjustments.MILLION, biased, biases);
    }

    static void addTo(VectorFile file) {
        LogitAdjustments none = LogitAdjustments.NONE;
        LogitAdjustments all =
                new LogitAdjustments(PRESENCE, FREQUENCY, REPETITION, new int[] {0, BIASED_TOKEN}, new int[] {
                    -LogitAdjustments.MAX_BIAS, BIAS
                });
        Request full = adjusted(new Sampling(TEMPERATURE, TOP_K, TOP_P, MIN_P, 1, all), GRAMMAR, 9);
        good(file, "min_p, penalties, biases and a grammar", full);
        good(file, "min_p alone", adjusted(greedy(1_000_000, none), "", 10));
        good(
                file,
                "the least penalties",
                adjusted(greedy(0, penalties(-2_000_000, -2_000_000, LogitAdjustments.MIN_REPETITION)), "", 11));
        good(
                file,
                "the largest penalties",
                adjusted(greedy(0, penalties(2_000_000, 2_000_000, LogitAdjustments.MAX_REPETITION)), "", 12));
        int[] most = IntStream.range(0, LogitAdjustments.MAX_BIASED).toArray();
        good(file, "as many biases as there may be", adjusted(greedy(0, biases(most)), "", 13));
        good(
                file,
                "as long a grammar as there may be, counted in UTF-8",
                adjusted(greedy(0, none), "#" + "\ud83d\ude42".repeat(16_383) + "\u4e2d", 14));
        good(file, "a grammar that is none, which decoders do not see", adjusted(greedy(0, none), "no rule", 15));
        addBad(file, full.encode());
    }

    private static LogitAdjustments penalties(int presence, int frequency, int repetition) {
        return new LogitAdjustments(presence, frequency, repetition, new int[0], new int[0]);
    }

    private static void addBad(VectorFile file, byte[] bytes) {
        bad(file, "a min_p below 0", replace(bytes, MIN_P, -1));
        bad(file, "a min_p above 1", replace(bytes, MIN_P, 1_000_001));
        bad(file, "a presence penalty below -2", replace(bytes, PRESENCE, -2_000_001));
        bad(file, "a presence penalty above 2", replace(bytes, PRESENCE, 2_000_001));
        bad(file, "a frequency penalty below -2", replace(bytes, FREQUENCY, -2_000_001));
        bad(file, "a frequency penalty above 2", replace(bytes, FREQUENCY, 2_000_001));
        bad(file, "a repetition penalty below 0.01", replace(bytes, REPETITION, 9_999));
        bad(file, "a repetition penalty above 100", replace(bytes, REPETITION, 100_000_001));
        bad(file, "a bias below -100", replace(bytes, BIAS, -100_000_001));
        bad(file, "a bias above 100", replace(bytes, BIAS, 100_000_001));
        bad(file, "biased tokens that do not ascend", replace(bytes, BIASED_TOKEN, 0));
        int biased = Damage.find(bytes, Damage.bytesOf(BIASED_TOKEN), 0);
        bad(file, "a biased token below 0", putInt(bytes, biased - Integer.BYTES, -1));
        bad(file, "a negative number of biased tokens", putInt(bytes, biased - 2 * Integer.BYTES, -1));
        bad(file, "a negative number of biases", putInt(bytes, biased + Integer.BYTES, -1));
        byte[] twoBiases = Arrays.copyOfRange(bytes, biased + Integer.BYTES, biased + 4 * Integer.BYTES);
        byte[] oneBias = putInt(Arrays.copyOf(twoBiases, 2 * Integer.BYTES), 0, 1);
        bad(file, "fewer biases than biased tokens", replace(bytes, twoBiases, oneBias));
        byte[] many = adjusted(
                        greedy(
                                0,
                                biases(IntStream.range(0, LogitAdjustments.MAX_BIASED)
                                        .toArray())),
                        "",
                        13)
                .encode();
        bad(file, "1,025 biases", oneMoreBias(many));
        byte[] grammar = GRAMMAR.getBytes(UTF_8);
        byte[] notUtf8 = grammar.clone();
        notUtf8[notUtf8.length - 1] = (byte) 0xC3;
        bad(file, "a grammar that is not UTF-8", replace(bytes, grammar, notUtf8));
        int grammarLength = Damage.find(bytes, grammar, 0) - Integer.BYTES;
        bad(file, "a grammar longer than all bytes", putInt(bytes, grammarLength, Integer.MAX_VALUE));
        byte[] prefixed = Arrays.copyOfRange(bytes, grammarLength, grammarLength + Integer.BYTES + grammar.length);
        byte[] tooLong = new byte[Integer.BYTES + 65_537];
        Arrays.fill(tooLong, (byte) '#');
        bad(file, "a grammar of 65,537 bytes", replace(bytes, prefixed, putInt(tooLong, 0, 65_537)));
        byte[] stops = new byte[3 * Integer.BYTES];
        System.arraycopy(Damage.bytesOf(RequestVectors.STOP_TOKENS.length), 0, stops, 0, Integer.BYTES);
        System.arraycopy(Damage.bytesOf(RequestVectors.STOP_TOKENS[0]), 0, stops, Integer.BYTES, Integer.BYTES);
        System.arraycopy(Damage.bytesOf(RequestVectors.STOP_TOKENS[1]), 0, stops, 2 * Integer.BYTES, Integer.BYTES);
        bad(file, "a grammar without a stop token", replace(bytes, stops, new byte[Integer.BYTES]));
        bad(
                file,
                "the second form without its fields",
                putInt(RequestVectors.asked(1).encode(), 0, MAGIC));
        bad(file, "the first form with the second's fields", putInt(bytes, 0, PLAIN_MAGIC));
        bad(
                file,
                "in the second form what the first can say",
                inSecondForm(RequestVectors.asked(1).encode()));
    }

    /** Both lists with one more at their ends. */
    private static byte[] oneMoreBias(byte[] bytes) {
        int count = LogitAdjustments.MAX_BIASED;
        int biased = Damage.find(bytes, Damage.bytesOf(count), 0);
        int biases = biased + (count + 1) * Integer.BYTES;
        int end = biases + (count + 1) * Integer.BYTES;
        return new CanonicalWriter()
                .putFixed(Arrays.copyOf(bytes, biased))
                .putInt(count + 1)
                .putFixed(Arrays.copyOfRange(bytes, biased + Integer.BYTES, biases))
                .putInt(count)
                .putInt(count + 1)
                .putFixed(Arrays.copyOfRange(bytes, biases + Integer.BYTES, end))
                .putInt(BIAS)
                .putFixed(Arrays.copyOfRange(bytes, end, bytes.length))
                .toBytes();
    }

    /** A request of the first form with the other's fields, which ask for nothing. */
    private static byte[] inSecondForm(byte[] plain) {
        int requester = plain.length - 32 - 16;
        return new CanonicalWriter()
                .putInt(MAGIC)
                .putFixed(Arrays.copyOfRange(plain, Integer.BYTES, requester))
                .putInt(0)
                .putInt(0)
                .putInt(0)
                .putInt(LogitAdjustments.MILLION)
                .putInts(new int[0])
                .putInts(new int[0])
                .putText("")
                .putFixed(Arrays.copyOfRange(plain, requester, plain.length))
                .toBytes();
    }
}
