package io.plumbline.ledger.cluster;

import io.plumbline.ledger.order.DataNodePage;
import io.plumbline.ledger.order.DealPage;
import io.plumbline.ledger.order.FeedPage;
import io.plumbline.ledger.order.FeedReading;
import io.plumbline.ledger.order.LedgerStatus;
import io.plumbline.ledger.order.NodePage;
import io.plumbline.ledger.order.PaymentPage;
import io.plumbline.ledger.order.Query;
import io.plumbline.ledger.order.Sequencer;
import io.plumbline.ledger.state.Account;
import io.plumbline.ledger.state.Admission;
import io.plumbline.ledger.state.Command;
import io.plumbline.ledger.state.DataNode;
import io.plumbline.ledger.state.Feed;
import io.plumbline.ledger.state.Node;
import io.plumbline.ledger.state.Payment;
import io.plumbline.ledger.state.Settlement;
import io.plumbline.ledger.state.Signed;
import io.plumbline.ledger.state.StorageDeal;
import io.plumbline.ledger.state.StorageTerms;
import io.plumbline.ledger.state.Succession;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalWriter;
import io.plumbline.verifier.lightclient.CertifiedEntry;
import io.plumbline.verifier.lightclient.LedgerHashes.Kind;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * Talks to the ledger as one account: submits commands and reads the state. Commands that several threads submit
 * while others are on their way go together, under one signature. May be used by many threads.
 */
public final class LedgerClient implements AutoCloseable {
    /**
     * For how long a command may still be applied that nobody has heard of again: as long as it is waited for, and a
     * while.
     */
    static final long LIFE_MS = 60_000;

    /** Bytes of commands that are put together. */
    private static final int BATCH_BYTES = Signed.MAX_BODY_BYTES / 2;

    /** Nodes, feeds or deals that are read, at most: a full node that lies could name more without end. */
    private static final int MAX_NODES = 100_000;

    private final Sequencer sequencer;
    private final KeyPair keys;
    private final Bytes32 ledger;
    /** Batches on their way at a time: who comes while one is does not wait for its end. */
    private static final int MAX_SENDING = 4;

    private final Deque<Waiting> waiting = new ArrayDeque<>();
    private int sending;
    private volatile boolean knowsTime;

    /** What became of a command: no reason means it was applied, at this height. */
    public record Outcome(long height, String reason) {
        public boolean isApplied() {
            return reason.isEmpty();
        }
    }

    private static final class Waiting {
        private final Command command;

        /** Whether the next full node is asked as well where one says that it is refused. */
        private final boolean isDoubted;

        /** The batch that is this one's to send; empty when another has sent it, and knows what became of it. */
        private final CompletableFuture<List<Waiting>> turn = new CompletableFuture<>();

        private volatile Outcome outcome;

        /** By the next full node's word; null where that is not asked for. */
        private volatile Outcome second;

        /** The full node whose word is the last. */
        private volatile int by;

        private volatile IOException failure;

        Waiting(Command command, boolean isDoubted) {
            this.command = command;
            this.isDoubted = isDoubted;
        }

        boolean wantsSecond() {
            return isDoubted && !outcome.isApplied();
        }

        boolean hasEnded() {
            return outcome != null && (second != null || !wantsSecond());
        }
    }

    /**
     * @param sequencer closed with this.
     * @param keys that sign its commands.
     * @param ledger hash of the genesis of the ledger that they are for.
     */
    public LedgerClient(Sequencer sequencer, KeyPair keys, Bytes32 ledger) {
        this.sequencer = sequencer;
        this.ledger = ledger;
        this.keys = keys;
    }

    /** By which its commands are signed. */
    public Bytes32 publicKey() {
        return keys.publicKey();
    }

    /**
     * Submits a command and waits until it was applied or refused.
     *
     * @throws IOException where nobody answers, or too late; the command may still be applied within the next minute,
     *     and not after.
     */
    public Outcome submit(Command command) throws IOException {
        return ended(new Waiting(command, false)).outcome;
    }

