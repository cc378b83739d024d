package io.plumbline.ledger.state;

import io.plumbline.ledger.state.Command.CommitVerdict;
import io.plumbline.ledger.state.Command.DeclineEscrow;
import io.plumbline.ledger.state.Command.OpenEscrow;
import io.plumbline.ledger.state.Command.PostChallenge;
import io.plumbline.ledger.state.Command.RevealVerdict;
import io.plumbline.ledger.state.Command.SubmitReceipt;
import io.plumbline.ledger.state.Settlement.Status;
import io.plumbline.ledger.state.Verdict.Opinion;
import io.plumbline.ledger.tree.MmrPeaks;
import io.plumbline.verifier.blake3.Domain;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalWriter;
import io.plumbline.verifier.lightclient.LedgerHashes.Kind;
import io.plumbline.verifier.receipt.Receipt;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.BooleanSupplier;

/**
 * Requests with their escrows, receipts and judgement: from the escrow until money is owed for it, and a while
 * longer.
 */
final class Settlements {
    /** Tokens that one request may be charged for. */
    private static final long MAX_TOKENS = 1L << 32;

    /** Rules since which a receipt, an escrow's reserve and the time and number of requests are as here. */
    private static final int NODES_OWN_RECEIPTS = 4;

    /**
     * Bytes of all requests in a snapshot. Of four full nodes' one has some 1.1 kB, and 4 kB on a full node's heap; a
     * snapshot of 2 GiB or more could not be written.
     */
    static final long MAX_BYTES = 768L << 20;

    /** A node has so many requests in the state for each unit of its stake, at most: nobody fills it alone. */
    private static final int REQUESTS_A_STAKE = 10;

    /** An open escrow reserves at least this part of the least stake, whatever it pays. */
    private static final int LEAST_RESERVE_PARTS = 1_000;

    private static final Domain BEACON = new Domain("plumbline 2026-11 audit beacon");

    private final Ledger ledger;
    private final Entries entries;
    /** By request: sorted when a snapshot is taken and not before, for a command looks up several among many. */
    private final Map<Bytes32, Settlement> settlements = new HashMap<>();

    /** When something is to be done about a settlement: its phase ends, or, where it is closed, it leaves the state. */
    private final NavigableMap<Long, TreeSet<Bytes32>> deadlines = new TreeMap<>();

    private final List<Settlement> changed = new ArrayList<>();

    /** Hashes of all receipts that were judged, in the order they were. */
    private MmrPeaks judged = new MmrPeaks();

    /** Of the stake of a node whose answer is proven false, to whoever proves it: one part in this many. */
    private static final int BOUNTY_PARTS = 10;

    /** Of all settlements, see {@link Settlement#held}. */
    private long held;

    /** Of all settlements, encoded. */
    private long bytes;

    /** Settlements of each node, open or not. Here and below by the key that answers for them. */
    private final Map<Bytes32, Integer> ofNode = new HashMap<>();

    /** Open settlements of each node, and the stake that they reserve. */
    private final Map<Bytes32, TreeSet<Bytes32>> openByNode = new HashMap<>();

    /** Of these, those that wait for a receipt, by the key that their escrows name. */
    private final Map<Bytes32, TreeSet<Bytes32>> escrowedByNode = new HashMap<>();

    private final Map<Bytes32, Long> reserved = new HashMap<>();

    /** The rest of the state, as far as settlements need it. */
    interface Ledger {
        Parameters parameters();

        Books books();

        /** Stake of a node that its storage deals reserve, beside what its requests do. */
        long reservedByDeals(Bytes32 node);

        Registry registry();

        /** An inference node that is registered, or was when its key was replaced; null for none. */
        Node node(Bytes32 key);

        /** The key whose stake answers for what a node's key has signed. */
        Bytes32 holder(Bytes32 node);

        /** The number of the block that has what happens now. */
        long block();

        /** Commands seen so far. */
        long height();

        /** Hash over all that was ordered before. */
        byte[] chain();

        /** Full nodes that may audit, in genesis order. */
        List<Bytes32> auditors();

        /** Whether a signature holds. */
        boolean holds(byte[] content, BooleanSupplier check);
    }

    Settlements(Ledger ledger, Entries entries) {
        this.ledger = ledger;
        this.entries = entries;
    }

    Settlement find(Bytes32 requestHash) {
        return settlements.get(requestHash);
    }

