package io.plumbline.ledger.state;

import io.plumbline.ledger.state.Command.Accuse;
import io.plumbline.ledger.state.Command.HandInEvidence;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.blake3.Domain;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalWriter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Evidence that is being handed in, part by part, one accusation at a time of each account: bounded in size, number
 * and time. What is whole is looked at at once by {@link EvidenceRule}. A deposit is burned where it proves nothing,
 * or does not come.
 *
 * <p>Parts pass through full nodes, which could hand in the same. So the finder's part of a stake goes to whoever has
 * announced the evidence first, under a hash that only who has it can make, see {@link Accuse#hash}: it waits until
 * those who announced theirs before have handed it in or have not.
 */
final class Accusations {
    /** Bytes of all evidence that is being handed in by others than full nodes. */
    private static final long MAX_STRANGERS_BYTES = 64L << 20;

    private static final long HAND_IN_MS = 120_000;

    private static final Domain PARTS = new Domain("plumbline 2026-11 evidence parts");

    private final Books books;
    private final SortedMap<Bytes32, Accusation> byAccuser = new TreeMap<>();

    /** By request: those that wait for earlier accusations to end. */
    private final SortedMap<Bytes32, Bounty> bounties = new TreeMap<>();

    /** Deposits of all, and bytes of those that others than full nodes hand in. */
    private long deposits;

    private long strangersBytes;

    /** The finder's part of a stake, and the first so far who has proven the lie. */
    private record Bounty(Bytes32 finder, long number, long amount) {}

    /** What has come of one. */
    private static final class Accusation {
        /** Its place among all; 0 of all of a ledger before rules 9, where the first to prove is the finder. */
        private final long number;

        private final Bytes32 requestHash;
        private final byte[] evidenceHash;
        private final int bytes;
        private final long deposit;
        private final boolean isFullNodes;
        private final long dueMs;
        private final List<byte[]> parts = new ArrayList<>();
        private int received;

        /** Stands for all parts so far. The state's root has it in place of them, which are up to 16 MiB. */
        private byte[] partsHash = new byte[32];

        Accusation(
                long number,
                Bytes32 requestHash,
                byte[] evidenceHash,
                int bytes,
                long deposit,
                boolean isFullNodes,
                long dueMs) {
            this.number = number;
            this.requestHash = requestHash;
            this.evidenceHash = evidenceHash;
            this.bytes = bytes;
            this.deposit = deposit;
            this.isFullNodes = isFullNodes;
            this.dueMs = dueMs;
        }

        void add(byte[] part) {
            parts.add(part);
            received += part.length;
            partsHash = PARTS.hash(partsHash, part);
        }

        byte[] evidence() {
            byte[] all = new byte[received];
            int at = 0;
            for (byte[] part : parts) {
                System.arraycopy(part, 0, all, at, part.length);
                at += part.length;
            }
            return all;
        }

        /** All but the parts. */
        void write(CanonicalWriter out, boolean hasOrder) {
            if (hasOrder) {
                out.putLong(number);
            }
            out.putBytes32(requestHash).putFixed(evidenceHash);
            out.putInt(bytes).putLong(deposit).putInt(isFullNodes ? 1 : 0).putLong(dueMs);
        }
    }

    /**
     * Whole evidence.
     *
     * @param number of the accusation; the last of all where what was announced is not bound to its accuser.
     */
    record Whole(Bytes32 requestHash, byte[] evidence, long deposit, long number) {}

    Accusations(Books books) {
        this.books = books;
    }

    /**
     * Begins one.
     *
     * @param number its place among all.
     * @return why it is not begun, or null.
     */
    String begin(Bytes32 accuser, Accuse c, long number, boolean isFullNode, long deposit, long nowMs) {
        if (c.bytes() < 1 || c.bytes() > Accuse.MAX_BYTES) {
            return "evidence has 1 to " + Accuse.MAX_BYTES + " bytes, not " + c.bytes();
        }
        if (byAccuser.containsKey(accuser)) {
            return "this account is handing in other evidence; finish it first";
        }
        if (!isFullNode && strangersBytes + c.bytes() > MAX_STRANGERS_BYTES) {
            return "too much evidence is being handed in; try again in " + HAND_IN_MS / 1000 + " s";
        }
        long covered = isFullNode ? 0 : deposit;
        if (covered > books.account(accuser).balance()) {
            return "a deposit of " + covered + " is not covered by a balance of "
                    + books.account(accuser).balance();
        }
        books.hold(accuser, covered);
        put(
                accuser,
                new Accusation(
                        number, c.requestHash(), c.evidenceHash(), c.bytes(), covered, isFullNode, nowMs + HAND_IN_MS));
        return null;
    }

    private void put(Bytes32 accuser, Accusation one) {
        byAccuser.put(accuser, one);
        count(one, 1);
    }

    private void count(Accusation one, int sign) {
        deposits += sign * one.deposit;
        strangersBytes += one.isFullNodes ? 0 : (long) sign * one.bytes;
    }

    /** @return why a part is not taken, or null. */
    String refusal(Bytes32 accuser, HandInEvidence c) {
        Accusation open = byAccuser.get(accuser);
        if (open == null) {
            return "this account has accused nobody";
        }
        int length = c.part().length;
        return length < 1 || length > HandInEvidence.MAX_BYTES || length > open.bytes - open.received
                ? "a part of " + length + " bytes does not follow " + open.received + " of " + open.bytes
                : null;
    }

    /** Takes a part; all of the evidence with the last one, else null. */
    Whole take(Bytes32 accuser, HandInEvidence c) {
        Accusation open = byAccuser.get(accuser);
        open.add(c.part());
        if (open.received < open.bytes) {
            return null;
        }
        byAccuser.remove(accuser);
        count(open, -1);
        byte[] all = open.evidence();
        byte[] plain = Blake3.hash(all);
        boolean isBound = Arrays.equals(Accuse.bound(plain, accuser), open.evidenceHash);
        boolean isTheAnnounced = isBound || Arrays.equals(plain, open.evidenceHash);
        long number = isBound || open.number == 0 ? open.number : Long.MAX_VALUE;
        return new Whole(open.requestHash, isTheAnnounced ? all : new byte[0], open.deposit, number);
    }

    /** Whether this was announced before that by which the answer was proven false, and its bounty still waits. */
    boolean isBeforeFinders(Whole whole) {
        Bounty bounty = bounties.get(whole.requestHash);
        return bounty != null && whole.number < bounty.number;
    }

    /**
     * This evidence proves the lie.
     *
     * @param bounty the finder's part of the stake; 0 where it waits already, for one who announced it later.
     */
    void proven(Bytes32 accuser, Whole whole, long bounty, long block) {
        Bounty before = bounties.get(whole.requestHash);
        long amount = bounty;
        if (before != null && bounty == 0) {
            amount = before.amount;
        } else if (before != null) {
            // The same request was asked anew: what the first answer's finder has is its own.
            books.owe(before.finder, before.amount, block);
        }
        bounties.put(whole.requestHash, new Bounty(accuser, whole.number, amount));
    }

    /** Pays the bounties that wait for nobody any more; whether there was any. */
    boolean pay(long block) {
        return bounties.entrySet().removeIf(one -> {
            Bounty bounty = one.getValue();
            boolean waits = byAccuser.values().stream()
                    .anyMatch(other -> other.requestHash.equals(one.getKey()) && other.number < bounty.number);
            if (!waits) {
                books.owe(bounty.finder, bounty.amount, block);
            }
            return !waits;
        });
    }

    /** Drops what did not come in time, its deposit burned; whether there was anything. */
    boolean expire(long nowMs, long block) {
        boolean dropped = byAccuser.values().removeIf(one -> {
            if (one.dueMs > nowMs) {
                return false;
            }
            books.burn(one.deposit, block);
            count(one, -1);
            return true;
        });
        return dropped | pay(block);
    }

    /** The next time something is dropped, or the end of time. */
    long nextMs() {
        return byAccuser.values().stream().mapToLong(one -> one.dueMs).min().orElse(Long.MAX_VALUE);
    }

    /** All deposits and bounties that are held here. */
    long total() {
        return bounties.values().stream().mapToLong(Bounty::amount).reduce(deposits, Math::addExact);
    }

    /**
     * Hashes that stand for all of it in the state's root.
     *
     * @param hasOrder whether it matters who accused first: since rules 9.
     */
    void writeHashes(CanonicalWriter out, boolean hasOrder) {
        out.putInt(byAccuser.size());
        byAccuser.forEach((accuser, one) -> {
            one.write(out.putBytes32(accuser), hasOrder);
            out.putInt(one.received).putFixed(one.partsHash);
        });
        writeBounties(out, hasOrder);
    }

    private void writeBounties(CanonicalWriter out, boolean hasOrder) {
        if (hasOrder) {
            out.putInt(bounties.size());
            bounties.forEach((request, bounty) -> out.putBytes32(request)
                    .putBytes32(bounty.finder)
                    .putLong(bounty.number)
                    .putLong(bounty.amount));
        }
    }

    /** @param hasOrder as in {@link #writeHashes}. */
    void write(CanonicalWriter out, boolean hasOrder) {
        out.putInt(byAccuser.size());
        byAccuser.forEach((accuser, one) -> {
            one.write(out.putBytes32(accuser), hasOrder);
            out.putInt(one.parts.size());
            one.parts.forEach(out::putBytes);
        });
        writeBounties(out, hasOrder);
    }

    static Accusations read(Books books, boolean hasOrder, CanonicalReader in) {
        Accusations accusations = new Accusations(books);
        for (int n = in.getInt("accusations"); n > 0; n--) {
            Bytes32 accuser = in.getBytes32("accuser");
            Accusation one = new Accusation(
                    hasOrder ? in.getLong("number") : 0,
                    in.getBytes32("request hash"),
                    in.getFixed(32, "evidence hash"),
                    in.getInt("bytes"),
                    in.getLong("deposit"),
                    in.getInt("full node") != 0,
                    in.getLong("due time"));
            for (int k = in.getInt("parts"); k > 0; k--) {
                one.add(in.getBytes("part"));
            }
            accusations.put(accuser, one);
        }
        for (int n = hasOrder ? in.getInt("bounties") : 0; n > 0; n--) {
            Bytes32 request = in.getBytes32("request hash");
            accusations.bounties.put(
                    request, new Bounty(in.getBytes32("finder"), in.getLong("number"), in.getLong("amount")));
        }
        return accusations;
    }
}
