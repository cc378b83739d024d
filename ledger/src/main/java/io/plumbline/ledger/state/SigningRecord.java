package io.plumbline.ledger.state;

import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * What a full node has signed, and so what it may still sign: one block per epoch and number, none in an epoch it has
 * stepped out of, and in a later epoch another one only where the first cannot have been certified.
 *
 * @param number of the last block it signed, or -1.
 * @param votes header hashes it signed for that block, by epoch.
 * @param promised below this epoch it signs nothing any more for the block of number {@code promisedFor}, and for
 *     earlier ones nothing at all. Later blocks are free of it: who stepped on alone, and was outrun by the others,
 *     goes on with them.
 * @param forgotten up to this number it may have signed what it knows nothing of, and signs nothing any more; -1 where
 *     it knows all.
 */
public record SigningRecord(
        long number, SortedMap<Long, byte[]> votes, long promisedFor, long promised, long forgotten) {
    /** Nothing was signed. */
    public static final SigningRecord NONE = new SigningRecord(-1, new TreeMap<>(), -1, 0);

    /** Of a full node that has forgotten nothing. */
    public SigningRecord(long number, SortedMap<Long, byte[]> votes, long promisedFor, long promised) {
        this(number, votes, promisedFor, promised, -1);
    }

    public SigningRecord {
        votes = Collections.unmodifiableSortedMap(new TreeMap<>(votes));
    }

    /** Whether this very vote was cast, and may be sent again. */
    public boolean hasSigned(long epoch, long of, byte[] hash) {
        return of == number && Arrays.equals(votes.get(epoch), hash);
    }

    /**
     * Why it must not sign a block, or null where it may. A block before the last is refused too.
     *
     * @param statements of distinct full nodes, each checked.
     */
    public String refusal(long epoch, long of, byte[] hash, Collection<EpochStatement> statements, int fullNodes) {
        if (of < number) {
            return "block " + of + " was signed long ago";
        }
        if (of <= forgotten) {
            return "this full node has lost its signing history, and may have signed a block " + of + " before";
        }
        if (of < promisedFor) {
            // Of that block it may have stated what it signed, by a promise that is not kept here any more.
            return "this full node has stepped on because of block " + promisedFor + ", and signs none before it";
        }
        if (epoch < promisedIn(of)) {
            return "this full node has promised to sign nothing for it in epoch " + epoch
                    + " any more; it waits for epoch " + promised;
        }
        if (of > number || hasSigned(epoch, of, hash)) {
            return null;
        }
        if (votes.containsKey(epoch)) {
            return "this full node has signed another block " + of + " in epoch " + epoch
                    + " before: it has computed wrongly once. When enough full nodes begin a new epoch it may sign again";
        }
        for (Map.Entry<Long, byte[]> old : votes.entrySet()) {
            Collection<EpochStatement> later = statements.stream()
                    .filter(one -> one.number() == of && one.epoch() > old.getKey())
                    .toList();
            if (!Arrays.equals(old.getValue(), hash)
                    && !EpochStatement.isExcluded(later, fullNodes, old.getKey(), old.getValue())) {
                return "this full node has signed another block " + of + " in epoch " + old.getKey()
                        + ", and by what the others say that one may be certified. It signs when more of them have said"
                        + " what they signed";
            }
        }
        return null;
    }

    /** With one more vote. */
    public SigningRecord voted(long epoch, long of, byte[] hash) {
        if (of < number) {
            return this;
        }
        SortedMap<Long, byte[]> more = of == number ? new TreeMap<>(votes) : new TreeMap<>();
        more.put(epoch, hash);
        return new SigningRecord(of, more, promisedFor, promised, forgotten);
    }

    /** Having stepped into an epoch because of a block. */
    public SigningRecord promise(long of, long epoch) {
        return of < promisedFor
                ? this
                : new SigningRecord(number, votes, of, Math.max(promisedIn(of), epoch), forgotten);
    }

    /** Below this epoch it signs nothing for a block. */
    public long promisedIn(long of) {
        return of == promisedFor ? promised : 0;
    }

    /** What it has signed of a block, by epoch: what it states. */
    public SortedMap<Long, byte[]> votesFor(long of) {
        return of == number ? votes : Collections.emptySortedMap();
    }

    /** Having lost what it signed of blocks up to this number. */
    public SigningRecord forget(long upTo) {
        return new SigningRecord(number, votes, promisedFor, promised, Math.max(forgotten, upTo));
    }

    /** Whether it says nothing: neither that anything was signed, nor that it was forgotten. */
    public boolean isNone() {
        return last() == -1 && promisedFor == -1;
    }

    /** The highest number of which it says that it was signed, or may have been; -1 where there is none. */
    public long last() {
        return Math.max(number, forgotten);
    }

    /**
     * With all that another record of the same full node says: it allows what both allow.
     *
     * @throws IllegalArgumentException where they name two blocks of one number and epoch.
     */
    public SigningRecord and(SigningRecord other) {
        SigningRecord later = other.number > number ? other : this;
        SortedMap<Long, byte[]> all = new TreeMap<>(later.votes);
        if (number == other.number) {
            other.votes.forEach((epoch, hash) -> {
                byte[] before = all.putIfAbsent(epoch, hash);
                if (before != null && !Arrays.equals(before, hash)) {
                    throw new IllegalArgumentException(
                            "two blocks " + number + " were signed in epoch " + epoch + ", which is an offence");
                }
            });
        }
        SigningRecord promise = other.promisedFor > promisedFor ? other : this;
        long epoch = Math.max(promisedIn(promise.promisedFor), other.promisedIn(promise.promisedFor));
        return new SigningRecord(later.number, all, promise.promisedFor, epoch, Math.max(forgotten, other.forgotten));
    }

    /** Whether both say the same: hashes are compared by what they are. */
    public boolean says(SigningRecord other) {
        return number == other.number
                && promisedFor == other.promisedFor
                && promised == other.promised
                && forgotten == other.forgotten
                && votes.keySet().equals(other.votes.keySet())
                && votes.entrySet().stream()
                        .allMatch(vote -> Arrays.equals(vote.getValue(), other.votes.get(vote.getKey())));
    }
}
