package io.plumbline.ledger.state;

import io.plumbline.ledger.state.Case.Status;
import io.plumbline.ledger.state.Command.CommitVerdict;
import io.plumbline.ledger.state.Command.OpenEscrow;
import io.plumbline.ledger.state.Command.PostChallenge;
import io.plumbline.ledger.state.Command.RevealVerdict;
import io.plumbline.ledger.state.Verdict.Opinion;
import io.plumbline.ledger.tree.Peaks;
import io.plumbline.verifier.blake3.Domain;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalWriter;
import io.plumbline.verifier.ledger.LedgerHashes.Kind;
import io.plumbline.verifier.receipt.Receipt;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;

/** Requests with their escrows, receipts and judgement: from the escrow until money is owed for it, and a while longer. */
final class Cases {
    private static final Domain BEACON = new Domain("plumbline 2026-11 audit beacon");

    private final Ledger ledger;
    private final Entries entries;
    private final SortedMap<Key, Case> cases = new TreeMap<>();

    /** When something is to be done about a case: its phase ends, or, where it is closed, it leaves the state. */
    private final NavigableMap<Long, TreeSet<Key>> deadlines = new TreeMap<>();

    private final List<Case> changed = new ArrayList<>();

    /** Hashes of all receipts that were judged, in the order they were. */
    private Peaks judged = new Peaks();

    private long held;

    /** What cases need of the rest of the state. */
    interface Ledger {
        Parameters parameters();

        Books books();

        Registry registry();

        /** The number of the block that has what happens now. */
        long block();

        /** Commands seen so far. */
        long height();

        /** Hash over all that was ordered before. */
        byte[] chain();

        /** Full nodes that may audit, in genesis order. */
        List<byte[]> auditors();
    }

    Cases(Ledger ledger, Entries entries) {
        this.ledger = ledger;
        this.entries = entries;
    }

    Case find(byte[] requestHash) {
        return requestHash.length == 32 ? cases.get(Key.of(requestHash)) : null;
    }

    String escrow(byte[] signer, OpenEscrow c, long nowMs) {
        Account account = ledger.books().account(Key.of(signer));
        Node node = ledger.registry().node(Key.of(c.node()));
        if (node == null || node.slashed()) {
            return "the node is not registered, or was slashed";
        }
        if (ledger.books().account(Key.of(c.node())).stake()
                < ledger.parameters().minStake()) {
            return "the node has asked its stake back";
        }
        if (find(c.requestHash()) != null) {
            return "this request has an escrow already";
        }
        if (c.amount() <= 0 || c.amount() > account.balance()) {
            return "escrow " + c.amount() + " is not covered by a balance of " + account.balance();
        }
        ledger.books().hold(Key.of(signer), c.amount());
        held = Math.addExact(held, c.amount());
        Audit none = Audit.NONE.until(nowMs + ledger.parameters().escrowMs());
        put(new Case(
                c.requestHash(),
                signer,
                c.node(),
                c.amount(),
                c.level(),
                Status.ESCROWED,
                null,
                none,
                ledger.height()));
        return null;
    }

    /** @param signer of the command: where it is the node itself it vouches for the receipt, and a signature that does not hold is its auditors' finding. */
    String receipt(byte[] signer, Receipt receipt, long nowMs) {
        Case open = find(receipt.requestHash());
        if (open == null) {
            return "no escrow is open for this request";
        }
        if (open.status() != Status.ESCROWED) {
            return "this request has a receipt already";
        }
        boolean isTheNodes = Arrays.equals(open.node(), receipt.node());
        if (!isTheNodes || !Arrays.equals(signer, receipt.node()) && !receipt.signatureHolds()) {
            return "the receipt is not signed by the node the escrow names";
        }
        Node node = ledger.registry().node(Key.of(receipt.node()));
        long tokens = (long) receipt.promptTokens() + receipt.outputTokens();
        if (receipt.price() < 0
                || receipt.price() > open.escrow()
                || receipt.price() > saturated(node.pricePerToken(), tokens)) {
            return "price " + receipt.price() + " is above the escrow or the announced price";
        }
        if (!Arrays.equals(node.modelId(), receipt.modelId())) {
            return "the receipt names another model than the node announced";
        }
        byte[] beacon = BEACON.hash(ledger.chain(), receipt.requestHash());
        Audit begun = Audit.begun(
                beacon, auditors(beacon), nowMs + ledger.parameters().commitMs());
        put(open.ordered(receipt, begun, ledger.height()));
        return null;
    }

