package io.plumbline.ledger.state;

import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalWriter;
import io.plumbline.verifier.lightclient.LedgerHashes.Kind;
import java.util.NavigableMap;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Who has how much. What changes hands is owed first, and paid when the block that says so is certified: no payment
 * rests on what one leader has ordered. What comes in, is owed, burned and paid out adds up after every command.
 */
final class Books {
    /** Payees that are nobody: what they are owed leaves the ledger. */
    private static final Bytes32 BURN = new Bytes32(0, 0, 0, 0);

    private static final Bytes32 OUTSIDE = new Bytes32(0, 0, 0, 1);

    /** All money that a ledger may have: sums of a few such amounts still fit a long. */
    static final long MAX_DEPOSITED = Long.MAX_VALUE / 4;

    private final Entries entries;
    private final SortedMap<Bytes32, Account> accounts = new TreeMap<>();

    /** By the number of the block whose certificate pays it. */
    private final NavigableMap<Long, SortedMap<Bytes32, Long>> owed = new TreeMap<>();

    /** Accounts with stakes on their way out, by the time they are free. */
    private final NavigableMap<Long, TreeSet<Bytes32>> releases = new TreeMap<>();

    private long deposited;
    private long burned;
    private long paidOut;

    /** Sums over all accounts and all that is owed, kept as they change: anybody may ask for them at any time. */
    private long inAccounts;

    private long inDebts;

    Books(Entries entries) {
        this.entries = entries;
    }

    /** Whether what is owed to this key leaves the ledger: it is no account. */
    static boolean isNobody(Bytes32 key) {
        return key.equals(BURN) || key.equals(OUTSIDE);
    }

    /** An unknown key has nothing. */
    Account account(Bytes32 key) {
        return accounts.getOrDefault(key, Account.NONE);
    }

    /** An account without money leaves the state. */
    private void put(Bytes32 key, Account next) {
        boolean isEmpty = next.total() == 0;
        Account before = isEmpty ? accounts.remove(key) : accounts.put(key, next);
        inAccounts += next.total() - (before == null ? 0 : before.total());
        if (before != null && before.unbonding() > 0) {
            TreeSet<Bytes32> at = releases.get(before.releaseMs());
            at.remove(key);
            if (at.isEmpty()) {
                releases.remove(before.releaseMs());
            }
        }
        if (next.unbonding() > 0) {
            releases.computeIfAbsent(next.releaseMs(), at -> new TreeSet<>()).add(key);
        }
        if (isEmpty) {
            entries.remove(Kind.ACCOUNT, key);
        } else {
            entries.put(Kind.ACCOUNT, key, next::encode);
        }
    }

    /** Money from outside. */
    void deposit(Bytes32 key, long amount) {
        deposited = Math.addExact(deposited, amount);
        put(key, account(key).plus(amount));
    }

    /** Money set aside for a request. */
    void hold(Bytes32 key, long amount) {
        put(key, account(key).plus(-amount));
    }

    /** Moves from balance to stake. */
    void bond(Bytes32 key, long amount) {
        Account a = account(key);
        put(key, new Account(a.balance() - amount, Math.addExact(a.stake(), amount), a.unbonding(), a.releaseMs()));
    }

    /** Begins to free a stake; what is on its way already waits anew. */
    void unbond(Bytes32 key, long amount, long releaseMs) {
        Account a = account(key);
        put(key, new Account(a.balance(), a.stake() - amount, Math.addExact(a.unbonding(), amount), releaseMs));
    }

    /** Frees what has waited; whether there was anything. */
    boolean release(long nowMs) {
        boolean any = false;
        while (!releases.isEmpty() && releases.firstKey() <= nowMs) {
            Bytes32 key = releases.firstEntry().getValue().first();
            Account a = account(key);
            put(key, new Account(Math.addExact(a.balance(), a.unbonding()), a.stake()));
            any = true;
        }
        return any;
    }

    /** The next time something is freed, or the end of time. */
    long nextReleaseMs() {
        return releases.isEmpty() ? Long.MAX_VALUE : releases.firstKey();
    }

    /** Moves all that a key has, and is owed, to a key that has no stake. */
    void handOver(Bytes32 from, Bytes32 to) {
        Account a = account(from);
        put(from, Account.NONE);
        long balance = Math.addExact(account(to).balance(), a.balance());
        put(to, new Account(balance, a.stake(), a.unbonding(), a.releaseMs()));
        for (SortedMap<Bytes32, Long> one : owed.values()) {
            Long amount = one.remove(from);
            if (amount != null) {
                one.merge(to, amount, Math::addExact);
            }
        }
    }

