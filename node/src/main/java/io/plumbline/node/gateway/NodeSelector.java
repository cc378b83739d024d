package io.plumbline.node.gateway;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.state.Command;
import io.plumbline.ledger.state.Node;
import io.plumbline.ledger.state.Succession;
import io.plumbline.node.client.AnswerStream;
import io.plumbline.node.client.ChosenToken;
import io.plumbline.node.client.Inference;
import io.plumbline.node.client.NodeClient;
import io.plumbline.node.network.BusyException;
import io.plumbline.node.network.CertifiedSettlements;
import io.plumbline.node.network.DrainingException;
import io.plumbline.node.network.Event;
import io.plumbline.node.network.Events;
import io.plumbline.node.network.NoEscrowException;
import io.plumbline.node.network.NotAskedException;
import io.plumbline.node.tenant.Usage;
import io.plumbline.transport.Endpoint;
import io.plumbline.transport.Peer;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.lightclient.CertifiedEntry;
import io.plumbline.verifier.lightclient.LedgerHashes.Kind;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Receipt;
import io.plumbline.verifier.receipt.Request;
import java.io.IOException;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.Collectors;

/**
 * Where a gateway buys answers: finds a node that runs a model and is there, and puts up what an answer may cost. A
 * node that was not reached, or did not keep to what it signed, is left out for a while.
 */
final class NodeSelector implements Answerers {
    /** Longest wait for a node to show its key. */
    private static final long REACH_MS = 1_500;

    /** For so long a node is left out that was not reached, and one that lied. */
    private static final long AWAY_NS = TimeUnit.SECONDS.toNanos(60);

    private static final long LIED_NS = TimeUnit.HOURS.toNanos(24);

    /** For so long a node is not asked that was paid for an answer that it did not give. */
    private static final long PAID_NS = TimeUnit.HOURS.toNanos(1);

    /** For so long no escrow is put up at a node that said that it is busy: it would only have to be given back. */
    private static final long BUSY_NS = TimeUnit.SECONDS.toNanos(5);

    private static final String BUSY = "busy";

    /** How refusals of an escrow begin that are about the node. */
    private static final String OF_NODE = "the node";

    /** How those begin that say that a node was listed with other terms than it has. */
    private static final List<String> OF_TERMS = List.of("the node asks ", "the node lets ");

    /** A ledger that is there answers sooner. */
    private static final long LEDGER_MS = 2_000;

    private final KeyPair keys;
    private final LedgerClient ledger;
    private final CertifiedSettlements certified;
    private final NodeLists lists;
    private final Endpoint endpoint;
    private final NodeClient client;
    private final Terms terms;
    private final BoughtAnswers bought;
    private final UnsettledRequests unsettled;
    private final LedgerFees fees;
    private final Events events;
    private final DoubleReceipts doubles;
    private final MissingEscrows missing;

    private final Refusals refusals = new Refusals(System::nanoTime);

    private final NodePace pace = new NodePace(System::nanoTime);

    private final LeftOut leftOut = new LeftOut(System::nanoTime);

    /**
     * @param bought told of each answer.
     * @param unsettled asked what requests cost where no receipt says it.
     */
    NodeSelector(
            KeyPair keys,
            CertifiedSettlements certified,
            NodeLists lists,
            Endpoint endpoint,
            NodeClient client,
            Terms terms,
            BoughtAnswers bought,
            UnsettledRequests unsettled,
            LedgerFees fees,
            Events events) {
        this.terms = terms;
        this.bought = bought;
        this.unsettled = unsettled;
        this.fees = fees;
        this.keys = keys;
        this.ledger = certified.ledger();
        this.certified = certified;
        this.lists = lists;
        this.endpoint = endpoint;
        this.client = client;
        this.events = events;
        this.doubles = new DoubleReceipts(certified, events);
        this.missing = new MissingEscrows(certified, TimeUnit.SECONDS.toMillis(1));
    }

    /** Whether a node with a model is registered. */
    @Override
    public boolean hasModel(Bytes32 modelId) throws IOException {
        return lists.has(node -> node.modelId().equals(modelId) && !node.slashed());
    }