    String escrow(Bytes32 signer, OpenEscrow c, long nowMs) {
        Parameters parameters = ledger.parameters();
        Account account = ledger.books().account(signer);
        Bytes32 nodeKey = c.node();
        Node node = ledger.registry().node(nodeKey);
        if (node == null || node.slashed()) {
            return "the node is not registered, or was slashed";
        }
        long stake = ledger.books().account(nodeKey).stake();
        if (stake < parameters.minStake()) {
            return "the node has asked its stake back";
        }
        if (find(c.requestHash()) != null) {
            return "this request has an escrow already";
        }
        if (c.level().compareTo(node.most()) > 0) {
            return "the node lets its answers be audited at " + node.most() + " at most, not at " + c.level();
        }
        if (c.pricePerToken() < node.pricePerToken()) {
            return "the node asks " + node.pricePerToken() + " a token, not " + c.pricePerToken();
        }
        if (c.tokens() < 1 || c.tokens() > MAX_TOKENS || c.pricePerToken() > Long.MAX_VALUE / c.tokens()) {
            return "an escrow is for 1 to " + MAX_TOKENS + " tokens whose price can be counted, not for " + c.tokens()
                    + " at " + c.pricePerToken();
        }
        long amount = c.pricePerToken() * c.tokens();
        long fee = parameters.auditFee(c.level(), c.tokens());
        if (amount > account.balance() || fee > account.balance() - amount) {
            return "escrow " + amount + " and an audit fee of " + fee + " are not covered by a balance of "
                    + account.balance();
        }
        boolean isBounded = parameters.rules() >= NODES_OWN_RECEIPTS;
        if (isBounded && bytes >= MAX_BYTES) {
            return "the ledger holds as many requests as it can; ask again when some have left it";
        }
        if (isBounded && ofNode.getOrDefault(nodeKey, 0) >= REQUESTS_A_STAKE * stake) {
            return "the node has had " + REQUESTS_A_STAKE + " requests for each unit of its stake; ask again when some"
                    + " have left the ledger";
        }
        long free = stake - reserved(nodeKey) - ledger.reservedByDeals(nodeKey);
        if (parameters.cover() > 0 && amount > free / parameters.cover()) {
            return "the node's free stake of " + free + " does not cover " + amount + " " + parameters.cover()
                    + " times; other requests must end first";
        }
        // A record that cost nothing to open would take memory of every full node without end.
        long least = isBounded && parameters.cover() > 0 ? parameters.minStake() / LEAST_RESERVE_PARTS : 0;
        long reserved = Math.max(amount * parameters.cover(), least);
        if (reserved > free) {
            return "the node's free stake of " + free + " does not cover the " + least
                    + " that every request reserves; other requests must end first";
        }
        ledger.books().hold(signer, amount + fee);
        Audit none = Audit.NONE.until(nowMs + parameters.answerMs(c.tokens()));
        put(new Settlement(
                c.requestHash(),
                signer,
                c.node(),
                c.pricePerToken(),
                c.tokens(),
                fee,
                reserved,
                node.openingMs(c.level(), c.tokens()),
                c.level(),
                Status.ESCROWED,
                null,
                none,
                ledger.height()));
        return null;
    }

    /** Stake of a node that its open settlements reserve. */
    long reserved(Bytes32 node) {
        return reserved.getOrDefault(node, 0L);
    }

    /**
     * Whether all of these are what open escrows wait for of their signer, receipts or that it declines, each for
     * another escrow and none refused as they stand. What costs no fee must leave nothing in the state but what an
     * escrow has paid for.
     */
    boolean areAwaited(Bytes32 signer, List<Command> commands) {
        Set<Bytes32> requests = new HashSet<>();
        return commands.stream().allMatch(command -> {
            Bytes32 request = awaited(signer, command);
            return request != null && requests.add(request);
        });
    }

    /** The request whose open escrow this command ends as it stands, or null. */
    private Bytes32 awaited(Bytes32 signer, Command command) {
        return switch (command) {
            case SubmitReceipt c
            when signer.equals(c.receipt().node()) && refusal(signer, c.receipt()) == null ->
                c.receipt().requestHash();
            case DeclineEscrow c when refusal(signer, c) == null -> c.requestHash();
            default -> null;
        };
    }