    /** No more than a long can hold, and nothing for fewer tokens than one: a receipt may claim any number. */
    private static long saturated(long price, long tokens) {
        if (tokens <= 0) {
            return 0;
        }
        return price > Long.MAX_VALUE / tokens ? Long.MAX_VALUE : price * tokens;
    }

    /** All full nodes, or as many as audit one answer, drawn by the beacon. */
    private List<Key> auditors(byte[] beacon) {
        List<byte[]> all = ledger.auditors();
        SortedMap<Key, byte[]> drawn = new TreeMap<>();
        all.forEach(key -> drawn.put(Key.of(BEACON.hash(beacon, key)), key));
        return drawn.values().stream()
                .limit(ledger.parameters().maxAuditors())
                .map(Key::of)
                .toList();
    }

    /** What is wrong with an auditor's word on a case, or null. */
    private static String refuse(Case open, Key auditor) {
        if (open == null || open.receipt() == null) {
            return "no receipt was ordered for this request";
        }
        return open.audit().isAuditor(auditor) ? null : "only this answer's auditors judge it";
    }

    String commit(byte[] signer, CommitVerdict c, long nowMs) {
        Case open = find(c.requestHash());
        Key auditor = Key.of(signer);
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
        int count = audit.committed();
        if (count == audit.auditors().size()) {
            put(open.with(Status.REVEALING, audit.until(nowMs + parameters.revealMs()), ledger.height()));
        } else {
            long deadline = count < audit.quorum()
                    ? audit.deadlineMs()
                    : Math.min(audit.deadlineMs(), nowMs + parameters.graceMs());
            put(open.with(Status.AUDITING, audit.until(deadline), ledger.height()));
        }
        return null;
    }

    String post(byte[] signer, PostChallenge c, long nowMs) {
        Case open = find(c.requestHash());
        Key auditor = Key.of(signer);
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
        long deadline = nowMs + ledger.parameters().commitMs();
        put(open.with(Status.AUDITING, open.audit().posted(auditor, c.cell(), deadline), ledger.height()));
        return null;
    }