    /** Takes all of a stake, what is on its way out too; the caller owes it to others. */
    long seize(Bytes32 key) {
        Account a = account(key);
        put(key, new Account(a.balance(), 0));
        return Math.addExact(a.stake(), a.unbonding());
    }

    /** @param block whose certificate pays it. */
    void owe(Bytes32 payee, long amount, long block) {
        if (amount > 0) {
            owed.computeIfAbsent(block, at -> new TreeMap<>()).merge(payee, amount, Math::addExact);
            inDebts = Math.addExact(inDebts, amount);
        }
    }

    void burn(long amount, long block) {
        owe(BURN, amount, block);
    }

    /** Takes a fee from a balance, and from the stake where that has too little; it is burned. */
    void fee(Bytes32 key, long amount, long block) {
        long ofBalance = Math.min(amount, account(key).balance());
        hold(key, ofBalance);
        burn(ofBalance + forfeit(key, amount - ofBalance), block);
    }

    /** Takes up to {@code amount} of a stake, last of what is on its way out; the caller owes it to others. */
    long forfeit(Bytes32 key, long amount) {
        Account a = account(key);
        long ofStake = Math.min(amount, a.stake());
        long ofUnbonding = Math.min(amount - ofStake, a.unbonding());
        long left = a.unbonding() - ofUnbonding;
        put(key, new Account(a.balance(), a.stake() - ofStake, left, left == 0 ? 0 : a.releaseMs()));
        return ofStake + ofUnbonding;
    }

    /** Takes from a balance what leaves the ledger. */
    void payOut(Bytes32 key, long amount, long block) {
        hold(key, amount);
        owe(OUTSIDE, amount, block);
    }

    /** Pays what blocks up to this one say; whether there was anything. */
    boolean pay(long block) {
        SortedMap<Long, SortedMap<Bytes32, Long>> due = owed.headMap(block, true);
        boolean any = !due.isEmpty();
        for (SortedMap<Bytes32, Long> one : due.values()) {
            one.forEach((payee, amount) -> {
                inDebts -= amount;
                if (payee.equals(BURN)) {
                    burned = Math.addExact(burned, amount);
                } else if (payee.equals(OUTSIDE)) {
                    paidOut = Math.addExact(paidOut, amount);
                } else {
                    put(payee, account(payee).plus(amount));
                }
            });
        }
        due.clear();
        return any;
    }

    /** What a key will have when the next blocks are certified, beside its balance. */
    long owed(Bytes32 key) {
        long sum = 0;
        for (SortedMap<Bytes32, Long> one : owed.values()) {
            sum = Math.addExact(sum, one.getOrDefault(key, 0L));
        }
        return sum;
    }

    long deposited() {
        return deposited;
    }

    /** Balances, stakes, what is owed, burned and paid out; with open escrows it is what was deposited. */
    long total() {
        return Math.addExact(Math.addExact(burned, paidOut), Math.addExact(inAccounts, inDebts));
    }

    /** All but the accounts, which are entries of their own. */
    void writeSums(CanonicalWriter out) {
        out.putLong(deposited).putLong(burned).putLong(paidOut).putInt(owed.size());
        owed.forEach((block, one) -> {
            out.putLong(block).putInt(one.size());
            one.forEach((payee, amount) -> out.putFixed(payee.bytes()).putLong(amount));
        });
    }

    void write(CanonicalWriter out) {
        writeSums(out);
        out.putInt(accounts.size());
        accounts.forEach((key, account) -> out.putFixed(key.bytes()).putFixed(account.encode()));
    }

    static Books read(Entries entries, CanonicalReader in) {
        Books books = new Books(entries);
        books.deposited = in.getLong("deposited");
        books.burned = in.getLong("burned");
        books.paidOut = in.getLong("paid out");
        for (int blocks = in.getInt("blocks with payments"); blocks > 0; blocks--) {
            long block = in.getLong("block");
            for (int n = in.getInt("payments"); n > 0; n--) {
                Bytes32 payee = Bytes32.of(in.getFixed(32, "payee"));
                books.owe(payee, in.getLong("amount"), block);
            }
        }
        for (int n = in.getInt("accounts"); n > 0; n--) {
            Bytes32 key = Bytes32.of(in.getFixed(32, "account"));
            books.put(key, Account.read(in));
        }
        return books;
    }
}
