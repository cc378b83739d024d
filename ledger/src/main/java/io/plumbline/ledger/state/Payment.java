package io.plumbline.ledger.state;

import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalWriter;

/**
 * A payment from one account to another that names what it is for. Its payee has the money when the first block that
 * has this entry is certified.
 *
 * @param number by which later payments have greater ones: 0 or more.
 * @param from 32 bytes, as {@code to} and {@code reference}.
 * @param untilMs cluster time at which the entry leaves the state.
 */
public record Payment(long number, Bytes32 from, Bytes32 to, long amount, Bytes32 reference, long untilMs) {
    /** Commands that come together take this many bits of a number, see {@link Signed#MAX_COMMANDS}. */
    private static final int INDEX_BITS = 7;

    /** The number of what was ordered at a height, at a place among the commands that it came with. */
    static long number(long height, int index) {
        return height << INDEX_BITS | index;
    }

    /** Under which the entry of a payment stands in the state, 32 bytes. */
    public static Bytes32 id(long number) {
        return new Bytes32(0, 0, 0, number);
    }

    /** The entry of the state tree. */
    public byte[] encode() {
        return new CanonicalWriter()
                .putLong(number)
                .putBytes32(from)
                .putBytes32(to)
                .putLong(amount)
                .putBytes32(reference)
                .putLong(untilMs)
                .toBytes();
    }

    public static Payment read(CanonicalReader in) {
        return new Payment(
                in.getLong("number"),
                in.getBytes32("payer"),
                in.getBytes32("payee"),
                in.getLong("amount"),
                in.getBytes32("reference"),
                in.getLong("end"));
    }
}