    /** Whether the ledger answers: without it nothing can be bought. */
    @Override
    public boolean isWell() {
        CompletableFuture<Boolean> asked = new CompletableFuture<>();
        Thread.startVirtualThread(() -> {
            try {
                ledger.account(keys.publicKey());
                asked.complete(true);
            } catch (IOException | RuntimeException e) {
                asked.complete(false);
            }
        });
        return asked.completeOnTimeout(false, LEDGER_MS, TimeUnit.MILLISECONDS).join();
    }

    @Override
    public long mostPrice() {
        return terms.maxPrice();
    }

    @Override
    public long fee(Level level, long units) {
        return fees.of(level, units);
    }

    @Override
    public long hedgeMs() {
        return terms.hedgeMs();
    }

    @Override
    public Bytes32 requester() {
        return keys.publicKey();
    }

    /** A node that answers, and the session with it. */
    private final class Reached implements Answerer {
        private final Node node;
        private final Peer peer;

        /** The full node that listed it. */
        private final int listedBy;

        /** The full node that said that its last escrow is there; -1 for none. */
        private volatile int escrowBy = -1;

        /** What that escrow is for. */
        private volatile Bytes32 escrowed;

        Reached(Node node, Peer peer, int listedBy) {
            this.node = node;
            this.peer = peer;
            this.listedBy = listedBy;
        }

        @Override
        public Bytes32 key() {
            return node.key();
        }

        @Override
        public long price() {
            return node.pricePerToken();
        }

        @Override
        public AnswerStream infer(
                Request request, long tokens, Level level, int vocab, int topLogprobs, Consumer<ChosenToken> onToken)
                throws IOException {
            escrowed = request.hash();
            escrowBy = escrow(escrowed, this, tokens, level);
            NodePace.Reading reading = pace.begin(node.key());
            try {
                Inference answer = client.infer(peer, request, keys, vocab, topLogprobs, token -> {
                    reading.token();
                    onToken.accept(token);
                });
                answer.onEnding(() -> NodeSelector.this.refused(node, new DrainingException()));
                return new PacedAnswer(answer, reading);
            } catch (RuntimeException e) {
                reading.end();
                throw e;
            }
        }

        @Override
        public NodeClient.TensorAnswered inferTensors(byte[] request, long rows, Level level) throws IOException {
            escrowed = Bytes32.of(Blake3.hash(request));
            escrowBy = escrow(escrowed, this, rows, level);
            return client.inferTensors(peer, request);
        }

        @Override
        public CompletableFuture<Long> settledCost(Bytes32 requestHash, long fee, Receipt told) {
            return unsettled.outcome(requestHash).thenApply(outcome -> {
                if (told != null && outcome.isOther(told)) {
                    handedInAnother(told, outcome.receipt());
                }
                return Usage.sum(outcome.cost(), fees.ofCommand());
            });
        }

        @Override
        public void tookMoney() {
            leaveOut("", node.key(), PAID_NS, "was paid for an answer that it did not give");
        }

        @Override
        public void refused(Exception why) {
            if (why instanceof NoEscrowException && escrowBy >= 0) {
                missing.look(escrowed, escrowBy, () -> failed(node, "says that it has no escrow which it has"));
            }
            NodeSelector.this.refused(node, why);
        }

        @Override
        public void outdone() {
            if (refusals.counts(node.key())) {
                failed(node, "refused what another node answered, and has answered nothing lately");
            }
        }

        @Override
        public void lied(String why) {
            leaveOut("", node.key(), LIED_NS, why);
        }
    }

    /**
     * The cheapest node, or the quickest, that runs a model, lets its answers be audited at a level, and is there.
     *
     * @param tried nodes that are not to be tried again.
     * @throws ApiException where there is none, or none that the gateway's {@link Terms} allow.
     */
    @Override
    public Answerer find(Bytes32 modelId, NodeWish wish, Set<Bytes32> tried) throws IOException {
        Level level = wish.level();
        if (level.compareTo(terms.leastLevel()) < 0) {
            throw new ApiException(
                    400,
                    "This gateway has answers audited at " + terms.leastLevel() + " at least, not at " + level + ".");
        }
        NodeLists.Said said = lists.ask();
        try {
            return find(said, modelId, wish, tried);
        } catch (ApiException none) {
            NodeLists.Said other;
            try {
                other = lists.askAnother(said);
            } catch (IOException e) {
                none.addSuppressed(e);
                throw none;
            }
            if (other.nodes().equals(said.nodes())) {
                throw none;
            }
            return find(other, modelId, wish, tried);
        }
    }