    /**
     * Gives an escrow back that its node has no request for. An escrow costs its maker next to nothing, and reserves
     * stake that others want to use.
     *
     * @return why not, or null.
     */
    String decline(Bytes32 signer, DeclineEscrow c, long nowMs) {
        String refusal = refusal(signer, c);
        if (refusal == null) {
            put(unjudged(find(c.requestHash()), nowMs));
        }
        return refusal;
    }

    private String refusal(Bytes32 signer, DeclineEscrow c) {
        Settlement open = find(c.requestHash());
        if (open == null || open.status() != Status.ESCROWED) {
            return "no escrow waits for an answer to this request";
        }
        return open.node().equals(signer) ? null : "only the node that an escrow names declines it";
    }

    /**
     * Takes a receipt.
     *
     * @param signer of the command: where it is the node itself it vouches for the receipt, and a signature that does
     *     not hold is its auditors' finding.
     * @return why it is not taken, or null.
     */
    String receipt(Bytes32 signer, Receipt receipt, long nowMs) {
        String refusal = refusal(signer, receipt);
        if (refusal == null) {
            Settlement open = find(receipt.requestHash());
            byte[] beacon = BEACON.hash(ledger.chain(), receipt.requestHash().bytes());
            Audit begun = Audit.begun(beacon, auditors(beacon), nowMs + auditMs(open));
            put(open.ordered(receipt, begun, ledger.height()));
        }
        return refusal;
    }

    private String refusal(Bytes32 signer, Receipt receipt) {
        Settlement open = find(receipt.requestHash());
        if (open == null) {
            return "no escrow is open for this request";
        }
        if (open.status() != Status.ESCROWED) {
            return "this request has a receipt already, or is over";
        }
        boolean isTheNodes = open.node().equals(receipt.node());
        if (ledger.parameters().rules() >= NODES_OWN_RECEIPTS && !signer.equals(open.node())) {
            // An old receipt under a new escrow would have the node asked for what it has forgotten.
            return "only the node that an escrow names hands in its receipt";
        }
        if (!isTheNodes
                || !signer.equals(receipt.node())
                        && !ledger.holds(new SubmitReceipt(receipt).encode(), receipt::signatureHolds)) {
            return "the receipt is not signed by the node the escrow names";
        }
        Node node = ledger.node(receipt.node());
        long tokens = (long) receipt.promptTokens() + receipt.outputTokens();
        boolean isCounted = receipt.promptTokens() >= 0 && receipt.outputTokens() >= 0 && tokens <= open.tokens();
        if (!isCounted || receipt.price() < 0 || receipt.price() > open.pricePerToken() * tokens) {
            return "price " + receipt.price() + " for " + tokens + " tokens is above the escrow's, "
                    + open.pricePerToken() + " a token for " + open.tokens() + " at most";
        }
        return node.modelId().equals(receipt.modelId())
                ? null
                : "the receipt names another model than the node announced";
    }

    /** Time for the audit of an answer, and again after a challenge is posted. */
    private long auditMs(Settlement one) {
        return ledger.parameters().commitMs() + one.openingMs();
    }

    /** All full nodes, or as many as audit one answer, drawn by the beacon. */
    private List<Bytes32> auditors(byte[] beacon) {
        SortedMap<Bytes32, Bytes32> drawn = new TreeMap<>();
        ledger.auditors().forEach(key -> drawn.put(Bytes32.of(BEACON.hash(beacon, key.bytes())), key));
        return drawn.values().stream().limit(ledger.parameters().maxAuditors()).toList();
    }

    /** The reason why an auditor's word on a settlement is refused, or null. */
    private static String refuse(Settlement open, Bytes32 auditor) {
        if (open == null || open.receipt() == null) {
            return "no receipt was ordered for this request";
        }
        return open.audit().isAuditor(auditor) ? null : "only this answer's auditors judge it";
    }

    String commit(Bytes32 auditor, CommitVerdict c, long nowMs) {
        Settlement open = find(c.requestHash());
        String refusal = refuse(open, auditor);
        if (refusal != null) {
            return refusal;
        }
        if (open.status() != Status.AUDITING || c.round() != open.audit().round()) {
            return "round " + c.round() + " is over";
        }
        if (open.audit().hasCommitted(auditor)) {
            return "this full node has committed already";
        }
        Parameters parameters = ledger.parameters();
        Audit audit = open.audit().committed(auditor, c.commitment());
        if (audit.committed() == audit.auditors().size()) {
            put(open.with(Status.REVEALING, audit.until(nowMs + parameters.revealMs()), ledger.height()));
        } else {
            long deadline =
                    audit.decides() ? Math.min(audit.deadlineMs(), nowMs + parameters.graceMs()) : audit.deadlineMs();
            put(open.with(Status.AUDITING, audit.until(deadline), ledger.height()));
        }
        return null;
    }

