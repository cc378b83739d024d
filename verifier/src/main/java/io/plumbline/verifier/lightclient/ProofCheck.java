package io.plumbline.verifier.lightclient;

/** The checks of proofs of what a ledger has certified; a refusal names the first that does not hold. */
public enum ProofCheck {
    /** The bytes are a certified entry, and the entry is of the form that is meant. */
    MALFORMED,
    /** A quorum of the network's full nodes has signed the block. */
    QUORUM,
    /** The entry, or that there is none, follows from the block's state root. */
    STATE,
    /** The entry is about what is meant: a request, a feed, a deal. */
    KIND,
    /** There is an entry. */
    ABSENT,
    /** The settlement is that of the request under whose hash it stands. */
    REQUEST,
    /** The feed is the one that was asked for, and stands under the hash of its declaration. */
    FEED,
    /** Some round of the feed had a value. */
    NO_VALUE,
    /** The feed's value is no older than the feed allows, by the block's time and by the verifier's. */
    STALE,
    /** The deal is the one that was asked for. */
    DEAL
}
