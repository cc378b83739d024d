package io.plumbline.ledger.cluster;

import io.plumbline.ledger.state.Command;
import io.plumbline.ledger.state.EpochStatement;
import io.plumbline.ledger.state.Signed;
import io.plumbline.ledger.state.SigningRecord;
import io.plumbline.ledger.state.SigningSeen;
import io.plumbline.ledger.state.SigningStart;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.lightclient.BlockHeader;
import io.plumbline.verifier.lightclient.Certificate;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/**
 * Signs blocks for a full node, off the service's thread. What it is about to sign is on disk before it is signed, so
 * that it never signs two blocks of one number in one epoch, whatever happens between, nor anything else that its
 * {@link SigningRecord} does not allow.
 */
public final class Voter implements AutoCloseable {
    /** Where a vote could not be handed in: until it is, or is not needed. */
    private static final long AGAIN_MS = 1_000;

    /** Longest wait of the first block that it could sign for a vote of the same key that it did not make. */
    static final long LISTEN_MS = 3_000;

    /** Between two looks whether its own replica has what it has submitted. */
    private static final long LOOK_MS = 20;

    /** A block's time is not signed where it is further ahead of this host's clock. */
    static final long MAX_AHEAD_MS = 60_000;

    private static final SecureRandom RANDOM = new SecureRandom();

    private final Bytes32 fullNode;
    private final LongSupplier clock;
    private final Bytes32 genesisHash;
    private final int fullNodes;
    private final VoteSigner signer;
    private final SigningStart start = new SigningStart();
    private final Consumer<Throwable> onError;
    private final ScheduledExecutorService thread = new ScheduledThreadPoolExecutor(1);
    private final AtomicLong votes = new AtomicLong();
    private volatile long certified = -1;
    private volatile Waiting last;
    private volatile boolean hasBegun;
    private volatile boolean isWithoutHistory;
    private LedgerClient ledger;

    /** When it has listened for long enough, by {@link System#nanoTime}; 0 before there was a block to sign. */
    private long listenedNs;

    /** Up to this number nothing may be signed, and the history could not be told yet; -1 where it was. */
    private long toForget = -1;

    /** The last whose vote was handed in: it is not handed in again. */
    private Waiting handedIn;

    /** The last that was found to be ahead: its error is told once. */
    private Waiting ahead;

    private record Waiting(BlockHeader header, long epoch, Collection<EpochStatement> statements) {}

    /** A full node's own copy of the ledger, see {@link LedgerService#signingSeen}. */
    @FunctionalInterface
    public interface OwnReplica {
        SigningSeen signingSeen(Bytes32 fullNode, Bytes32 commands) throws InterruptedException, ExecutionException;
    }

    /** A task of its thread. */
    private interface Task {
        void run() throws IOException, InterruptedException, ExecutionException;
    }

    /**
     * @param fullNodes how many there are.
     * @param file of what was signed.
     * @param onError hears why a block was not signed.
     * @throws IOException where the file cannot be read: a full node that does not know what it has signed must not
     *     sign; or where another process signs with it.
     */
    public Voter(KeyPair keys, Bytes32 genesisHash, int fullNodes, Path file, Consumer<Throwable> onError)
            throws IOException {
        this(keys, genesisHash, fullNodes, file, onError, System::currentTimeMillis);
    }

    /** With another clock, in ms. */
    Voter(KeyPair keys, Bytes32 genesisHash, int fullNodes, Path file, Consumer<Throwable> onError, LongSupplier clock)
            throws IOException {
        this(
                keys.publicKey(),
                genesisHash,
                fullNodes,
                new LocalVoteSigner(keys, genesisHash, fullNodes, file),
                onError,
                clock);
    }

    /**
     * @param fullNode its public key.
     * @param fullNodes how many there are.
     * @param signer closed with this.
     * @param onError hears why a block was not signed.
     */
    public Voter(Bytes32 fullNode, Bytes32 genesisHash, int fullNodes, VoteSigner signer, Consumer<Throwable> onError) {
        this(fullNode, genesisHash, fullNodes, signer, onError, System::currentTimeMillis);
    }

    private Voter(
            Bytes32 fullNode,
            Bytes32 genesisHash,
            int fullNodes,
            VoteSigner signer,
            Consumer<Throwable> onError,
            LongSupplier clock) {
        this.fullNode = fullNode;
        this.genesisHash = genesisHash;
        this.fullNodes = fullNodes;
        this.signer = signer;
        this.onError = onError;
        this.clock = clock;
    }