    String post(Bytes32 auditor, PostChallenge c, long nowMs) {
        Settlement open = find(c.requestHash());
        String refusal = refuse(open, auditor);
        if (refusal != null) {
            return refusal;
        }
        if (open.status() != Status.AUDITING) {
            return "this answer is not being audited any more";
        }
        if (open.audit().hasPosted(auditor)) {
            return "this full node has posted a challenge already";
        }
        long computed = Math.max(
                1, (long) open.receipt().promptTokens() + open.receipt().outputTokens() - 1);
        if (c.cell().to() > computed) {
            // How many layers there are only the model says: who has it leaves out what is none of them.
            return "the model ran over " + computed + " tokens for this answer, not over token "
                    + (c.cell().to() - 1);
        }
        long deadline = nowMs + auditMs(open);
        put(open.with(Status.AUDITING, open.audit().posted(auditor, c.cell(), deadline), ledger.height()));
        return null;
    }

    String reveal(Bytes32 auditor, RevealVerdict c, long nowMs) {
        Settlement open = find(c.requestHash());
        String refusal = refuse(open, auditor);
        if (refusal != null) {
            return refusal;
        }
        if (open.status() == Status.AUDITING) {
            return "others may still commit to their verdicts";
        }
        Audit audit = open.audit();
        byte[] commitment = audit.commitment(auditor);
        if (commitment == null
                || !Arrays.equals(commitment, c.verdict().commitment(c.requestHash(), audit.round(), auditor))) {
            return "this is not the verdict that was committed to";
        }
        if (audit.hasJudged(auditor)) {
            return "this full node has judged already";
        }
        Settlement heard = open.with(open.status(), audit.revealed(auditor, c.verdict()), ledger.height());
        put(heard.isOpen() ? decided(heard, nowMs) : heard);
        return null;
    }

    /** Ends one when its verdicts decide it, and gives the escrow back when none is missing and they do not. */
    private Settlement decided(Settlement heard, long nowMs) {
        Audit audit = heard.audit();
        if (audit.good() >= audit.quorum()) {
            // The price waits until no evidence can come any more: a lie that was paid is paid back out of it.
            owe(heard.requester(), heard.escrow() - heard.receipt().price());
            payAuditors(heard, audit.working());
            return closed(heard, Status.SETTLED, nowMs);
        }
        if (audit.bad() >= audit.quorum()) {
            // What most of them say is not proof: the stake is for evidence.
            ledger.registry().fault(ledger.holder(heard.node()));
            payAuditors(heard, audit.calling(Opinion.BAD));
            return refunded(heard, nowMs);
        }
        if (audit.silence() >= audit.quorum() && audit.isPostedByHonest()) {
            penalize(heard);
            payAuditors(heard, audit.calling(Opinion.SILENT));
            return refunded(heard, nowMs);
        }
        if (audit.isComplete()) {
            payAuditors(heard, List.of());
            return refunded(heard, nowMs);
        }
        return heard;
    }

    /**
     * A posted challenge was left unanswered: whoever would rather be silent than caught loses what was reserved for
     * this request.
     */
    private void penalize(Settlement one) {
        Bytes32 node = ledger.holder(one.node());
        ledger.registry().fault(node);
        ledger.books().burn(ledger.books().forfeit(node, one.reserved()), ledger.block());
    }

    /** Shares the audit's fee among those who did the work; where nobody did, the requester has it back. */
    private void payAuditors(Settlement one, List<Bytes32> auditors) {
        if (auditors.isEmpty()) {
            owe(one.requester(), one.fee());
            return;
        }
        long each = one.fee() / auditors.size();
        auditors.forEach(auditor -> ledger.books().owe(auditor, each, ledger.block()));
        ledger.books().burn(one.fee() - each * auditors.size(), ledger.block());
    }

    private Settlement closed(Settlement one, Status status, long nowMs) {
        if (one.receipt() != null) {
            judged.add(one.receipt().hash().bytes());
        }
        Parameters parameters = ledger.parameters();
        // Where there is no answer there is nothing to prove, and nobody's money waits where nobody has judged one.
        boolean isBrief =
                parameters.rules() >= NODES_OWN_RECEIPTS && (one.receipt() == null || isUnjudged(one, status));
        long keptMs = isBrief ? Math.min(parameters.escrowMs(), parameters.retainMs()) : parameters.retainMs();
        return one.with(status, one.audit().until(nowMs + keptMs), ledger.height());
    }

