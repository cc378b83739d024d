package io.plumbline.verifier.receipt;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class ReceiptTest {
    private static Receipt receipt(KeyPair keys) {
        Bytes32 hash = Bytes32.ZERO;
        new Random(1).nextBytes(hash.bytes());
        return new Receipt(1, hash, hash, hash.bytes(), hash.bytes(), 99_328, 7, 12, 190, null, null).sign(keys);
    }

    @Test
    void aReceiptSurvivesItsEncodingAndIsSmall() {
        Receipt receipt = receipt(KeyPair.random());
        Receipt back = Receipt.decode(receipt.encode());
        assertTrue(back.signatureHolds());
        assertArrayEquals(receipt.encode(), back.encode());
        assertEquals(Receipt.BYTES, receipt.encode().length);
        assertTrue(Receipt.BYTES <= 512);
    }

    @Test
    void everySingleFlippedBitBreaksTheSignature() {
        byte[] bytes = receipt(KeyPair.random()).encode();
        for (int i = 4; i < bytes.length; i++) {
            byte[] forged = bytes.clone();
            forged[i] ^= 1;
            assertFalse(Receipt.decode(forged).signatureHolds(), "byte " + i);
        }
    }

    @Test
    void truncatedOversizedAndForeignBytesAreRefused() {
        byte[] bytes = receipt(KeyPair.random()).encode();
        for (int length = 0; length < bytes.length; length++) {
            byte[] cut = Arrays.copyOf(bytes, length);
            assertThrows(MalformedException.class, () -> Receipt.decode(cut));
        }
        assertThrows(MalformedException.class, () -> Receipt.decode(Arrays.copyOf(bytes, bytes.length + 1)));
        assertThrows(MalformedException.class, () -> Receipt.decode(new byte[Receipt.BYTES]));
    }

    @Test
    void aRequestSurvivesItsEncodingAndItsHashCoversTheNonce() {
        Request request = request(new byte[16]);
        assertArrayEquals(request.encode(), Request.decode(request.encode()).encode());
        byte[] nonce = new byte[16];
        nonce[3] = 1;
        assertNotEquals(request.hash().toString(), request(nonce).hash().toString());
        byte[] bytes = request.encode();
        for (int length = 0; length < bytes.length; length++) {
            byte[] cut = Arrays.copyOf(bytes, length);
            assertThrows(MalformedException.class, () -> Request.decode(cut));
        }
    }

    private static Request request(byte[] nonce) {
        return new Request(
                Bytes32.ZERO,
                "[]",
                1_764_000_000,
                new int[] {1, 2, 3},
                new Sampling(0.7f, 40, 950_000, 9),
                20,
                new int[] {2},
                List.of("\n\n", "END"),
                Bytes32.ZERO,
                nonce);
    }

    private static Request adorned(int minP, LogitAdjustments adjustments, String grammar) {
        return new Request(
                Bytes32.ZERO,
                "[]",
                1_764_000_000,
                new int[] {1, 2, 3},
                new Sampling(0.7f, 40, 950_000, minP, 9, adjustments),
                20,
                new int[] {2},
                List.of("END"),
                grammar,
                Bytes32.ZERO,
                new byte[16]);
    }

    /** A hash has one request: what needs no new field has no second form with it. */
    @Test
    void aRequestHasOneFormAndItsHashCoversEveryFieldOfTheChoice() {
        LogitAdjustments biased = new LogitAdjustments(1, -2, 1_100_000, new int[] {4, 7}, new int[] {5, -6});
        List<Request> all = List.of(
                adorned(0, LogitAdjustments.NONE, ""),
                adorned(1, LogitAdjustments.NONE, ""),
                adorned(0, biased, ""),
                adorned(0, new LogitAdjustments(1, -2, 1_100_000, new int[] {4, 8}, new int[] {5, -6}), ""),
                adorned(0, new LogitAdjustments(1, -2, 1_100_000, new int[] {4, 7}, new int[] {5, -7}), ""),
                adorned(0, new LogitAdjustments(2, -2, 1_100_000, new int[] {4, 7}, new int[] {5, -6}), ""),
                adorned(0, new LogitAdjustments(1, -3, 1_100_000, new int[] {4, 7}, new int[] {5, -6}), ""),
                adorned(0, new LogitAdjustments(1, -2, 1_100_001, new int[] {4, 7}, new int[] {5, -6}), ""),
                adorned(0, LogitAdjustments.NONE, "root ::= \"a\""),
                adorned(0, LogitAdjustments.NONE, "root ::= \"b\""));
        assertEquals(all.size(), all.stream().map(one -> one.hash()).distinct().count());
        for (Request one : all) {
            byte[] bytes = one.encode();
            Request again = Request.decode(bytes);
            assertEquals(one.sampling(), again.sampling());
            assertEquals(one.grammar(), again.grammar());
            assertArrayEquals(bytes, again.encode());
            for (int length = 0; length < bytes.length; length++) {
                byte[] cut = Arrays.copyOf(bytes, length);
                assertThrows(MalformedException.class, () -> Request.decode(cut));
            }
        }
        assertEquals("PRQ3", new String(all.getFirst().encode(), 0, 4, StandardCharsets.US_ASCII));
        byte[] neutral = adorned(1, LogitAdjustments.NONE, "").encode();
        assertEquals("PRQ4", new String(neutral, 0, 4, StandardCharsets.US_ASCII));
        // min_p is the first field behind the stop texts: 28 bytes of new fields, and the last 48, stand from it on.
        neutral[neutral.length - 48 - 28] = 0;
        assertTrue(assertThrows(MalformedException.class, () -> Request.decode(neutral))
                .getMessage()
                .contains("PRQ3"));
    }

    private static String refusal(String messages, int prompt, List<String> stops) {
        return assertThrows(
                        IllegalArgumentException.class,
                        () -> new Request(
                                Bytes32.ZERO,
                                messages,
                                0,
                                new int[prompt],
                                Sampling.GREEDY,
                                1,
                                new int[0],
                                stops,
                                Bytes32.ZERO,
                                new byte[16]))
                .getMessage();
    }

    @Test
    void stopTextsAreFewAndShort() {
        String bound = "at most 16 texts of 1 to 256 characters";
        assertTrue(refusal("", 1, Collections.nCopies(17, "a")).contains(bound));
        assertTrue(refusal("", 1, List.of("a", "")).contains(bound));
        assertTrue(refusal("", 1, List.of("a".repeat(257))).contains(bound));
        Request.requireStopTexts(Collections.nCopies(16, "a".repeat(256)));
    }

    @Test
    void aRequestIsSmallEnoughToBeShownWithItsAnswer() {
        assertTrue(refusal("é".repeat(Request.MAX_BYTES / 2), 1, List.of()).contains("at most"));
        assertTrue(refusal("", Request.MAX_BYTES / 4, List.of()).contains("at most"));
    }

    /** Half of a character becomes a question mark in bytes: the node would answer another request than was hashed. */
    @Test
    void textsThatBytesDoNotKeepAreRefused() {
        for (String text : new String[] {"a\ud800", "\udc00a", "\ud800\ud800\udc00"}) {
            assertTrue(refusal(text, 1, List.of()).startsWith("messages must not hold U+D"), text);
            assertTrue(refusal("", 1, List.of("b", text)).startsWith("stop must not hold U+D"), text);
        }
        Request.requireStopTexts(List.of("\ud83d\ude42"));
        byte[] bytes = request(new byte[16]).encode();
        int at = new String(bytes, StandardCharsets.ISO_8859_1).indexOf("END");
        bytes[at] = (byte) 0xFF;
        assertTrue(assertThrows(MalformedException.class, () -> Request.decode(bytes))
                .getMessage()
                .contains("UTF-8"));
    }

    @Test
    void greedyTakesTheLowestIdOfEqualLogits() {
        assertEquals(1, Sampling.GREEDY.choose(new float[] {0f, 3f, 3f, -1f}, 0, 4, 0));
    }

    @Test
    void samplingFollowsTheSeedAndTheCuts() {
        float[] logits = new float[100];
        Random random = new Random(4);
        for (int i = 0; i < 100; i++) {
            logits[i] = (float) random.nextGaussian() * 3;
        }
        Sampling a = new Sampling(1f, 0, 1_000_000, 5);
        int[] first = new int[200];
        int changed = 0;
        for (int p = 0; p < 200; p++) {
            first[p] = a.choose(logits, 0, 100, p);
            assertEquals(first[p], a.choose(logits, 0, 100, p));
            changed += first[p] == new Sampling(1f, 0, 1_000_000, 6).choose(logits, 0, 100, p) ? 0 : 1;
            assertEquals(
                    Sampling.GREEDY.choose(logits, 0, 100, p),
                    new Sampling(1f, 1, 1_000_000, 5).choose(logits, 0, 100, p));
            assertEquals(
                    Sampling.GREEDY.choose(logits, 0, 100, p), new Sampling(1f, 0, 1, 5).choose(logits, 0, 100, p));
        }
        assertTrue(changed > 50, "another seed must draw other tokens");
        assertTrue(Arrays.stream(first).distinct().count() > 5, "draws must spread");
    }

    /** Draw frequencies against the probabilities in double: a chi-squared statistic far from any doubt. */
    @Test
    void drawsFollowTheProbabilities() {
        float[] logits = {2f, 1f, 0f, -1f, 1.5f};
        double total = 0;
        for (float l : logits) {
            total += Math.exp(l / 0.8);
        }
        int draws = 20_000;
        int[] seen = new int[5];
        Sampling sampling = new Sampling(0.8f, 0, 1_000_000, 77);
        for (int p = 0; p < draws; p++) {
            seen[sampling.choose(logits, 0, 5, p)]++;
        }
        double chi = 0;
        for (int i = 0; i < 5; i++) {
            double expected = draws * Math.exp(logits[i] / 0.8) / total;
            chi += (seen[i] - expected) * (seen[i] - expected) / expected;
        }
        assertTrue(chi < 25, "chi-squared " + chi);
    }

    @Test
    void aLogitThatIsNoNumberIsRefusedHoweverTheNextTokenIsChosen() {
        for (float bad : new float[] {Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY, Float.NaN}) {
            for (Sampling rule : new Sampling[] {Sampling.GREEDY, new Sampling(1f, 0, 1_000_000, 5)}) {
                for (int at = 0; at < 3; at++) {
                    float[] logits = {1, Float.MAX_VALUE, -Float.MAX_VALUE};
                    logits[at] = bad;
                    String why = assertThrows(ArithmeticException.class, () -> rule.choose(logits, 0, 3, 0))
                            .getMessage();
                    assertTrue(why.startsWith("Logit " + at + " is " + bad), why);
                }
            }
        }
        assertEquals(1, new Sampling(1e-45f, 0, 1_000_000, 5).choose(new float[] {1, Float.MAX_VALUE}, 0, 2, 0));
    }
}