    /**
     * As {@link #submit(Command)}; where a full node says that it is refused, the next one is asked the same, under the
     * same signature: it costs no second fee, is not applied twice, and an honest full node answers it as the first
     * time.
     *
     * @return what each of them said, in order: one outcome, or two where the first is a refusal.
     * @throws IOException as {@link #submit(Command)}, also where no second one answers.
     */
    public Words submitToTwo(Command command) throws IOException {
        Waiting mine = ended(new Waiting(command, true));
        List<Outcome> said = mine.second == null ? List.of(mine.outcome) : List.of(mine.outcome, mine.second);
        return new Words(said, mine.by);
    }

    /**
     * The word of one full node on a command, or of two.
     *
     * @param by the full node whose word is the last, for {@link #distrust(int)}.
     */
    public record Words(List<Outcome> said, int by) {
        public Outcome last() {
            return said.getLast();
        }
    }

    private Waiting ended(Waiting mine) throws IOException {
        synchronized (waiting) {
            waiting.add(mine);
            if (sending < MAX_SENDING) {
                sending++;
                takeTurn();
            }
        }
        List<Waiting> batch = mine.turn.join();
        if (!batch.isEmpty()) {
            try {
                send(batch);
            } finally {
                passOn();
            }
        }
        if (mine.failure != null) {
            throw new IOException(mine.failure.getMessage(), mine.failure);
        }
        return mine;
    }

    /** The turn to send goes to the oldest of those that wait, with as many more as go with it. */
    private void takeTurn() {
        List<Waiting> taken = new ArrayList<>();
        int bytes = 0;
        int signatures = 0;
        while (!waiting.isEmpty() && taken.size() < Signed.MAX_COMMANDS && bytes < BATCH_BYTES) {
            signatures += Admission.othersSignatures(keys.publicKey(), waiting.peek().command);
            if (signatures > Admission.MAX_OTHERS_SIGNATURES) {
                break;
            }
            int next = Integer.BYTES + waiting.peek().command.encode().length;
            if (!taken.isEmpty() && bytes + next > BATCH_BYTES) {
                break;
            }
            taken.add(waiting.poll());
            bytes += next;
        }
        taken.getFirst().turn.complete(taken);
    }

    private void passOn() {
        synchronized (waiting) {
            if (waiting.isEmpty()) {
                sending--;
            } else {
                takeTurn();
            }
        }
    }

    /** Sends a batch, and tells those that wait for it: whatever happens, each has an end. */
    private void send(List<Waiting> batch) {
        IOException failure = new IOException("The commands could not be submitted.");
        try {
            Signed signed = sign(batch.stream().map(one -> one.command).toList());
            List<Outcome> outcomes = outcomes(sendInTime(signed), batch.size());
            int by = sequencer.answered();
            for (int i = 0; i < batch.size(); i++) {
                batch.get(i).outcome = outcomes.get(i);
                batch.get(i).by = by;
            }
            if (batch.stream().anyMatch(Waiting::wantsSecond)) {
                sequencer.distrust(by);
                outcomes = outcomes(sendInTime(signed), batch.size());
                int second = sequencer.answered();
                if (second == by && sequencer.fullNodes() > 1) {
                    // Where all others let one wait, the one that answers at once is asked again: no second word.
                    String why = batch.stream()
                            .filter(Waiting::wantsSecond)
                            .findFirst()
                            .orElseThrow()
                            .outcome
                            .reason();
                    throw new IOException("One full node refuses the command (" + why + "), and no other one answers.");
                }
                for (int i = 0; i < batch.size(); i++) {
                    Waiting one = batch.get(i);
                    if (one.wantsSecond()) {
                        one.second = outcomes.get(i);
                        one.by = second;
                    }
                }
                if (batch.stream().noneMatch(one -> one.second != null && one.second.isApplied())) {
                    // It was right: what is refused is for others to bring about, who could choose whom this client
                    // asks.
                    sequencer.prefer(by, second);
                }
            }
        } catch (IOException e) {
            failure = e;
        } catch (RuntimeException e) {
            failure = new IOException("The commands could not be submitted: " + e.getMessage(), e);
        } finally {
            for (Waiting one : batch) {
                one.failure = one.hasEnded() ? null : failure;
                one.turn.complete(List.of());
            }
        }
    }

    /** Submits commands together, under one signature; each is applied or refused by itself. */
    public List<Outcome> submit(List<Command> commands) throws IOException {
        return outcomes(sendInTime(sign(commands)), commands.size());
    }

