package io.plumbline.ledger.state;

import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalWriter;
import java.math.BigInteger;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Stakes that were lost to evidence, until they are shared out. Requesters who had paid for answers that were proven
 * false get back what they paid, in proportion where the stake is not enough; the rest is burned. Nobody gets more
 * than was lost: a node that accuses itself through requests of its own takes none of its stake home.
 */
final class Seizures {
    /** Of a seized stake, to whom hands in the evidence first: one part in this many. */
    private static final int BOUNTY_PARTS = 10;

    private final Books books;
    private final SortedMap<Key, Seizure> byNode = new TreeMap<>();

    /** What somebody paid for an answer that was proven false. */
    private record Claim(byte[] requester, long amount) {}

    /** @param claims by request hash. */
    private record Seizure(long amount, long dueMs, SortedMap<Key, Claim> claims) {
        private Seizure(long amount, long dueMs) {
            this(amount, dueMs, new TreeMap<>());
        }
    }

    Seizures(Books books) {
        this.books = books;
    }

    /**
     * Takes a node's stake, and what it was paid for the answer that was proven false.
     *
     * @param finder who handed in the evidence.
     * @param paid 0 where the escrow was not paid yet.
     * @param dueMs until which more claims are taken, where this is the first.
     * @param block whose certificate pays the finder.
     */
    void seize(Key node, Key finder, Key request, byte[] requester, long paid, long dueMs, long block) {
        long stake = books.seize(node);
        Seizure seizure = byNode.get(node);
        if (seizure == null) {
            long bounty = stake / BOUNTY_PARTS;
            books.owe(finder, bounty, block);
            seizure = new Seizure(stake - bounty, dueMs);
        } else {
            // Put up anew since the first proof.
            seizure = new Seizure(Math.addExact(seizure.amount, stake), seizure.dueMs, seizure.claims);
        }
        byNode.put(node, seizure);
        if (paid > 0) {
            seizure.claims.put(request, new Claim(requester, paid));
        }
    }

    /** Shares out what is due; whether there was anything. */
    boolean expire(long nowMs, long block) {
        boolean any = false;
        for (Key node : byNode.entrySet().stream()
                .filter(entry -> entry.getValue().dueMs <= nowMs)
                .map(Map.Entry::getKey)
                .toList()) {
            share(byNode.remove(node), block);
            any = true;
        }
        return any;
    }

    private void share(Seizure seizure, long block) {
        long wanted = 0;
        for (Claim claim : seizure.claims.values()) {
            wanted = Math.addExact(wanted, claim.amount);
        }
        long left = seizure.amount;
        for (Claim claim : seizure.claims.values()) {
            long part = wanted <= seizure.amount ? claim.amount : part(seizure.amount, claim.amount, wanted);
            books.owe(Key.of(claim.requester), part, block);
            left -= part;
        }
        books.oweFire(left, block);
    }

    /** floor(amount * claim / wanted), where the product may not fit a long. */
    private static long part(long amount, long claim, long wanted) {
        return BigInteger.valueOf(amount)
                .multiply(BigInteger.valueOf(claim))
                .divide(BigInteger.valueOf(wanted))
                .longValueExact();
    }

    /** The next time something is shared out, or the end of time. */
    long nextMs() {
        return byNode.values().stream().mapToLong(Seizure::dueMs).min().orElse(Long.MAX_VALUE);
    }

    /** All that is held here. */
    long total() {
        long total = 0;
        for (Seizure seizure : byNode.values()) {
            total = Math.addExact(total, seizure.amount);
        }
        return total;
    }

    void write(CanonicalWriter out) {
        out.putInt(byNode.size());
        byNode.forEach((node, seizure) -> {
            out.putFixed(node.bytes()).putLong(seizure.amount).putLong(seizure.dueMs);
            out.putInt(seizure.claims.size());
            seizure.claims.forEach((request, claim) ->
                    out.putFixed(request.bytes()).putFixed(claim.requester).putLong(claim.amount));
        });
    }

    static Seizures read(Books books, CanonicalReader in) {
        Seizures seizures = new Seizures(books);
        for (int n = in.getInt("seizures"); n > 0; n--) {
            Key node = Key.of(in.getFixed(32, "node"));
            Seizure seizure = new Seizure(in.getLong("seized"), in.getLong("due time"));
            for (int k = in.getInt("claims"); k > 0; k--) {
                Key request = Key.of(in.getFixed(32, "request"));
                seizure.claims.put(request, new Claim(in.getFixed(32, "requester"), in.getLong("claim")));
            }
            seizures.byNode.put(node, seizure);
        }
        return seizures;
    }
}