    String reveal(byte[] signer, RevealVerdict c, long nowMs) {
        Case open = find(c.requestHash());
        Key auditor = Key.of(signer);
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
                || !Arrays.equals(commitment, c.verdict().commitment(c.requestHash(), audit.round(), signer))) {
            return "this is not the verdict that was committed to";
        }
        if (audit.hasJudged(auditor)) {
            return "this full node has judged already";
        }
        Case heard = open.with(open.status(), audit.revealed(auditor, c.verdict()), ledger.height());
        put(heard.isOpen() ? decided(heard, nowMs) : heard);
        return null;
    }

    /** Settles a case when its verdicts decide it, and gives the escrow back when none is missing and they do not. */
    private Case decided(Case heard, long nowMs) {
        Audit audit = heard.audit();
        if (audit.good() >= audit.quorum()) {
            pay(heard);
            return closed(heard, Status.SETTLED, nowMs);
        }
        if (audit.bad() >= audit.quorum()) {
            slash(heard);
            return closed(heard, Status.SLASHED, nowMs);
        }
        return audit.isComplete() ? refunded(heard, nowMs) : heard;
    }

    private Case closed(Case one, Status status, long nowMs) {
        held -= one.escrow();
        if (one.receipt() != null) {
            judged.add(one.receipt().hash());
        }
        return one.with(status, one.audit().until(nowMs + ledger.parameters().retainMs()), ledger.height());
    }

    private Case refunded(Case one, long nowMs) {
        owe(one.requester(), one.escrow());
        return closed(one, Status.REFUNDED, nowMs);
    }

    private void owe(byte[] payee, long amount) {
        ledger.books().owe(Key.of(payee), amount, ledger.block());
    }

    /** The node gets its price, the requester the rest of the escrow. */
    private void pay(Case one) {
        owe(one.node(), one.receipt().price());
        owe(one.requester(), one.escrow() - one.receipt().price());
    }

    /** The requester gets the escrow back and half the stake; the full nodes that judged so share a quarter; the rest is burned. */
    private void slash(Case one) {
        long stake = ledger.books().seize(Key.of(one.node()));
        ledger.registry().caught(Key.of(one.node()));
        owe(one.requester(), Math.addExact(one.escrow(), stake / 2));
        long left = stake - stake / 2;
        List<Key> finders = one.audit().verdicts().entrySet().stream()
                .filter(vote -> vote.getValue().opinion() == Opinion.BAD)
                .map(Map.Entry::getKey)
                .toList();
        long each = stake / 4 / finders.size();
        for (Key finder : finders) {
            ledger.books().owe(finder, each, ledger.block());
            left -= each;
        }
        ledger.books().oweFire(left, ledger.block());
    }

    /** Ends what should have come to its end; whether anything did. */
    boolean expire(long nowMs) {
        boolean any = false;
        while (!deadlines.isEmpty() && deadlines.firstKey() <= nowMs) {
            Case one = cases.get(deadlines.firstEntry().getValue().first());
            if (one.isOpen()) {
                Audit audit = one.audit();
                boolean enough = audit.committed() >= audit.quorum();
                long revealed = nowMs + ledger.parameters().revealMs();
                put(
                        one.status() == Status.AUDITING && enough
                                ? one.with(Status.REVEALING, audit.until(revealed), ledger.height())
                                : refunded(one, nowMs));
            } else {
                forget(one);
            }
            any = true;
        }
        return any;
    }

    private void forget(Case one) {
        Key key = Key.of(one.requestHash());
        unschedule(key, one);
        cases.remove(key);
        entries.remove(Kind.CASE, key);
    }

    /** Keeps a case, its deadline, and that it has changed. */
    private void put(Case next) {
        Key key = Key.of(next.requestHash());
        Case before = cases.put(key, next);
        entries.put(Kind.CASE, key, next::encode);
        if (before != null) {
            unschedule(key, before);
        }
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

    private void unschedule(Key key, Case one) {
        TreeSet<Key> due = deadlines.get(one.audit().deadlineMs());
        due.remove(key);
        if (due.isEmpty()) {
            deadlines.remove(one.audit().deadlineMs());
        }
    }

    /** The next time something is to be done, or the end of time. */
    long nextDeadlineMs() {
        return deadlines.isEmpty() ? Long.MAX_VALUE : deadlines.firstKey();
    }

    List<Case> takeChanged() {
        List<Case> taken = List.copyOf(changed);
        changed.clear();
        return taken;
    }

    /** Escrows that are neither paid nor given back. */
    long held() {
        return held;
    }

    /** How many receipts were judged, and the root of the mountain range of their hashes. */
    void writeJudged(CanonicalWriter out) {
        out.putLong(judged.length()).putFixed(judged.root());
    }

    void write(CanonicalWriter out) {
        judged.write(out);
        out.putInt(cases.size());
        cases.values().forEach(one -> one.write(out));
    }

    static Cases read(Ledger ledger, Entries entries, CanonicalReader in) {
        Cases read = new Cases(ledger, entries);
        read.judged = Peaks.read(in);
        for (int n = in.getInt("cases"); n > 0; n--) {
            Case one = Case.read(in);
            read.put(one);
            read.held = Math.addExact(read.held, one.isOpen() ? one.escrow() : 0);
        }
        // Only who may still have to act hears of it again.
        read.changed.removeIf(one -> !one.isOpen());
        return read;
    }
}
