package io.plumbline.node.inference;

import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.state.Command;
import io.plumbline.ledger.state.Settlement;
import io.plumbline.ledger.state.Settlement.Status;
import io.plumbline.node.inference.AnswerStore.Stored;
import io.plumbline.node.network.CertifiedSettlements;
import io.plumbline.node.network.DrainingException;
import io.plumbline.node.network.Event;
import io.plumbline.node.network.Events;
import io.plumbline.node.network.NoEscrowException;
import io.plumbline.node.network.RefusalKind;
import io.plumbline.transport.Endpoint;
import io.plumbline.transport.Peer;
import io.plumbline.transport.nodewire.AnsweredEncoder;
import io.plumbline.transport.nodewire.DisclosedEncoder;
import io.plumbline.transport.nodewire.MessageHeaderEncoder;
import io.plumbline.transport.nodewire.RefusedEncoder;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.lightclient.TrustedLedger;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Receipt;
import io.plumbline.verifier.tensor.AnswerTooLargeException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Instant;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Predicate;
import org.agrona.ExpandableArrayBuffer;

/**
 * What an inference node does around every answer: it looks for the escrow that pays for it, keeps what it has
 * signed, and tells the peer that asked, the ledger, and auditors that ask later.
 */
public final class NodeResponder implements EscrowWatch.Claims, AutoCloseable {
    private final KeyPair keys;
    private final LedgerClient ledger;
    private final Events events;
    private final AnswerStore store;
    private final SettlementWatch watch;
    private final EscrowWatch escrows;
    private final AuditLag lag;
    private final TrustedLedger trusted;
    private final Predicate<Bytes32> isFullNode;

    /** An escrow that ends sooner is not worked for: the receipt would come too late. */
    private static final long LEAST_MS = 30_000;

    /** Of a request and its answer together: an auditor is shown both in one message. */
    private static final int MAX_DISCLOSED_BYTES = Endpoint.MAX_MESSAGE_BYTES - 1024;

    /** By so much a requester's clock may be ahead; and so long a node answers nothing that has lost its records. */
    private static final long AHEAD_SECONDS = 600;

    /** Requests that are being answered, in hexadecimal. */
    private final Set<String> underWay = ConcurrentHashMap.newKeySet();

    /** Those of them whose answers nobody audits. */
    private final Set<String> unaudited = ConcurrentHashMap.newKeySet();

    /**
     * @param settlements of the ledger that pays, and {@code trusted} what it is known by.
     * @param isFullNode whether a key is one of those that audit.
     * @param deciding auditors whose verdicts decide on an answer.
     */
    NodeResponder(
            KeyPair keys,
            CertifiedSettlements settlements,
            TrustedLedger trusted,
            AnswerStore store,
            Predicate<Bytes32> isFullNode,
            int deciding,
            Events events) {
        this.isFullNode = isFullNode;
        this.trusted = trusted;
        this.lag = new AuditLag(deciding, System::nanoTime, events::emit);
        this.keys = keys;
        this.ledger = settlements.ledger();
        this.store = store;
        this.events = events;
        this.watch = new SettlementWatch(store, settlements, events);
        this.escrows = new EscrowWatch(settlements, keys.publicKey(), this, events);
    }

    /** The key that this node signs by. */
    public KeyPair keys() {
        return keys;
    }

    public Events events() {
        return events;
    }

    /** The ledger that pays, as a verifier trusts it. */
    TrustedLedger trusted() {
        return trusted;
    }

    /**
     * Takes a request on: an escrow on the ledger pays this node for it, and nobody else is having it answered. No
     * work is done without.
     *
     * @param requester who pays, as the request says.
     * @param tokens most that the answer may be charged for, prompt and answer together.
     * @param price that this node asks a token.
     * @param queued requests that were taken on and wait to be computed.
     * @return the escrow.
     * @throws IllegalArgumentException saying what is missing.
     * @throws RejectedExecutionException where this node owes too much, or auditors are behind.
     * @throws IOException where the ledger does not answer.
     */
    Settlement takeOn(Bytes32 requestHash, Bytes32 requester, long tokens, long price, int queued) throws IOException {
        if (!store.dropped().hasBegun()) {
            throw new RejectedExecutionException("This node is starting. Try again in some seconds.");
        }
        store.requireRoom();
        lag.requireKeptUp(queued);
        // Claimed before it is looked at: what is declined meanwhile is not worked for.
        if (!claim(requestHash)) {
            throw new IllegalArgumentException("The request is being answered, or was answered before.");
        }
        try {
            Settlement escrow = paidFor(requestHash, requester, tokens, price);
            if (store.hasSigned(requestHash)) {
                // Computed again it may come out otherwise, ended elsewhere or at another price: two receipts.
                throw new IllegalArgumentException("The request was answered before. Ask it anew, with another nonce.");
            }
            if (escrow.level() == Level.SIGNED) {
                unaudited.add(requestHash.toString());
            }
            return escrow;
        } catch (IOException | RuntimeException e) {
            over(requestHash);
            throw e;
        }
    }

