package io.plumbline.ledger.cluster;

import io.plumbline.ledger.state.Command;
import io.plumbline.ledger.state.EpochStatement;
import io.plumbline.ledger.state.SigningRecord;
import io.plumbline.verifier.lightclient.BlockHeader;
import io.plumbline.verifier.lightclient.Certificate;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Collection;
import java.util.concurrent.CountDownLatch;
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

    /** A block's time is not signed where it is further ahead of this host's clock. */
    static final long MAX_AHEAD_MS = 60_000;

    private final KeyPair keys;
    private final LongSupplier clock;
    private final byte[] genesisHash;
    private final int fullNodes;
    private final VoteFile file;
    private final Consumer<Throwable> onError;
    private final ScheduledExecutorService thread = new ScheduledThreadPoolExecutor(1);
    private final CountDownLatch ready = new CountDownLatch(1);
    private final AtomicLong votes = new AtomicLong();
    private volatile long certified = -1;
    private volatile Waiting last;
    private LedgerClient ledger;

    /** The last that was found to be ahead: its error is told once. */
    private Waiting ahead;

    private record Waiting(BlockHeader header, long epoch, Collection<EpochStatement> statements) {}

    /**
     * @param fullNodes how many there are.
     * @param file of what was signed.
     * @param onError hears why a block was not signed.
     * @throws IOException where the file cannot be read: a full node that does not know what it has signed must not
     *     sign.
     */
    public Voter(KeyPair keys, byte[] genesisHash, int fullNodes, Path file, Consumer<Throwable> onError)
            throws IOException {
        this(keys, genesisHash, fullNodes, file, onError, System::currentTimeMillis);
    }

    /** With another clock, in ms. */
    Voter(KeyPair keys, byte[] genesisHash, int fullNodes, Path file, Consumer<Throwable> onError, LongSupplier clock)
            throws IOException {
        this.keys = keys;
        this.clock = clock;
        this.genesisHash = genesisHash.clone();
        this.fullNodes = fullNodes;
        this.file = new VoteFile(file);
        this.onError = onError;
    }

    /** From now on it can hand in its votes. */
    public void begin(LedgerClient telling) {
        ledger = telling;
        ready.countDown();
    }

    /** Votes that were handed in since the start. */
    public long votes() {
        return votes.get();
    }

    /** Signs a block and hands the vote in; returns at once. */
    public void onBlock(BlockHeader header, long epoch, Collection<EpochStatement> statements) {
        last = new Waiting(header, epoch, statements);
        try {
            thread.execute(() -> guarded(last));
        } catch (RejectedExecutionException e) {
            // The node is closing.
        }
    }

    private void guarded(Waiting block) {
        try {
            ready.await();
            if (block == last) {
                vote(block);
            }
        } catch (IOException | RuntimeException | Error e) {
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
    public void onCertified(long number) {
        certified = number;
    }

    private void vote(Waiting block) throws IOException {
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
        if (!mayStillSign(block.epoch, header.number(), hash, block.statements)) {
            return;
        }
        byte[] signature = keys.sign(Certificate.message(genesisHash, block.epoch, header.number(), hash));
        try {
            ledger.submit(new Command.CastVote(keys.publicKey(), block.epoch, header.number(), hash, signature));
            votes.incrementAndGet();
        } catch (IOException e) {
            // Without this vote the block may wait for ever.
            onError.accept(e);
            later(block);
        }
    }

    private void later(Waiting block) {
        try {
            thread.schedule(() -> guarded(block), AGAIN_MS, TimeUnit.MILLISECONDS);
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
        later(block);
    }

    /** Puts down what is about to be signed; false where it was signed long ago. */
    boolean mayStillSign(long epoch, long number, byte[] hash, Collection<EpochStatement> statements)
            throws IOException {
        SigningRecord signed = file.signed();
        if (number < signed.number()) {
            return false;
        }
        String refusal = signed.refusal(epoch, number, hash, statements, fullNodes);
        if (refusal != null) {
            throw new IOException("Its vote on block " + number + " is withheld: " + refusal + ".");
        }
        if (!signed.hasSigned(epoch, number, hash)) {
            file.vote(epoch, number, hash);
        }
        return true;
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
        // Who has not asked for the epoch that others have begun says what it signed all the same: it may free them.
        SigningRecord signed = file.signed();
        long next = signed.promisedIn(number) < stalled.epoch ? stalled.epoch : stalled.epoch + 1;
        if (signed.promisedIn(number) < next) {
            file.promise(next, number);
        }
        EpochStatement statement = EpochStatement.of(genesisHash, next, number, signed.votesFor(number), keys);
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
    }
}