    private static boolean isUnjudged(Settlement one, Status status) {
        Audit audit = one.audit();
        return status == Status.REFUNDED && audit.good() == 0 && audit.bad() == 0 && audit.silence() == 0;
    }

    /** The requester has the escrow back; what becomes of the fee is said apart. */
    private Settlement refunded(Settlement one, long nowMs) {
        owe(one.requester(), one.escrow());
        return closed(one, Status.REFUNDED, nowMs);
    }

    /** Ended without auditors: escrow and fee go back. */
    private Settlement unjudged(Settlement one, long nowMs) {
        payAuditors(one, List.of());
        return refunded(one, nowMs);
    }

    private void owe(Bytes32 payee, long amount) {
        ledger.books().owe(payee, amount, ledger.block());
    }

    /**
     * An answer was proven false: the requester has back what is still held of the escrow, the node loses its stake,
     * and requests that it has not answered yet end. Nothing of the stake goes to requesters: a node could make as many
     * of them as it likes.
     *
     * @return the finder's part of the stake, which its caller owes or holds; the rest is burned.
     */
    long slash(Settlement proven, long nowMs) {
        Bytes32 node = ledger.holder(proven.node());
        owe(proven.requester(), proven.held());
        put(
                proven.isOpen()
                        ? closed(proven, Status.SLASHED, nowMs)
                        : proven.with(Status.SLASHED, proven.audit(), ledger.height()));
        ledger.registry().caught(node);
        long stake = ledger.books().seize(node);
        long bounty = stake / BOUNTY_PARTS;
        ledger.books().burn(stake - bounty, ledger.block());
        for (Bytes32 request : List.copyOf(openByNode.getOrDefault(node, new TreeSet<>()))) {
            Settlement other = settlements.get(request);
            if (other.status() == Status.ESCROWED) {
                put(unjudged(other, nowMs));
            }
        }
        return bounty;
    }

    /**
     * Takes a receipt that its node has given beside the one that it handed in, as {@link #slash} does evidence. Until
     * the settlement leaves the state, like evidence, and once: the answer is proven false by it. The requester has the
     * finder's part: it is the one who was shown the receipt, and whoever passes it on could hand it in as its own.
     *
     * @return why it is no offence, or null.
     */
    String doubleReceipt(Receipt other, long nowMs) {
        Settlement one = find(other.requestHash());
        if (one == null || one.receipt() == null) {
            return "no answer to this request is on the ledger, or not any more";
        }
        if (one.status() == Status.SLASHED) {
            return "this answer was proven false already";
        }
        if (!one.node().equals(other.node())
                || !ledger.holds(new SubmitReceipt(other).encode(), other::signatureHolds)) {
            return "the receipt is not signed by the node that answered this request";
        }
        if (one.receipt().isSameAnswer(other)) {
            return "the node gave one receipt for this request, and this is it";
        }
        owe(one.requester(), slash(one, nowMs));
        return null;
    }

    /** Ends what should have come to its end; whether anything did. */
    boolean expire(long nowMs) {
        boolean any = false;
        while (!deadlines.isEmpty() && deadlines.firstKey() <= nowMs) {
            Settlement one = settlements.get(deadlines.firstEntry().getValue().first());
            if (one.isOpen()) {
                Audit audit = one.audit();
                boolean enough = audit.committed() >= audit.quorum();
                long revealed = nowMs + ledger.parameters().revealMs();
                put(
                        one.status() == Status.AUDITING && enough
                                ? one.with(Status.REVEALING, audit.until(revealed), ledger.height())
                                : unjudged(one, nowMs));
            } else {
                forget(one);
            }
            any = true;
        }
        return any;
    }

    /** One leaves the state. No evidence is taken against its answer any more, so a price that waited is paid. */
    private void forget(Settlement one) {
        Bytes32 key = one.requestHash();
        if (one.status() == Status.SETTLED) {
            owe(ledger.holder(one.node()), one.held());
        }
        held -= one.held();
        bytes -= one.bytes();
        ofNode.computeIfPresent(ledger.holder(one.node()), (any, count) -> count == 1 ? null : count - 1);
        unschedule(key, one);
        settlements.remove(key);
        entries.remove(Kind.SETTLEMENT, key);
    }

