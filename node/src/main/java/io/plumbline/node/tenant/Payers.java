package io.plumbline.node.tenant;

import io.plumbline.verifier.encoding.Bytes32;
import java.io.IOException;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.Set;

/**
 * Accounts of a ledger that pay for their calls. What an account has paid and not used is its credit, which its next
 * calls are paid with; the sums are in a file of their own, as tenants' are. Any thread may call.
 */
public final class Payers implements AutoCloseable {
    /** The name of the file of what they have paid and used, in the folder of a server. */
    public static final String FILE = "payers.jsonl";

    /** Accounts with credit left; each has paid a fee on the ledger to become one. */
    private static final int MOST = 100_000;

    /** Accounts that have ever paid, whose sums are kept. */
    private static final int MOST_KNOWN = 1_000_000;

    private final UsageBook book;
    private final Turns turns;
    private final InstantSource wall = InstantSource.system();

    /**
     * Reads what they have.
     *
     * @param folder of the server.
     * @param together answers that are computed side by side, 1 or more; further calls wait for their turn.
     * @throws IOException where the file is damaged.
     */
    public Payers(Path folder, int together) throws IOException {
        this.book = new UsageBook(folder.resolve(FILE), wall.instant());
        this.turns = new Turns(together, Turns.MOST_WAITING_OF_ONE, Turns.MOST_WAITING);
    }

    /** An account as one that has nothing to spend but what it pays. */
    static Tenant tenant(Bytes32 account) {
        return new Tenant(account.toString(), account, "", Quota.UNLIMITED, 0, Set.of());
    }

    /** The credit of an account, less what its calls under way may cost. */
    public long left(Bytes32 account) {
        return book.left(tenant(account));
    }

    /** Whether one more account may pay, or this one has before. */
    public boolean mayPay(Bytes32 account) {
        return book.knows(tenant(account)) || book.count() < MOST_KNOWN && book.withCredit() < MOST;
    }

    /**
     * Counts a payment; one that was counted counts once.
     *
     * @param payment its number on the ledger.
     * @throws IOException where it is not on the disk yet: it is counted, and comes again after a restart.
     */
    public void credit(Bytes32 account, long amount, long payment) throws IOException {
        book.credit(tenant(account), amount, payment, wall.instant());
    }

    /** Whether the payment of this number was counted. */
    public boolean hasCounted(long payment) {
        return book.hasCounted(payment);
    }

    /** The greatest number of a payment that was counted; 0 for none. */
    public long lastPayment() {
        return book.lastPayment();
    }

    /** A call of an account that has shown that it is its. */
    public PaidCall call(Bytes32 account) {
        return new PaidCall(tenant(account), book, turns, wall);
    }

    /** Sees to it that all of it outlasts a failure of power. */
    public void save() throws IOException {
        book.save(wall.instant());
    }

    /** Sends away what waits, and keeps what was used. */
    @Override
    public void close() throws IOException {
        turns.close();
        save();
        book.close();
    }
}
