package io.plumbline.ledger.state;

import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.encoding.CanonicalWriter;

/**
 * Money of one key, in the ledger's smallest unit.
 *
 * @param balance free to use.
 * @param stake that answers for what its owner does.
 * @param unbonding asked back, and still answering for it until {@code releaseMs}.
 * @param releaseMs cluster time at which {@code unbonding} is free; 0 where there is none.
 */
public record Account(long balance, long stake, long unbonding, long releaseMs) {
    static final Account NONE = new Account(0, 0);

    /** With nothing on its way out. */
    public Account(long balance, long stake) {
        this(balance, stake, 0, 0);
    }

    Account plus(long amount) {
        return new Account(Math.addExact(balance, amount), stake, unbonding, releaseMs);
    }

    /** All of it. */
    long total() {
        return Math.addExact(Math.addExact(balance, stake), unbonding);
    }

    /** The entry of the state tree. */
    public byte[] encode() {
        return new CanonicalWriter()
                .putLong(balance)
                .putLong(stake)
                .putLong(unbonding)
                .putLong(releaseMs)
                .toBytes();
    }

    public static Account read(CanonicalReader in) {
        Account account = new Account(
                in.getLong("balance"), in.getLong("stake"), in.getLong("unbonding"), in.getLong("release time"));
        for (long amount : new long[] {account.balance, account.stake, account.unbonding}) {
            if (amount < 0 || amount > Books.MAX_DEPOSITED) {
                throw new MalformedException("Malformed account: it has " + amount + ".");
            }
        }
        return account;
    }
}
