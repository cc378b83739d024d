package io.plumbline.ledger.order;

/** What may be read of the ledger's state. The order is that of the wire's subjects. */
public enum Query {
    /** Money of a key: see {@link io.plumbline.ledger.state.Account}. */
    ACCOUNT,
    /** A request's {@link io.plumbline.ledger.state.Settlement}; nothing where there is none. */
    SETTLEMENT,
    /**
     * A page of the inference nodes that may work, in the order of their keys: those after the key that is asked for,
     * the first ones where it is empty. See {@link io.plumbline.ledger.order.NodePage}.
     */
    NODES,
    /** The state root. */
    ROOT,
    /** An entry with its proof: one byte of kind, and its id. */
    PROOF,
    /** How far the ledger is: see {@link LedgerStatus}. */
    STANDING,
    /**
     * Requests whose escrow pays the node of this key and waits for its answer: 32 bytes each, at most {@link
     * io.plumbline.ledger.state.LedgerState#MAX_ESCROWS}.
     */
    ESCROWS,
    /** A full node's log, of which it says by itself where that begins: the state knows nothing of it. */
    LOG_START,
    /**
     * A page of the payments to a key that name what they are for: 32 bytes of key, 8 of the number after which they
     * are asked for. See {@link PaymentPage}.
     */
    PAYMENTS,
    /**
     * A page of the data nodes, in the order of their keys: those after the key that is asked for, the first ones where
     * it is empty. See {@link DataNodePage}.
     */
    DATA_NODES,
    /**
     * A feed by its id of 32 bytes, with its latest value only while that is no older than the feed allows: see {@link
     * FeedReading}. Nothing where there is no such feed.
     */
    FEED,
    /**
     * A page of the declared feeds, in the order of their ids: those after the id that is asked for, the first ones
     * where it is empty. See {@link FeedPage}.
     */
    FEEDS,
    /**
     * A {@link io.plumbline.ledger.state.StorageDeal} by its number of 8 bytes; nothing where there is none.
     */
    DEAL,
    /**
     * A page of an account's storage deals, in the order of their numbers: 32 bytes of key, one of {@link
     * io.plumbline.ledger.state.StorageDeal.Role}, 8 of the number after which they are asked for. See {@link
     * DealPage}.
     */
    DEALS
}
