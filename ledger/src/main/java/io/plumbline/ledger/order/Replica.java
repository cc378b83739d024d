package io.plumbline.ledger.order;

import io.plumbline.ledger.state.Command.CastVote;
import io.plumbline.ledger.state.Command.StateSnapshot;
import io.plumbline.ledger.state.DeclaredFeed;
import io.plumbline.ledger.state.EpochStatement;
import io.plumbline.ledger.state.LedgerState;
import io.plumbline.ledger.state.Node;
import io.plumbline.ledger.state.Settlement;
import io.plumbline.ledger.state.StorageDeal;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalWriter;
import io.plumbline.verifier.lightclient.BlockHeader;
import io.plumbline.verifier.lightclient.Certificate;
import io.plumbline.verifier.lightclient.CertifiedEntry;
import io.plumbline.verifier.lightclient.LedgerHashes.Kind;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;

/**
 * One full node's copy of the ledger under whatever puts commands in order: applies what comes, closes blocks, has
 * itself woken, and tells what happened. Single-threaded.
 */
public final class Replica {
    /** Longest time from a command to the block that has it, when the one before is certified. */
    public static final long BLOCK_MS = 20;

    /** The timer that closes a block. */
    public static final long BLOCK_TIMER = 1;

    /** The timer that ends what should have ended. */
    public static final long DEADLINE_TIMER = 2;

    private final LedgerState state;
    private final Listener listener;
    private final Timers timers;
    /** When the timer that closes a block goes off, or the end of time where it is not set. */
    private long blockMs = Long.MAX_VALUE;

    private long wakeMs = Long.MAX_VALUE;
    private long certified;
    private long epoch;
    private int statements;

    /** Hears what happens; must return at once. */
    public interface Listener {
        /** An audit began, went into its next phase or came to its end. */
        void onAudit(Settlement changed, Node node);

        /** A block waits for signatures in this epoch, or may be signed now that these statements are in. */
        default void onBlock(BlockHeader header, long epoch, Collection<EpochStatement> statements) {
            // Who signs nothing does not care.
        }

        /** A full node has voted for a block as it was closed here; where it is late nobody has checked it. */
        default void onVote(CastVote vote) {
            // Only a full node that looks whether its key signs elsewhere needs it.
        }

        /** A block has enough signatures: nobody needs to sign it any more. */
        default void onCertified(BlockHeader header, Certificate certificate) {
            // Who signs nothing does not care.
        }

        /** A full node says what its snapshot is. */
        default void onStatedSnapshot(Bytes32 fullNode, StateSnapshot snapshot) {
            // Only a copy of another's needs it.
        }

        /** A snapshot was taken, the same bytes at every member, after so many commands. */
        default void onSnapshot(byte[] snapshot, long height) {
            // It is on disk in any case.
        }
    }

    /** Wakes the replica, every one at the same place in the order. */
    @FunctionalInterface
    public interface Timers {
        /** Sets the timer of this number, which is not set or set to another time. */
        void schedule(long timer, long atMs);
    }

    public Replica(LedgerState state, Listener listener, Timers timers) {
        this.state = state;
        this.listener = listener;
        this.timers = timers;
        this.epoch = state.blocks().epoch();
        this.statements = state.blocks().statements().size();
        BlockHeader last = state.blocks().certified();
        this.certified = last == null ? -1 : last.number();
        state.tellVotes(listener::onVote);
        state.tellSnapshots(listener::onStatedSnapshot);
    }

    /** Tells of all that was under way when the state was put down. */
    public void begin() {
        tell();
        if (state.blocks().open() != null) {
            open();
        }
    }

    private void open() {
        listener.onBlock(state.blocks().open(), epoch, state.blocks().statements());
    }

    /** Applies what was ordered. @return as {@link LedgerState#apply(byte[], long)}. */
    public List<String> onCommand(byte[] signed, long nowMs) {
        List<String> reasons = state.apply(signed, nowMs);
        follow(nowMs);
        return reasons;
    }

    public void onTimer(long timer, long nowMs) {
        if (timer == BLOCK_TIMER) {
            blockMs = Long.MAX_VALUE;
            close(nowMs);
        } else {
            wakeMs = Long.MAX_VALUE;
            state.expire(nowMs);
        }
        follow(nowMs);
    }

    /** Tells what happened, closes a block that is full, and sees to it that it is woken. */
    private void follow(long nowMs) {
        tell();
        BlockHeader last = state.blocks().certified();
        if (last != null && last.number() > certified) {
            certified = last.number();
            listener.onCertified(last, state.blocks().certificate());
        }
        int said = state.blocks().statements().size();
        if (state.blocks().epoch() != epoch || said != statements) {
            epoch = state.blocks().epoch();
            statements = said;
            if (state.blocks().open() != null) {
                open();
            }
        }
        if (state.isBlockFull()) {
            close(nowMs);
        } else if (state.wantsBlock() && nowMs < blockMs - BLOCK_MS) {
            // By the clock as it is now: the state's own time may be ahead, after a leader whose clock was, and so may
            // the time that the timer was set to then.
            blockMs = nowMs + BLOCK_MS;
            timers.schedule(BLOCK_TIMER, blockMs);
        }
        long next = state.nextDeadlineMs();
        if (next < wakeMs) {
            wakeMs = next;
            timers.schedule(DEADLINE_TIMER, next);
        }
    }