    /** Whether the records of what was signed for say since when they are whole. */
    boolean hasBegun() {
        return store.dropped().hasBegun();
    }

    /**
     * Says whether this node's key is new on the ledger; nothing is taken on before. A key that is not, and whose
     * records of what it signed for begin with this start, may have signed for any request that was asked before, and
     * for those that said then that they would be asked later, as far as it took them.
     */
    void begin(boolean isNewKey) throws IOException {
        boolean isWhole = isNewKey && store.isEmpty();
        long since = System.currentTimeMillis() / 1000 + AHEAD_SECONDS;
        store.dropped().begin(isWhole, since);
        if (!isWhole) {
            events.emit(new Event.Warning("The ledger knows this node's key, and there is no record here of what it has"
                    + " signed for: what is asked before " + Instant.ofEpochSecond(since)
                    + " is refused, since a second"
                    + " receipt for a request costs the stake."));
        }
    }

    /**
     * Looks at the time at which a request says that it was asked.
     *
     * @param seconds since 1970 UTC.
     * @throws IllegalArgumentException where a receipt for it may have been given that there is no record of.
     */
    void requireOnRecord(long seconds) {
        long now = System.currentTimeMillis() / 1000;
        if (seconds < store.dropped().sinceSeconds() || seconds > now + AHEAD_SECONDS) {
            throw new IllegalArgumentException("The request says that it was asked at " + seconds
                    + " s since 1970; this node answers what was asked since its records begin and until now.");
        }
    }

    private Settlement paidFor(Bytes32 requestHash, Bytes32 requester, long tokens, long price) throws IOException {
        Settlement escrow = ledger.findSettlement(requestHash);
        if (escrow == null || !escrow.node().equals(keys.publicKey())) {
            throw new NoEscrowException();
        }
        if (escrow.status() != Status.ESCROWED) {
            throw new IllegalArgumentException("The request was answered before, or its escrow is over.");
        }
        if (escrow.audit().deadlineMs() - ledger.timeMs() < LEAST_MS) {
            throw new IllegalArgumentException("The request's escrow ends before it could be answered.");
        }
        if (!escrow.requester().equals(requester)) {
            throw new IllegalArgumentException(
                    "The escrow was opened by another account than the request's requester.");
        }
        if (escrow.pricePerToken() < price || escrow.tokens() < tokens) {
            throw new IllegalArgumentException(
                    "The escrow pays " + escrow.pricePerToken() + " a token for " + escrow.tokens()
                            + " tokens; this node asks " + price + ", and the answer may have " + tokens + ".");
        }
        return escrow;
    }

    /** An answer that is owed keeps its claim: its receipt may not have been ordered yet. */
    @Override
    public boolean claim(Bytes32 requestHash) {
        boolean isFree = underWay.add(requestHash.toString());
        if (isFree && store.owes(requestHash)) {
            over(requestHash);
            return false;
        }
        return isFree;
    }

    /** A request that was taken on is over, whatever came of it. */
    @Override
    public void over(Bytes32 requestHash) {
        String request = requestHash.toString();
        underWay.remove(request);
        unaudited.remove(request);
    }

    /** Answers that are not at their end on the ledger. */
    List<Receipt> owed() {
        return store.owed();
    }

    /** Answers that were paid for since the start. */
    long paidReceipts() {
        return watch.paidReceipts();
    }

    /** The price that was paid for them. */
    long paidAmount() {
        return watch.paidAmount();
    }

    /** Whether no request is being answered. */
    boolean isIdle() {
        return underWay.isEmpty();
    }

    /** Work that may fail. */
    interface Work {
        void run() throws IOException;
    }

    /** Does work for a peer, and tells it why where that fails. */
    void guarded(Peer peer, long id, Work work) {
        try {
            work.run();
        } catch (IOException | RuntimeException e) {
            refuse(peer, id, e);
        } catch (OutOfMemoryError e) {
            refuse(peer, id, new RejectedExecutionException("This node has no memory for it now. Ask again.", e));
        }
    }

