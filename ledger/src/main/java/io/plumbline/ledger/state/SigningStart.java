package io.plumbline.ledger.state;

import io.plumbline.verifier.lightclient.Certificate;

/**
 * When a full node that has started may sign. It signs nothing before it has seen a command of its own making in the
 * order, and so knows which blocks are younger than its start ({@link SigningSeen}). Then
 *
 * <ul>
 *   <li>with its signing history, it listens for a while whether its key signs elsewhere;
 *   <li>without it, or with one that is older than what the ledger has of its key, it waits until others have certified
 *       a block m that was closed after the start, and signs none up to m + 1. That is beyond all that it may have
 *       signed: to sign block n it needs a certificate for n - 1, and some honest full node other than itself has
 *       signed both n - 1, before the start, and m, after it; who signs m signs no lower number later, so n - 1 is at
 *       most m.
 * </ul>
 *
 * <p>Knows no clock and no disk. Not thread-safe.
 */
public final class SigningStart {
    private Phase phase = Phase.STARTING;
    private SigningSeen seen;

    /** How far it is. */
    public enum Phase {
        /** It does not know yet which blocks are younger than its start. */
        STARTING,

        /** It does not know what it has signed, and waits for a certificate of the others. */
        WITHOUT_HISTORY,

        /** It knows what it has signed, and listens whether its key signs elsewhere. */
        LISTENING,

        /** It signs. */
        SIGNING,

        /** Its key signs elsewhere: it never signs. */
        SIGNED_ELSEWHERE
    }

    public Phase phase() {
        return phase;
    }

    /** Takes what its replica has seen, once. */
    public void begin(SigningSeen atStart, SigningRecord signed) {
        if (phase != Phase.STARTING) {
            throw new IllegalStateException("It has begun before.");
        }
        seen = atStart;
        if (seen.lastSigned() > signed.last() || signed.isNone() && !seen.isNew()) {
            phase = Phase.WITHOUT_HISTORY;
        } else {
            phase = signed.isNone() ? Phase.SIGNING : Phase.LISTENING;
        }
    }

    /** It has listened for long enough. */
    public void heardNothing() {
        if (phase == Phase.LISTENING) {
            phase = Phase.SIGNING;
        }
    }

    /**
     * Takes a vote of its key, checked, for a block as its own replica has it.
     *
     * @param signed with all that this full node has signed itself until the vote was seen.
     */
    public void onVote(long number, SigningRecord signed) {
        if (phase != Phase.STARTING && number >= seen.fresh() && number > signed.number()) {
            phase = Phase.SIGNED_ELSEWHERE;
        }
    }

    /**
     * Takes a certificate for a block as its own replica has it.
     *
     * @return up to which number nothing may be signed, which must be on disk before anything is; -1 where nothing is
     *     to be done.
     */
    public long onCertified(long number, Certificate certificate) {
        if (phase != Phase.WITHOUT_HISTORY
                || number < seen.fresh()
                || certificate.signatures().containsKey(seen.place())) {
            return -1;
        }
        phase = Phase.LISTENING;
        return number + 1;
    }
}