    /**
     * From now on it can hand in its votes. It signs when it knows that it may, see {@link SigningStart}.
     *
     * @param replica of this full node, fed by the same order as {@link #onBlock} tells of.
     */
    public void begin(LedgerClient telling, OwnReplica replica) {
        ledger = telling;
        execute(() -> begin(replica));
    }

    /** Has a command that was not there before put into the order, and waits until its own replica has it. */
    private void begin(OwnReplica replica) throws InterruptedException, ExecutionException {
        SigningSeen seen = null;
        while (seen == null) {
            try {
                seen = ordered(replica);
            } catch (IOException e) {
                // There is no leader yet; the full node says so while it waits for the ledger.
                Thread.sleep(AGAIN_MS);
            }
        }
        start.begin(seen, signer.signed());
        isWithoutHistory = start.phase() == SigningStart.Phase.WITHOUT_HISTORY;
        hasBegun = true;
        if (isWithoutHistory) {
            onError.accept(new IOException(
                    (signer.signed().isNone() ? "There is no signing history" : "The signing history is an old one")
                            + ", and the ledger has blocks that this full node may have signed: it signs none until"
                            + " the others have certified block " + seen.fresh() + " or a later one without it, and"
                            + " goes on with the next but one. Where they cannot, bring the history in:"
                            + " ./plumbline ledger import-votes."));
        }
        Waiting waiting = last;
        if (waiting != null) {
            guarded(() -> vote(waiting));
        }
    }

    /** Null where it was refused, or came too late. */
    private SigningSeen ordered(OwnReplica replica) throws IOException, InterruptedException, ExecutionException {
        byte[] random = new byte[32];
        RANDOM.nextBytes(random);
        // There is no such escrow: it is refused, changes nothing, and is part of what all later blocks sign.
        Signed marker = ledger.sign(List.of(new Command.DeclineEscrow(Bytes32.of(random))));
        long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(LedgerClient.LIFE_MS);
        ledger.submit(marker);
        Bytes32 id = marker.id(genesisHash);
        SigningSeen seen = null;
        while (seen == null && System.nanoTime() < end) {
            Thread.sleep(LOOK_MS);
            seen = replica.signingSeen(fullNode, id);
        }
        return seen;
    }

    /** Votes that were handed in since the start. */
    public long votes() {
        return votes.get();
    }

    /** Signs a block and hands the vote in; returns at once. */
    public void onBlock(BlockHeader header, long epoch, Collection<EpochStatement> statements) {
        last = new Waiting(header, epoch, statements);
        execute(() -> vote(last));
    }

    /** States what this full node's snapshot is, for those that copy one; returns at once. */
    public void onSnapshot(long height, Bytes32 hash) {
        if (hasBegun) {
            execute(() -> ledger.submit(new Command.StateSnapshot(height, hash)));
        }
    }

    /** Takes a vote for a block as it was closed here: one of its own key that it did not make ends it. */
    public void onVote(Command.CastVote vote) {
        if (hasBegun && vote.fullNode().equals(fullNode)) {
            execute(() -> takeOwn(vote));
        }
    }

    private void takeOwn(Command.CastVote vote) throws SignedElsewhereException {
        // Its own are known from before they are signed: what may be forged is looked at where it is not known alone.
        boolean isKnown = vote.number() <= signer.signed().number() || hasEnded();
        if (!isKnown && vote.holds(genesisHash)) {
            start.onVote(vote.number(), signer.signed());
            if (hasEnded()) {
                throw new SignedElsewhereException(vote.number());
            }
        }
    }

    private boolean hasEnded() {
        return start.phase() == SigningStart.Phase.SIGNED_ELSEWHERE;
    }

    private void execute(Task task) {
        try {
            thread.execute(() -> guarded(task));
        } catch (RejectedExecutionException e) {
            // The node is closing.
        }
    }