    /** Tells a peer why what it asked for is not done. */
    void refuse(Peer peer, long id, Throwable why) {
        ExpandableArrayBuffer buffer = new ExpandableArrayBuffer(512);
        RefusedEncoder refused = new RefusedEncoder().wrapAndApplyHeader(buffer, 0, new MessageHeaderEncoder());
        boolean isForNow = why instanceof RejectedExecutionException
                || why instanceof IOException
                || why instanceof UncheckedIOException;
        refused.correlationId(id).busy((short)
                (why instanceof DrainingException
                        ? RefusalKind.DRAINING
                        : isForNow
                                ? RefusalKind.BUSY
                                : why instanceof AnswerTooLargeException ? RefusalKind.ANSWER_TOO_LARGE : 0));
        refused.reason(String.valueOf(why.getMessage()));
        // Never waits: on the transport's thread, which would wait for itself, and for whoever reads nothing.
        peer.offer(buffer, 0, MessageHeaderEncoder.ENCODED_LENGTH + refused.encodedLength());
    }

    public static void send(Peer peer, ExpandableArrayBuffer buffer, int bodyLength) {
        peer.send(buffer, 0, MessageHeaderEncoder.ENCODED_LENGTH + bodyLength);
    }

    /**
     * By what peers take turns: full nodes by their keys, all others by their hosts, since a host that makes many keys
     * would have as many turns.
     *
     * @param host see {@link Peer#host}.
     */
    static Bytes32 turn(Bytes32 key, long host, Predicate<Bytes32> isFullNode) {
        return isFullNode.test(key) ? key : new Bytes32(0, 0, 0, host);
    }

    /** One name for a peer's call; without a number, what the names of all of them begin with. */
    static String name(Peer peer, Object id) {
        return peer.name() + " " + id;
    }

    /** Keeps an answer, gives it to the peer that asked, and its receipt to the ledger. */
    void answered(
            Peer peer,
            long id,
            byte[] request,
            byte[] answer,
            Receipt receipt,
            int units,
            Integer batch,
            boolean cancelled,
            long cpuNanos)
            throws IOException {
        if ((long) request.length + answer.length > MAX_DISCLOSED_BYTES) {
            throw new AnswerTooLargeException("Request and answer have more than " + MAX_DISCLOSED_BYTES
                    + " bytes together, which no auditor could be shown: it is not signed. Ask for less at once.");
        }
        store.put(new Stored(receipt, request, answer));
        if (!unaudited.contains(receipt.requestHash().toString())) {
            lag.signed(receipt.requestHash());
        }
        ExpandableArrayBuffer buffer = new ExpandableArrayBuffer(4096);
        AnsweredEncoder answered = new AnsweredEncoder().wrapAndApplyHeader(buffer, 0, new MessageHeaderEncoder());
        byte[] receiptBytes = receipt.encode();
        answered.correlationId(id).cpuNanos(cpuNanos);
        answered.putAnswer(answer, 0, answer.length).putReceipt(receiptBytes, 0, receiptBytes.length);
        send(peer, buffer, answered.encodedLength());
        String ordered = submitted(receipt);
        events.emit(
                new Event.Answered(receipt.requestHash().toString(), units, batch, cancelled, cpuNanos / 1e6, ordered));
    }

    /** The height at which the receipt was ordered, or why it was not. */
    private String submitted(Receipt receipt) {
        try {
            LedgerClient.Outcome outcome = ledger.submit(new Command.SubmitReceipt(receipt));
            return outcome.isApplied() ? "" + outcome.height() : outcome.reason();
        } catch (IOException e) {
            // It is kept, and handed in again.
            return "not yet: " + e.getMessage();
        }
    }

    /** What stands behind a receipt of this node's. */
    Stored find(Bytes32 receiptHash) throws IOException {
        Stored found = store.find(receiptHash);
        if (found == null) {
            throw new IllegalArgumentException("This node gave no such receipt, or has forgotten it.");
        }
        return found;
    }

    /** Tells a peer what stands behind a receipt, on a thread of its own: it may read slowly. */
    void disclose(Peer peer, long id, Bytes32 receiptHash, SendingSlots slots) throws IOException {
        Stored found = find(receiptHash);
        Bytes32 asking = Bytes32.of(peer.key());
        if (isFullNode.test(asking)) {
            lag.asked(found.receipt().requestHash(), asking);
        }
        Runnable giveBack = slots.take(asking, peer.host(), (long) found.request().length + found.answer().length);
        Thread.startVirtualThread(() -> {
            try {
                disclose(peer, id, found);
            } finally {
                giveBack.run();
            }
        });
    }

    private static void disclose(Peer peer, long id, Stored found) {
        ExpandableArrayBuffer buffer = new ExpandableArrayBuffer(4096);
        DisclosedEncoder encoder = new DisclosedEncoder().wrapAndApplyHeader(buffer, 0, new MessageHeaderEncoder());
        encoder.correlationId(id)
                .putRequest(found.request(), 0, found.request().length)
                .putAnswer(found.answer(), 0, found.answer().length);
        send(peer, buffer, encoder.encodedLength());
    }

    @Override
    public void close() {
        escrows.close();
        watch.close();
    }
}