    private Sequencer.Answer sendInTime(Signed signed) throws IOException {
        Sequencer.Answer answer = send(signed);
        if (signed.lastMs() - answer.timeMs() > Signed.MAX_LIFE_MS) {
            // Some full node has said that it is later than it is. Whoever has them may hand them in when it is.
            sequencer.distrust(sequencer.answered());
            throw new IOException("A full node said a wrong time, and the commands were signed by it: they may still be"
                    + " applied until " + signed.lastMs() + " ms of the ledger's clock; look before asking again.");
        }
        return answer;
    }

    /**
     * Signs commands that are to be submitted within a minute.
     *
     * @throws IOException where nobody says what time it is, or the keeper of its key does not sign.
     */
    Signed sign(List<Command> commands) throws IOException {
        if (!knowsTime) {
            sequencer.ask(Query.SETTLEMENT, new byte[0]);
            knowsTime = true;
        }
        try {
            return Signed.of(ledger, keys, sequencer.timeMs() + LIFE_MS, commands);
        } catch (UncheckedIOException e) {
            throw e.getCause();
        }
    }

    /**
     * Submits what another account has signed. Sent again within its time, it is answered as the first time, and not
     * applied twice.
     *
     * @return an outcome for each command.
     * @throws IOException where nobody answers, or too late: it may still be applied within its own time.
     */
    public List<Outcome> submit(Signed signed) throws IOException {
        return outcomes(send(signed), signed.commands().size());
    }

    private Sequencer.Answer send(Signed signed) throws IOException {
        Sequencer.Answer answer = sequencer.submit(signed.encode());
        if (answer.timeMs() > signed.lastMs() || answer.reasons().isEmpty()) {
            // Few honest full nodes answer so, and one that lies could keep a client for good by it.
            sequencer.distrust(sequencer.answered());
        }
        if (answer.timeMs() > signed.lastMs()) {
            // An earlier copy of them may have been applied, and its answer forgotten: sending them anew could do it
            // twice.
            throw new IOException(
                    "The ledger's clock went ahead while it was asked. Whether it was applied is not known"
                            + " any more; look before asking again.");
        }
        if (answer.reasons().isEmpty()) {
            throw new IOException(
                    "The full node's answer says nothing of the commands. Whether they were applied is not"
                            + " known; look before asking again.");
        }
        return answer;
    }

    private static List<Outcome> outcomes(Sequencer.Answer answer, int commands) {
        List<Outcome> outcomes = new ArrayList<>();
        for (int i = 0; i < commands; i++) {
            String reason = answer.reasons().get(Math.min(i, answer.reasons().size() - 1));
            outcomes.add(new Outcome(answer.height(), reason == null ? "" : reason));
        }
        return outcomes;
    }

    /** Requests whose escrow waits for this node's answer; not all of them where there are many. */
    public List<Bytes32> escrows(Bytes32 node) throws IOException {
        byte[] body = sequencer.ask(Query.ESCROWS, node.bytes());
        List<Bytes32> requests = new ArrayList<>();
        for (int at = 0; at + 32 <= body.length; at += 32) {
            requests.add(Bytes32.of(Arrays.copyOfRange(body, at, at + 32)));
        }
        return requests;
    }

    /**
     * As the node that an escrow names: gives it back, because no request came for it. Costs nothing, and frees the
     * stake that it reserves at once. Refused where a receipt was ordered or the escrow is over.
     *
     * @throws IOException as {@link #submit(Command)}.
     */
    public Outcome declineEscrow(Bytes32 requestHash) throws IOException {
        return submit(new Command.DeclineEscrow(requestHash));
    }

    /**
     * Payments to this account that name what they are for, in their order; some of them where there are many.
     *
     * @param after number of the last one that is known; -1 for none.
     * @throws IOException where nobody answers, or the full node that does gives them in another order.
     */
    public List<Payment> payments(long after) throws IOException {
        byte[] key = new CanonicalWriter()
                .putBytes32(keys.publicKey())
                .putLong(after)
                .toBytes();
        List<Payment> payments =
                PaymentPage.decode(sequencer.ask(Query.PAYMENTS, key)).payments();
        long last = after;
        for (Payment payment : payments) {
            if (payment.number() <= last || !payment.to().equals(keys.publicKey())) {
                throw new IOException("The full node's list of payments is not in order, or not this account's.");
            }
            last = payment.number();
        }
        return payments;
    }