    private void close(long nowMs) {
        if (state.closeBlock(nowMs) != null) {
            open();
        }
    }

    private void tell() {
        state.takeChanged().forEach(one -> listener.onAudit(one, state.node(one.node())));
    }

    /**
     * A query's answer; empty where there is none, or the query is none.
     *
     * @param nowMs cluster time of the query: between two commands the state has none, and what it holds grows old.
     */
    public byte[] answer(Query query, byte[] key, long nowMs) {
        return switch (query) {
            case ACCOUNT -> key.length == 32 ? state.account(Bytes32.of(key)).encode() : new byte[0];
            case SETTLEMENT -> {
                Settlement found = key.length == 32 ? state.findSettlement(Bytes32.of(key)) : null;
                yield found == null ? new byte[0] : found.encode();
            }
            case NODES ->
                key.length == 0 || key.length == 32
                        ? NodePage.of(state.nodesAfter(key.length == 0 ? null : Bytes32.of(key)), this::hasStake)
                                .encode()
                        : new byte[0];
            case ROOT -> state.root();
            case PROOF -> proof(key);
            case STANDING -> LedgerStatus.of(state).encode();
            case ESCROWS -> key.length == 32 ? escrows(Bytes32.of(key)) : new byte[0];
            case LOG_START -> new byte[0];
            case PAYMENTS -> key.length == 32 + Long.BYTES ? payments(key) : new byte[0];
            case DATA_NODES ->
                key.length == 0 || key.length == 32
                        ? DataNodePage.of(
                                        state.dataNodesAfter(key.length == 0 ? null : Bytes32.of(key)),
                                        // It may hold deals with less than the least.
                                        node -> state.account(node.key()).stake() > 0)
                                .encode()
                        : new byte[0];
            case FEED -> key.length == 32 ? feed(Bytes32.of(key), Math.max(nowMs, state.timeMs())) : new byte[0];
            case FEEDS ->
                key.length == 0 || key.length == 32
                        ? new FeedPage(state.feedsAfter(key.length == 0 ? null : Bytes32.of(key), FeedPage.MAX_FEEDS))
                                .encode()
                        : new byte[0];
            case DEAL -> key.length == Long.BYTES ? deal(key) : new byte[0];
            case DEALS -> key.length == 32 + 1 + Long.BYTES ? deals(key) : new byte[0];
        };
    }

    private byte[] deal(byte[] asked) {
        StorageDeal found = state.deal(new CanonicalReader(asked, "deal").getLong("number"));
        return found == null ? new byte[0] : found.encode();
    }

    private byte[] deals(byte[] asked) {
        CanonicalReader in = new CanonicalReader(asked, "deals");
        Bytes32 account = in.getBytes32("account");
        byte role = in.getFixed(1, "role")[0];
        if (role < 0 || role >= StorageDeal.Role.values().length) {
            return new byte[0];
        }
        long after = in.getLong("number");
        return new DealPage(state.dealsOf(account, StorageDeal.Role.values()[role], after, DealPage.MAX_DEALS))
                .encode();
    }

    private byte[] feed(Bytes32 id, long nowMs) {
        DeclaredFeed declared = state.feed(id);
        return declared == null ? new byte[0] : FeedReading.of(declared, nowMs).encode();
    }

    private byte[] escrows(Bytes32 node) {
        CanonicalWriter out = new CanonicalWriter();
        state.escrowsOf(node).forEach(out::putBytes32);
        return out.toBytes();
    }

    private byte[] payments(byte[] asked) {
        CanonicalReader in = new CanonicalReader(asked, "payments");
        Bytes32 to = in.getBytes32("payee");
        return PaymentPage.of(state.paymentsTo(to, in.getLong("number"))).encode();
    }

    private byte[] proof(byte[] key) {
        if (key.length == 0 || key[0] < 0 || key[0] >= Kind.values().length) {
            return new byte[0];
        }
        Kind kind = Kind.values()[key[0]];
        if (key.length != 1 + (kind == Kind.META ? 0 : Bytes32.BYTES)) {
            return new byte[0];
        }
        Bytes32 id = kind == Kind.META ? null : Bytes32.of(Arrays.copyOfRange(key, 1, key.length));
        CertifiedEntry entry = state.blocks().prove(kind, id);
        return entry == null ? new byte[0] : entry.encode();
    }

    public LedgerState state() {
        return state;
    }

    private boolean hasStake(Node node) {
        return state.account(node.key()).stake() >= state.parameters().minStake();
    }
}