    private void guarded(Task task) {
        try {
            task.run();
        } catch (IOException | RuntimeException | ExecutionException | Error e) {
            // An error too: the executor would keep it in a future that nobody looks at.
            onError.accept(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /**
     * The block of this number and those before need no more signatures; while a log is replayed that is nearly all
     * of them.
     */
    public void onCertified(long number, Certificate certificate) {
        certified = number;
        if (hasBegun && isWithoutHistory) {
            execute(() -> takeCertificate(number, certificate));
        }
    }

    private void takeCertificate(long number, Certificate certificate) throws IOException {
        toForget = Math.max(toForget, start.onCertified(number, certificate));
        forget();
    }

    private void forget() throws IOException {
        if (toForget >= 0) {
            signer.forget(toForget);
            toForget = -1;
            isWithoutHistory = false;
        }
    }

    /** Whether it may sign, by what it has heard since its start; where it is to listen on, it votes again then. */
    private boolean mayStart(Waiting block) {
        if (start.phase() == SigningStart.Phase.LISTENING) {
            long now = System.nanoTime();
            if (listenedNs == 0) {
                listenedNs = now + TimeUnit.MILLISECONDS.toNanos(LISTEN_MS);
            }
            if (now < listenedNs) {
                later(block, TimeUnit.NANOSECONDS.toMillis(listenedNs - now) + 1);
            } else {
                start.heardNothing();
            }
        }
        return start.phase() == SigningStart.Phase.SIGNING;
    }

    private void vote(Waiting block) throws IOException {
        if (block != last || block == handedIn || !mayStart(block)) {
            return;
        }
        BlockHeader header = block.header;
        byte[] hash = header.hash();
        if (header.number() <= certified) {
            return;
        }
        long aheadMs = header.timeMs() - clock.getAsLong();
        if (aheadMs > MAX_AHEAD_MS) {
            withhold(block, aheadMs);
            return;
        }
        byte[] signature = signature(block, hash);
        if (signature == null) {
            return;
        }
        try {
            ledger.submit(new Command.CastVote(fullNode, block.epoch, header.number(), hash, signature));
            votes.incrementAndGet();
            handedIn = block;
        } catch (IOException e) {
            // Without this vote the block may wait for ever.
            onError.accept(e);
            later(block, AGAIN_MS);
        }
    }

    private void later(Waiting block, long ms) {
        try {
            thread.schedule(() -> guarded(() -> vote(block)), ms, TimeUnit.MILLISECONDS);
        } catch (RejectedExecutionException closing) {
            // The node is closing.
        }
    }

    /** A leader's clock may be wrong, or lie: what its time brings about is not certified before it has come. */
    private void withhold(Waiting block, long aheadMs) {
        if (ahead != block) {
            ahead = block;
            onError.accept(new IOException("Its vote on block " + block.header.number()
                    + " is withheld: the block's time is " + aheadMs / 1000
                    + " s ahead of this host's clock. If this clock is right, the leader's was not: stop that full"
                    + " node. If it is wrong, set it. The vote is given when this clock has come within "
                    + MAX_AHEAD_MS / 1000 + " s; see \"Clocks\" in docs/ledger.md where that is too long."));
        }
        later(block, AGAIN_MS);
    }

    /** Null where it was signed long ago, or what signs is not reached: then it is asked again. */
    private byte[] signature(Waiting block, byte[] hash) throws IOException {
        try {
            forget();
            return signer.vote(block.epoch, block.header.number(), hash, block.statements);
        } catch (SignerAwayException e) {
            onError.accept(e);
            later(block, AGAIN_MS);
            return null;
        }
    }

    /**
     * Steps into the next epoch: promises to sign nothing in this one any more, and says what it has signed of the
     * block that has stalled.
     *
     * @return what became of it, for the operator.
     * @throws IOException where there is nothing to step out of, or the ledger does not take it.
     */
    public String stepOn() throws IOException {
        Waiting stalled = last;
        if (stalled == null || stalled.header.number() <= certified) {
            throw new IOException("No block waits for signatures: there is nothing that a new epoch would help.");
        }
        try {
            return thread.submit(() -> stepOn(stalled)).get();
        } catch (ExecutionException e) {
            throw new IOException(e.getCause().getMessage(), e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("Interrupted while stepping into a new epoch.", e);
        }
    }

    private String stepOn(Waiting stalled) throws IOException {
        long number = stalled.header.number();
        if (start.phase() != SigningStart.Phase.SIGNING
                || toForget >= 0
                || number <= signer.signed().forgotten()) {
            throw new IOException("This full node does not know what it has signed of block " + number
                    + ", or has not listened yet whether its key signs elsewhere: it states nothing of that block.");
        }
        // Who has not asked for the epoch that others have begun says what it signed all the same: it may free them.
        SigningRecord signed = signer.signed();
        long next = signed.promisedIn(number) < stalled.epoch ? stalled.epoch : stalled.epoch + 1;
        EpochStatement statement = signer.step(next, number);
        LedgerClient.Outcome outcome = ledger.submit(new Command.StateEpoch(statement));
        if (!outcome.isApplied()) {
            throw new IOException("The ledger did not take it: " + outcome.reason() + ".");
        }
        return "Asked for epoch " + next + " at block " + number + "; it begins when " + Certificate.quorum(fullNodes)
                + " of " + fullNodes + " full nodes have asked.";
    }

    @Override
    public void close() {
        thread.shutdownNow();
        signer.close();
    }
}