    /** Money of one key. */
    public Account account(Bytes32 key) throws IOException {
        return Account.read(new CanonicalReader(sequencer.ask(Query.ACCOUNT, key.bytes()), "account"));
    }

    /** The settlement of a request, or null. */
    public Settlement findSettlement(Bytes32 requestHash) throws IOException {
        byte[] body = sequencer.ask(Query.SETTLEMENT, requestHash.bytes());
        return body.length == 0 ? null : Settlement.decode(body);
    }

    /**
     * Inference nodes that are registered and not slashed, in the order of their keys.
     *
     * @throws IOException where nobody answers, or the full node that does gives the same nodes again or without end.
     */
    public List<Node> nodes() throws IOException {
        List<Node> nodes = new ArrayList<>();
        byte[] last = new byte[0];
        boolean hasMore = true;
        while (hasMore) {
            NodePage page = NodePage.decode(sequencer.ask(Query.NODES, last));
            for (Node node : page.nodes()) {
                if (last.length > 0 && node.key().compareTo(Bytes32.of(last)) <= 0) {
                    throw new IOException("The full node's list of nodes is not in the order of their keys.");
                }
                nodes.add(node);
                last = node.key().bytes();
            }
            hasMore = page.hasMore() && !page.nodes().isEmpty();
            if (nodes.size() > MAX_NODES) {
                throw new IOException("The full node names more than " + MAX_NODES + " nodes.");
            }
        }
        return nodes;
    }

    /**
     * Data nodes that are registered, in the order of their keys.
     *
     * @throws IOException where nobody answers, or the full node that does gives the same nodes again or without end.
     */
    public List<DataNode> dataNodes() throws IOException {
        List<DataNode> nodes = new ArrayList<>();
        byte[] last = new byte[0];
        while (nodes.size() <= MAX_NODES) {
            List<DataNode> page =
                    DataNodePage.decode(sequencer.ask(Query.DATA_NODES, last)).nodes();
            for (DataNode node : page) {
                if (last.length > 0 && node.key().compareTo(Bytes32.of(last)) <= 0) {
                    throw new IOException("The full node's list of data nodes is not in the order of their keys.");
                }
                nodes.add(node);
                last = node.key().bytes();
            }
            if (page.size() < DataNodePage.MAX_NODES) {
                return nodes;
            }
        }
        throw new IOException("The full node names more than " + MAX_NODES + " data nodes.");
    }

    /**
     * Feeds that are declared, in the order of their ids.
     *
     * @throws IOException where nobody answers, or the full node that does gives the same feeds again or without end.
     */
    public List<Feed> feeds() throws IOException {
        List<Feed> feeds = new ArrayList<>();
        byte[] last = new byte[0];
        while (feeds.size() <= MAX_NODES) {
            List<Feed> page = FeedPage.decode(sequencer.ask(Query.FEEDS, last)).feeds();
            for (Feed feed : page) {
                Bytes32 id = feed.id();
                if (last.length > 0 && id.compareTo(Bytes32.of(last)) <= 0) {
                    throw new IOException("The full node's list of feeds is not in the order of their ids.");
                }
                feeds.add(feed);
                last = id.bytes();
            }
            if (page.size() < FeedPage.MAX_FEEDS) {
                return feeds;
            }
        }
        throw new IOException("The full node names more than " + MAX_NODES + " feeds.");
    }

    /**
     * A feed with its latest value, where that is no older than the feed allows; null where there is no such feed. It
     * is one full node's word: {@link #prove} gives what a quorum certified.
     *
     * @param id 32 bytes.
     * @throws IOException where nobody answers, or the full node that does gives another feed.
     */
    public FeedReading feed(Bytes32 id) throws IOException {
        byte[] body = sequencer.ask(Query.FEED, id.bytes());
        if (body.length == 0) {
            return null;
        }
        FeedReading reading = FeedReading.decode(body);
        if (!reading.declared().feed().id().equals(id)) {
            throw new IOException("The full node has answered with another feed than the one that was asked for.");
        }
        return reading;
    }