    /** Of the nodes that a full node lists. */
    private Reached find(NodeLists.Said said, Bytes32 modelId, NodeWish wish, Set<Bytes32> tried) throws IOException {
        List<Node> registered = said.nodes();
        Level level = wish.level();
        String named = wish.named();
        leftOut.follow(registered.stream().map(Node::key).collect(Collectors.toSet()), this::successor);
        List<Node> serving = registered.stream()
                .filter(node -> node.modelId().equals(modelId) && !node.slashed())
                .filter(node -> named.isEmpty() || node.key().toString().equals(named))
                .toList();
        if (!serving.isEmpty() && serving.stream().noneMatch(this::isAffordable)) {
            throw new ApiException(
                    503,
                    "This gateway pays " + terms.maxPrice() + " for a token or a row at most, and "
                            + (named.isEmpty() ? "every node with this model" : "the node") + " asks more.");
        }
        if (!serving.isEmpty() && serving.stream().noneMatch(node -> node.pricePerToken() <= wish.maxPrice())) {
            throw new ApiException(
                    402,
                    "price_too_low",
                    "plumbline.max_price",
                    "No node with this model answers at \"plumbline.max_price\" " + wish.maxPrice()
                            + "; the cheapest asks "
                            + serving.stream()
                                    .mapToLong(Node::pricePerToken)
                                    .min()
                                    .getAsLong() + ".");
        }
        List<Node> candidates = serving.stream()
                .filter(node -> isAffordable(node) && node.pricePerToken() <= wish.maxPrice())
                .filter(node -> level.compareTo(node.most()) <= 0)
                .filter(node -> !tried.contains(node.key()))
                .filter(node -> !hasLied(node))
                .sorted(NodeOrder.by(
                        wish.preference() == null ? terms.preference() : wish.preference(), this::isAway, pace))
                .toList();
        Reached reached;
        try {
            reached = new PreferredFirst<>(candidates, node -> tried(node, said.by())).find();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("Interrupted while a node was reached.", e);
        }
        if (reached != null) {
            return reached;
        }
        throw new ApiException(
                503,
                "No inference node " + (named.isEmpty() ? "" : named + " ") + "with this model that is audited at "
                        + level + " is "
                        + (candidates.isEmpty()
                                ? "registered, or those that are were left out for what they signed."
                                : "reached."));
    }

    /** By what a quorum has signed: one full node could have an honest node left out. */
    private Bytes32 successor(Bytes32 key) {
        try {
            CertifiedEntry entry = certified.find(Kind.SUCCESSION, key);
            if (entry == null || entry.value() == null) {
                return null;
            }
            Succession found = Succession.read(new CanonicalReader(entry.value(), "succession"));
            return found.isReplaced() ? found.named() : null;
        } catch (IOException e) {
            // It is asked again in a moment; requests do not wait for it.
            return null;
        }
    }

    private boolean isAffordable(Node node) {
        return node.pricePerToken() <= terms.maxPrice();
    }