    /** Keeps a settlement, its deadline, and that it has changed. */
    private void put(Settlement next) {
        Bytes32 key = next.requestHash();
        Settlement before = settlements.put(key, next);
        entries.put(Kind.SETTLEMENT, key, next::encode);
        held += next.held();
        bytes += next.bytes();
        if (before == null) {
            ofNode.merge(ledger.holder(next.node()), 1, Integer::sum);
        } else {
            held -= before.held();
            bytes -= before.bytes();
            unschedule(key, before);
        }
        count(key, before, next);
        deadlines
                .computeIfAbsent(next.audit().deadlineMs(), at -> new TreeSet<>())
                .add(key);
        boolean news = before == null
                || before.status() != next.status()
                || before.audit().round() != next.audit().round()
                || before.audit().deadlineMs() != next.audit().deadlineMs();
        if (news && next.receipt() != null) {
            changed.add(next);
        }
    }

    /** Keeps what is open by node. */
    private void count(Bytes32 key, Settlement before, Settlement next) {
        Bytes32 of = next.node();
        if (next.status() == Status.ESCROWED) {
            escrowedByNode.computeIfAbsent(of, any -> new TreeSet<>()).add(key);
        } else if (before != null && before.status() == Status.ESCROWED) {
            TreeSet<Bytes32> waiting = escrowedByNode.get(of);
            waiting.remove(key);
            if (waiting.isEmpty()) {
                escrowedByNode.remove(of);
            }
        }
        boolean wasOpen = before != null && before.isOpen();
        if (wasOpen == next.isOpen()) {
            return;
        }
        Bytes32 node = ledger.holder(next.node());
        TreeSet<Bytes32> open = openByNode.computeIfAbsent(node, any -> new TreeSet<>());
        if (next.isOpen()) {
            open.add(key);
            reserved.merge(node, next.reserved(), Math::addExact);
        } else {
            open.remove(key);
            reserved.merge(node, -next.reserved(), Math::addExact);
        }
        if (open.isEmpty()) {
            openByNode.remove(node);
            reserved.remove(node);
        }
    }

    /** Has one key's stake answer for all that another's did so far. */
    void handOver(Bytes32 from, Bytes32 to) {
        Integer count = ofNode.remove(from);
        if (count != null) {
            ofNode.merge(to, count, Integer::sum);
        }
        TreeSet<Bytes32> open = openByNode.remove(from);
        if (open != null) {
            openByNode.computeIfAbsent(to, any -> new TreeSet<>()).addAll(open);
            reserved.merge(to, reserved.remove(from), Math::addExact);
        }
    }

    /** Requests that escrows of this node wait for. */
    List<Bytes32> escrowed(Bytes32 node, int most) {
        return escrowedByNode.getOrDefault(node, new TreeSet<>()).stream()
                .limit(most)
                .toList();
    }

    private void unschedule(Bytes32 key, Settlement one) {
        TreeSet<Bytes32> due = deadlines.get(one.audit().deadlineMs());
        due.remove(key);
        if (due.isEmpty()) {
            deadlines.remove(one.audit().deadlineMs());
        }
    }

    /** The next time something is to be done, or the end of time. */
    long nextDeadlineMs() {
        return deadlines.isEmpty() ? Long.MAX_VALUE : deadlines.firstKey();
    }

    List<Settlement> takeChanged() {
        List<Settlement> taken = List.copyOf(changed);
        changed.clear();
        return taken;
    }

    /** Escrows, audit fees and prices that are neither paid nor given back. */
    long held() {
        return held;
    }

    /** How many receipts were judged, and the root of the mountain range of their hashes. */
    void writeJudged(CanonicalWriter out) {
        out.putLong(judged.length()).putFixed(judged.root());
    }

    void write(CanonicalWriter out) {
        judged.write(out);
        out.putInt(settlements.size());
        new TreeMap<>(settlements).values().forEach(one -> one.write(out));
    }

    static Settlements read(Ledger ledger, Entries entries, CanonicalReader in) {
        Settlements read = new Settlements(ledger, entries);
        read.judged = MmrPeaks.read(in);
        for (int n = in.getInt("settlements"); n > 0; n--) {
            read.put(Settlement.read(in));
        }
        // Only who may still have to act hears of it again.
        read.changed.removeIf(one -> !one.isOpen());
        return read;
    }
}