    /**
     * A storage deal as it stands; null where there is none. It is one full node's word: {@link #prove} gives what a
     * quorum certified.
     *
     * @throws IOException where nobody answers, or the full node that does gives another deal.
     */
    public StorageDeal deal(long number) throws IOException {
        byte[] body =
                sequencer.ask(Query.DEAL, new CanonicalWriter().putLong(number).toBytes());
        if (body.length == 0) {
            return null;
        }
        CanonicalReader in = new CanonicalReader(body, "storage deal");
        StorageDeal deal = StorageDeal.read(in);
        in.end();
        if (deal.number() != number) {
            throw new IOException("The full node has answered with another deal than the one that was asked for.");
        }
        return deal;
    }

    /**
     * An account's storage deals, in the order of their numbers.
     *
     * @param key of the account, 32 bytes; {@link StorageTerms#ANY_NODE} for offers to any data node.
     * @param after number of the last one that is known; -1 for none.
     * @throws IOException where nobody answers, or the full node that does gives the same deals again or without end.
     */
    public List<StorageDeal> deals(Bytes32 key, StorageDeal.Role role, long after) throws IOException {
        List<StorageDeal> deals = new ArrayList<>();
        long last = after;
        while (deals.size() <= MAX_NODES) {
            byte[] asked = new CanonicalWriter()
                    .putBytes32(key)
                    .putFixed(new byte[] {(byte) role.ordinal()})
                    .putLong(last)
                    .toBytes();
            List<StorageDeal> page =
                    DealPage.decode(sequencer.ask(Query.DEALS, asked)).deals();
            for (StorageDeal deal : page) {
                if (deal.number() <= last) {
                    throw new IOException(
                            "The full node's list of storage deals is not in the order of their numbers.");
                }
                last = deal.number();
            }
            deals.addAll(page);
            if (page.size() < DealPage.MAX_DEALS) {
                return deals;
            }
        }
        throw new IOException("The full node names more than " + MAX_NODES + " storage deals.");
    }

    /**
     * An entry as of the last certified block, with its proof; null where there is no such block yet. Nobody has
     * checked it.
     *
     * @param id null for the state's own entry, {@link Kind#META}.
     */
    public CertifiedEntry prove(Kind kind, Bytes32 id) throws IOException {
        CanonicalWriter key = new CanonicalWriter().putFixed(new byte[] {(byte) kind.ordinal()});
        if (id != null) {
            key.putBytes32(id);
        }
        byte[] body = sequencer.ask(Query.PROOF, key.toBytes());
        return body.length == 0 ? null : CertifiedEntry.decode(body);
    }

    /** Hash of the ledger's genesis, 32 bytes. */
    public Bytes32 genesisHash() {
        return ledger;
    }

    /**
     * Which key is to replace this one, or has, as of the last certified block; null where it has named none. Nobody
     * has checked it.
     */
    public Succession succession(Bytes32 key) throws IOException {
        CertifiedEntry entry = prove(Kind.SUCCESSION, key);
        return entry == null || entry.value() == null
                ? null
                : Succession.read(new CanonicalReader(entry.value(), "succession"));
    }

    /** The state root. */
    public byte[] root() throws IOException {
        return sequencer.ask(Query.ROOT, new byte[0]);
    }

    /** What was answered last did not hold: another full node is asked from now on, where there is a choice. */
    public void distrust() {
        sequencer.distrust();
    }

    /** Which full node is asked first now, for {@link #distrust(int)}. */
    public int asked() {
        return sequencer.asked();
    }

    /** Which full node has answered this thread last, for {@link #distrust(int)}. */
    public int answered() {
        return sequencer.answered();
    }

    /** Has one full node asked first again in place of another, unless it is a third by now. */
    public void prefer(int one, int over) {
        sequencer.prefer(one, over);
    }

    /**
     * As {@link #distrust()}, unless another full node is asked by now.
     *
     * @param asked see {@link #answered}, after the answer that did not hold.
     */
    public void distrust(int asked) {
        sequencer.distrust(asked);
    }

    /** Cluster time as far as it is known. */
    public long timeMs() {
        return sequencer.timeMs();
    }

    /** How far the ledger is. */
    public LedgerStatus status() throws IOException {
        return LedgerStatus.decode(sequencer.ask(Query.STANDING, new byte[0]));
    }

    @Override
    public void close() {
        sequencer.close();
    }
}