    /** A session with a node; null where it is not there, which is remembered. */
    private Reached tried(Node node, int listedBy) {
        try {
            Peer peer = endpoint.connect(node.host(), node.port(), node.key().bytes());
            if (peer.awaitOpen(REACH_MS)) {
                return new Reached(node, peer, listedBy);
            }
            failed(node, "is not reached");
        } catch (IllegalArgumentException | IllegalStateException e) {
            // Anybody may announce an address that leads nowhere from here; or this process ends.
            failed(node, e.getMessage());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        return null;
    }

    /** This gateway's view of a node, for those that look at its page. */
    ObjectNode load(Node node) {
        Bytes32 key = node.key();
        return Http.MAPPER
                .createObjectNode()
                .put("under_way", pace.underWay(key))
                .put("first_token_ms", pace.firstNs(key) / 1e6)
                .put(
                        "left_out",
                        hasLied(node) ? "lied" : isAway(node) ? "away" : isLeftOut(BUSY, node) ? "busy" : null);
    }

    private boolean hasLied(Node node) {
        return isLeftOut("", node);
    }

    /** Started anew at another address it is not away. */
    private boolean isAway(Node node) {
        return isLeftOut(node.host() + ":" + node.port(), node);
    }

    private boolean isLeftOut(String where, Node node) {
        return leftOut.contains(where, node.key());
    }

    private void leaveOut(String where, Bytes32 key, long ns, String why) {
        leftOut.add(where, key, ns);
        events.emit(new Event.LeftOut(key.toString(), TimeUnit.NANOSECONDS.toSeconds(ns), why));
    }

    /**
     * Tells the operator what was bought.
     *
     * @param units tokens of an answer, or rows.
     */
    @Override
    public void answered(Receipt receipt, int units) {
        refusals.answered(receipt.node());
        bought.add(receipt, ordered -> handedInAnother(receipt, ordered));
        events.emit(new Event.Bought(
                receipt.requestHash().toString(), receipt.node().toString(), units, receipt.price()));
    }

    /**
     * A node has handed another receipt in than it gave: it is left out for a day and, where the two say different
     * things, which one signature does not show, it loses its stake by them.
     */
    private void handedInAnother(Receipt told, Receipt ordered) {
        String request = told.requestHash().toString();
        leaveOut("", told.node(), LIED_NS, "handed in another receipt than it gave for request " + request);
        if (!told.isSameAnswer(ordered)) {
            doubles.report(told);
        }
    }

    /**
     * It did not take a request: it is asked last for a while, and where it has too much to do, not at all for a
     * moment. A refusal of the request itself leaves it where it is: clients would say which nodes are asked.
     */
    private void refused(Node node, Exception why) {
        if (why instanceof IllegalArgumentException || why instanceof NotAskedException) {
            // Not asked at all: whether that is the node's fault was looked at before, and is not one full node's word.
            return;
        }
        boolean isBusy = why instanceof BusyException;
        if (isBusy && isLeftOut(BUSY, node)) {
            // The moment must not grow by those that come in it.
            return;
        }
        if (isBusy) {
            leaveOut(BUSY, node.key(), why instanceof DrainingException ? AWAY_NS : BUSY_NS, why.getMessage());
        }
        failed(node, why.getMessage());
    }

    /** It answered nothing. */
    private void failed(Node node, String why) {
        leaveOut(node.host() + ":" + node.port(), node.key(), AWAY_NS, why);
    }

    /**
     * Puts up what a request may cost at most.
     *
     * @param tokens most that the node may charge for, prompt and answer together.
     * @return the full node that said that it is there, see {@link LedgerClient#answered}.
     * @throws NotAskedException where it is the node that can have none; it is left out for a while; and where it has
     *     just said that it is busy.
     */
    private int escrow(Bytes32 requestHash, Reached by, long tokens, Level level) throws IOException {
        Node node = by.node;
        if (isLeftOut(BUSY, node)) {
            throw new NotAskedException("The node has too much to do. Ask again in some seconds.");
        }
        LedgerClient.Words words = ledger.submitToTwo(
                new Command.OpenEscrow(requestHash, node.key(), node.pricePerToken(), tokens, level));
        LedgerClient.Outcome escrow = words.last();
        if (escrow.isApplied()) {
            return words.by();
        }
        // What is said of the node another one may not have; what is said of this account stands whichever is asked.
        if (escrow.reason().startsWith(OF_NODE)) {
            // One full node could have an honest node left out, by its word or by listing it with other terms.
            boolean isAgreed =
                    words.said().stream().allMatch(one -> one.reason().startsWith(OF_NODE));
            if (isAgreed && OF_TERMS.stream().anyMatch(escrow.reason()::startsWith)) {
                // It was listed with other terms than it has.
                ledger.distrust(by.listedBy);
            } else if (isAgreed) {
                leaveOut(BUSY, node.key(), BUSY_NS, escrow.reason());
                failed(node, escrow.reason());
            }
            throw new NotAskedException("The ledger lets this node have no escrow: " + escrow.reason() + ".");
        }
        throw new ApiException(
                402,
                "The ledger refused the escrow: " + escrow.reason() + ". This gateway pays from account "
                        + keys.publicKey() + ".");
    }
}
