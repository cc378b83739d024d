package io.plumbline.node.gateway;

import io.plumbline.verifier.blake3.Domain;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalWriter;
import io.plumbline.verifier.receipt.KeyPair;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Arrays;

/**
 * Prices of calls, as a gateway names them to anybody that asks. Nothing is kept for one: its reference, which the
 * payment names, is all of it. A reference is 32 bytes: 8 of the time until which it is taken, 8 of chance, 8 that bind
 * it to the call, the amount and this process, and 8 by which the gateway knows it as its own after a restart too, so
 * that a payment by it is credit even where its call was never answered.
 */
final class Quotes {
    /** From a quote to the payment. */
    static final Duration LIFE = Duration.ofMinutes(2);

    private static final Domain KEY = new Domain("plumbline 2026-11 quotes of a gateway");
    private static final Domain CALL = new Domain("plumbline 2026-11 call of a quote");
    private static final Domain OWN = new Domain("plumbline 2026-11 reference of a quote");
    private static final int PART_BYTES = 8;

    private final SecureRandom random = new SecureRandom();
    private final InstantSource wall;

    /** The same after a restart. */
    private final Bytes32 ownKey;

    /** Another one after a restart: which quotes were taken by then is not known any more. */
    private final byte[] callKey = new byte[32];

    /** @param keys the gateway's. */
    Quotes(KeyPair keys, InstantSource wall) {
        this.ownKey = Bytes32.of(keys.derived(KEY));
        this.wall = wall;
        random.nextBytes(callKey);
    }

    /**
     * A new one.
     *
     * @param call that it is for, such as the path of the request.
     * @param amount that is to be paid.
     */
    Bytes32 quote(String call, long amount) {
        byte[] chance = new byte[PART_BYTES];
        random.nextBytes(chance);
        byte[] begin = new CanonicalWriter()
                .putLong(wall.millis() + LIFE.toMillis())
                .putFixed(chance)
                .toBytes();
        byte[] tag = callTag(begin, call, amount);
        return Bytes32.of(new CanonicalWriter()
                .putFixed(begin)
                .putFixed(tag)
                .putFixed(ownTag(begin, tag))
                .toBytes());
    }

    private byte[] callTag(byte[] begin, String call, long amount) {
        byte[] priced = new CanonicalWriter().putLong(amount).toBytes();
        return Arrays.copyOf(CALL.hash(callKey, begin, priced, call.getBytes(StandardCharsets.UTF_8)), PART_BYTES);
    }

    private byte[] ownTag(byte[] begin, byte[] tag) {
        return Arrays.copyOf(OWN.hash(ownKey.bytes(), begin, tag), PART_BYTES);
    }

    /** Whether this gateway has named it, at any time. */
    boolean isOwn(Bytes32 reference) {
        byte[] bytes = reference.bytes();
        byte[] tag = Arrays.copyOfRange(bytes, 2 * PART_BYTES, 3 * PART_BYTES);
        byte[] own = Arrays.copyOfRange(bytes, 3 * PART_BYTES, 4 * PART_BYTES);
        return MessageDigest.isEqual(own, ownTag(Arrays.copyOf(bytes, 2 * PART_BYTES), tag));
    }

    /** When it is not taken any more, in milliseconds of the wall clock. */
    static long untilMs(Bytes32 reference) {
        return new CanonicalReader(Arrays.copyOf(reference.bytes(), PART_BYTES), "reference").getLong("time");
    }

    /** Why a reference is none of a quote for this call now, for a person; null where it is one. */
    String fault(Bytes32 reference, String call, long amount) {
        if (!isOwn(reference)) {
            return "its reference is none that this gateway has named";
        }
        byte[] bytes = reference.bytes();
        byte[] tag = Arrays.copyOfRange(bytes, 2 * PART_BYTES, 3 * PART_BYTES);
        if (!MessageDigest.isEqual(tag, callTag(Arrays.copyOf(bytes, 2 * PART_BYTES), call, amount))) {
            return "its reference is that of another call's quote, or the gateway has been started anew since";
        }
        return untilMs(reference) < wall.millis() ? "its quote is older than " + LIFE.toSeconds() + " s" : null;
    }
}
