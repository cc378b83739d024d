package io.plumbline.ledger.state;

import io.plumbline.ledger.state.Case.Status;
import io.plumbline.ledger.state.Command.CastVote;
import io.plumbline.ledger.state.Command.CommitVerdict;
import io.plumbline.ledger.state.Command.OpenEscrow;
import io.plumbline.ledger.state.Command.PostChallenge;
import io.plumbline.ledger.state.Command.RegisterNode;
import io.plumbline.ledger.state.Command.RevealVerdict;
import io.plumbline.ledger.state.Command.Signed;
import io.plumbline.ledger.state.Command.SubmitReceipt;
import io.plumbline.ledger.state.Verdict.Opinion;
import io.plumbline.ledger.tree.StateTree;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.encoding.CanonicalWriter;
import io.plumbline.verifier.ledger.BlockHeader;
import io.plumbline.verifier.ledger.LedgerHashes;
import io.plumbline.verifier.ledger.LedgerHashes.Kind;
import io.plumbline.verifier.receipt.Receipt;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * The settlement state machine: pure, single-threaded, and the same on every member that applies the same commands. It knows no clock
 * but the cluster's and iterates in key order only. A command is applied whole or not at all.
 */
public final class LedgerState {
    /** Longest time to audit and commit to a verdict, and again after a challenge is posted. */
    public static final long COMMIT_MS = 120_000;

    /** Time for the others once as many have committed as decide. */
    public static final long GRACE_MS = 5_000;

    /** Longest time to reveal what was committed to. */
    public static final long REVEAL_MS = 30_000;

    /** Longest time from an escrow to its receipt: then the requester has the money back. */
    public static final long ESCROW_MS = 3_600_000;

    /** Commands after which a block is closed at once. */
    public static final int BLOCK_COMMANDS = 256;

    /** Auditors of one answer, at most. */
    public static final int MAX_AUDITORS = 7;

    private static final String BEACON = "plumbline 2026-11 audit beacon";
    private static final String FORMAT = "plumbline ledger 3";

    private final Genesis genesis;
    private final SortedMap<String, Account> accounts = new TreeMap<>();
    private final SortedMap<String, Node> nodes = new TreeMap<>();
    private final SortedMap<String, Case> cases = new TreeMap<>();
    private final TreeSet<String> applied = new TreeSet<>();
    private final TreeMap<Long, TreeSet<String>> deadlines = new TreeMap<>();
    private final List<Case> changed = new ArrayList<>();

    /** All of the above that stands for the state, under its root. */
    private StateTree tree = StateTree.empty();

    /** Hash over all commands so far, in order, with the times they were ordered at. */
    private byte[] chain = new byte[32];

    private long height;
    private long burned;

    /** Commands applied since the last block was closed, votes aside. */
    private int pending;

    private Blocks blocks;

    /** Money of one key. */
    public record Account(long balance, long stake) {
        /** The entry of the state tree. */
        public byte[] encode() {
            return new CanonicalWriter().putLong(balance).putLong(stake).toBytes();
        }
    }

    /** An inference node as announced. */
    public record Node(byte[] key, byte[] modelId, long pricePerToken, String host, int port, boolean slashed) {
        /** The entry of the state tree. */
        public byte[] encode() {
            return new CanonicalWriter()
                    .putFixed(key)
                    .putFixed(modelId)
                    .putLong(pricePerToken)
                    .putText(host)
                    .putInt(port)
                    .putInt(slashed ? 1 : 0)
                    .toBytes();
        }

        private static Node read(CanonicalReader in) {
            return new Node(
                    in.getFixed(32, "node"),
                    in.getFixed(32, "model id"),
                    in.getLong("price"),
                    in.getText("host"),
                    in.getInt("port"),
                    in.getInt("slashed") != 0);
        }
    }

    public LedgerState(Genesis genesis) {
        this.genesis = genesis;
        this.blocks = new Blocks(genesis);
        for (Genesis.Deposit deposit : genesis.deposits()) {
            Account before = account(deposit.account());
            put(deposit.account(), new Account(Math.addExact(before.balance(), deposit.amount()), 0));
        }
    }

    private static String hex(byte[] key) {
        return HexFormat.of().formatHex(key);
    }

    private static byte[] bytes(String hex) {
        return HexFormat.of().parseHex(hex);
    }

    /**
     * Applies one command.
     *
     * @param nowMs cluster time.
     * @return null when applied, or why it was not; a refused command changes nothing but the height and the chain.
     */
    public String apply(Signed signed, long nowMs) {
        expire(nowMs);
        height++;
        String id = hex(signed.id());
        if (applied.contains(id)) {
            return "this command was applied before";
        }
        if (!signed.signatureHolds()) {
            return "the signature does not hold";
        }
        Command command;
        try {
            command = Command.decode(signed.body());
        } catch (MalformedException e) {
            return e.getMessage();
        }
        byte[] time = new CanonicalWriter().putLong(nowMs).toBytes();
        chain = Blake3.plain().update(chain).update(signed.id()).update(time).digest();
        String refusal = switch (command) {
            case RegisterNode c -> register(signed.signer(), c);
            case OpenEscrow c -> escrow(signed.signer(), c, nowMs);
            case SubmitReceipt c -> receipt(c.receipt(), nowMs);
            case CommitVerdict c -> commit(hex(signed.signer()), c, nowMs);
            case RevealVerdict c -> reveal(signed.signer(), c);
            case PostChallenge c -> post(hex(signed.signer()), c, nowMs);
            case CastVote c -> blocks.vote(signed.signer(), c.number(), c.headerHash(), c.signature());
        };
        // A vote changes nothing that blocks are about, and counts once by itself.
        if (refusal == null && !(command instanceof CastVote)) {
            pending++;
            applied.add(id);
            enter(Kind.COMMAND, signed.id(), new byte[0]);
        }
        return refusal;
    }

    private String register(byte[] signer, RegisterNode c) {
        Account account = account(signer);
        if (c.stake() <= 0 || c.stake() > account.balance()) {
            return "stake " + c.stake() + " is not covered by a balance of " + account.balance();
        }
        if (c.pricePerToken() < 0
                || c.port() < 1
                || c.port() > 65_535
                || c.host().isEmpty()
                || c.host().length() > 255) {
            return "price, host or port is not valid";
        }
        put(signer, new Account(account.balance() - c.stake(), Math.addExact(account.stake(), c.stake())));
        put(new Node(signer, c.modelId(), c.pricePerToken(), c.host(), c.port(), false));
        return null;
    }

    private String escrow(byte[] signer, OpenEscrow c, long nowMs) {
        Account account = account(signer);
        Node node = nodes.get(hex(c.node()));
        if (node == null || node.slashed()) {
            return "the node is not registered, or was slashed";
        }
        if (cases.containsKey(hex(c.requestHash()))) {
            return "this request has an escrow already";
        }
        if (c.amount() <= 0 || c.amount() > account.balance()) {
            return "escrow " + c.amount() + " is not covered by a balance of " + account.balance();
        }
        put(signer, new Account(account.balance() - c.amount(), account.stake()));
        Audit none = Audit.NONE.until(nowMs + ESCROW_MS);
        put(new Case(c.requestHash(), signer, c.node(), c.amount(), c.level(), Status.ESCROWED, null, none, height));
        return null;
    }

    private String receipt(Receipt receipt, long nowMs) {
        Case open = cases.get(hex(receipt.requestHash()));
        if (open == null) {
            return "no escrow is open for this request";
        }
        if (open.status() != Status.ESCROWED) {
            return "this request has a receipt already";
        }
        if (!Arrays.equals(open.node(), receipt.node()) || !receipt.signatureHolds()) {
            return "the receipt is not signed by the node the escrow names";
        }
        Node node = nodes.get(hex(receipt.node()));
        long tokens = (long) receipt.promptTokens() + receipt.outputTokens();
        if (receipt.price() < 0 || receipt.price() > open.escrow() || receipt.price() > node.pricePerToken() * tokens) {
            return "price " + receipt.price() + " is above the escrow or the announced price";
        }
        if (!Arrays.equals(node.modelId(), receipt.modelId())) {
            return "the receipt names another model than the node announced";
        }
        byte[] beacon = Blake3.deriveKey(BEACON)
                .update(chain)
                .update(receipt.requestHash())
                .digest();
        Audit begun = new Audit(
                beacon,
                auditors(beacon),
                0,
                Collections.emptySortedMap(),
                Collections.emptySortedMap(),
                Collections.emptySortedMap(),
                nowMs + COMMIT_MS);
        put(open.ordered(receipt, begun, height));
        return null;
    }

    /** All full nodes, or as many as audit one answer, drawn by the beacon. */
    private List<String> auditors(byte[] beacon) {
        return genesis.fullNodes().stream()
                .sorted(Comparator.comparing(key ->
                        Blake3.hex(Blake3.plain().update(beacon).update(key).digest())))
                .limit(MAX_AUDITORS)
                .map(LedgerState::hex)
                .toList();
    }

    /** What is wrong with an auditor's word on a case, or null. */
    private static String refuse(Case open, String auditor) {
        if (open == null || open.receipt() == null) {
            return "no receipt was ordered for this request";
        }
        return open.audit().auditors().contains(auditor) ? null : "only this answer's auditors judge it";
    }

    private String commit(String auditor, CommitVerdict c, long nowMs) {
        Case open = cases.get(hex(c.requestHash()));
        String refusal = refuse(open, auditor);
        if (refusal != null) {
            return refusal;
        }
        if (open.status() != Status.AUDITING || c.round() != open.audit().round()) {
            return "round " + c.round() + " is over";
        }
        if (open.audit().commitments().containsKey(auditor)) {
            return "this full node has committed already";
        }
        Audit audit = open.audit().committed(auditor, c.commitment());
        int count = audit.commitments().size();
        if (count == audit.auditors().size()) {
            put(open.with(Status.REVEALING, audit.until(nowMs + REVEAL_MS), height));
        } else {
            long deadline =
                    count < audit.quorum() ? audit.deadlineMs() : Math.min(audit.deadlineMs(), nowMs + GRACE_MS);
            put(open.with(Status.AUDITING, audit.until(deadline), height));
        }
        return null;
    }

    private String post(String auditor, PostChallenge c, long nowMs) {
        Case open = cases.get(hex(c.requestHash()));
        String refusal = refuse(open, auditor);
        if (refusal != null) {
            return refusal;
        }
        if (open.status() != Status.AUDITING) {
            return "this answer is not being audited any more";
        }
        if (open.audit().posted().containsKey(auditor)) {
            return "this full node has posted a challenge already";
        }
        put(open.with(Status.AUDITING, open.audit().posted(auditor, c.cell(), nowMs + COMMIT_MS), height));
        return null;
    }

    private String reveal(byte[] signer, RevealVerdict c) {
        Case open = cases.get(hex(c.requestHash()));
        String auditor = hex(signer);
        String refusal = refuse(open, auditor);
        if (refusal != null) {
            return refusal;
        }
        if (open.status() == Status.AUDITING) {
            return "others may still commit to their verdicts";
        }
        Audit audit = open.audit();
        byte[] commitment = audit.commitments().get(auditor);
        if (commitment == null
                || !Arrays.equals(commitment, c.verdict().commitment(c.requestHash(), audit.round(), signer))) {
            return "this is not the verdict that was committed to";
        }
        if (audit.verdicts().containsKey(auditor)) {
            return "this full node has judged already";
        }
        Case judged = open.with(open.status(), audit.revealed(auditor, c.verdict()), height);
        put(judged.isOpen() ? decided(judged) : judged);
        return null;
    }

    /** Settles a case when its verdicts decide it, and gives the escrow back when none is missing and they do not. */
    private Case decided(Case judged) {
        Audit audit = judged.audit();
        if (audit.good() >= audit.quorum()) {
            pay(judged);
            return judged.with(Status.SETTLED, audit, height);
        }
        if (audit.bad() >= audit.quorum()) {
            slash(judged);
            return judged.with(Status.SLASHED, audit, height);
        }
        return audit.verdicts().size() == audit.commitments().size() ? refunded(judged) : judged;
    }

    private Case refunded(Case judged) {
        credit(judged.requester(), judged.escrow());
        return judged.with(Status.REFUNDED, judged.audit(), height);
    }

    /** The blocks so far and the votes on them. */
    public Blocks blocks() {
        return blocks;
    }

    /** Whether something has happened that no block has, and a block may be closed. */
    public boolean wantsBlock() {
        return pending > 0 && blocks.mayClose();
    }

    /** Whether so much has happened that a block is closed without waiting for more. */
    public boolean isBlockFull() {
        return pending >= BLOCK_COMMANDS && blocks.mayClose();
    }

    /** Closes a block over all that has happened; null where none is wanted. */
    public BlockHeader closeBlock(long nowMs) {
        if (!wantsBlock()) {
            return null;
        }
        pending = 0;
        return blocks.close(tree(), height, nowMs);
    }

    /** Ends what should have come to its end by {@code nowMs}. */
    public void expire(long nowMs) {
        if (!deadlines.isEmpty() && deadlines.firstKey() <= nowMs) {
            pending++;
        }
        while (!deadlines.isEmpty() && deadlines.firstKey() <= nowMs) {
            for (String request : List.copyOf(deadlines.firstEntry().getValue())) {
                Case open = cases.get(request);
                Audit audit = open.audit();
                boolean enough = audit.commitments().size() >= audit.quorum();
                put(
                        open.status() == Status.AUDITING && enough
                                ? open.with(Status.REVEALING, audit.until(nowMs + REVEAL_MS), height)
                                : refunded(open));
            }
        }
    }

    /** Keeps a case, its deadline while it has one, and that it has changed. */
    private void put(Case next) {
        Case before = cases.put(hex(next.requestHash()), next);
        enter(Kind.CASE, next.requestHash(), next.encode());
        if (before != null) {
            unschedule(before);
        }
        schedule(next);
        boolean news = before == null
                || before.status() != next.status()
                || before.audit().round() != next.audit().round()
                || before.audit().deadlineMs() != next.audit().deadlineMs();
        if (news && next.receipt() != null) {
            changed.add(next);
        }
    }

    private static boolean hasDeadline(Case c) {
        return c.isOpen();
    }

    private void schedule(Case c) {
        if (hasDeadline(c)) {
            deadlines
                    .computeIfAbsent(c.audit().deadlineMs(), at -> new TreeSet<>())
                    .add(hex(c.requestHash()));
        }
    }

    private void unschedule(Case c) {
        if (hasDeadline(c)) {
            TreeSet<String> due = deadlines.get(c.audit().deadlineMs());
            due.remove(hex(c.requestHash()));
            if (due.isEmpty()) {
                deadlines.remove(c.audit().deadlineMs());
            }
        }
    }

    /** Cases whose status, round or deadline changed since this was asked last. */
    public List<Case> takeChanged() {
        List<Case> taken = List.copyOf(changed);
        changed.clear();
        return taken;
    }

    /** The node gets its price, the requester the rest of the escrow. */
    private void pay(Case judged) {
        credit(judged.node(), judged.receipt().price());
        credit(judged.requester(), judged.escrow() - judged.receipt().price());
    }

    /** The requester gets the escrow back and half the stake; the full nodes that judged so share a quarter; the rest is burned. */
    private void slash(Case judged) {
        Account account = account(judged.node());
        long stake = account.stake();
        put(judged.node(), new Account(account.balance(), 0));
        Node node = nodes.get(hex(judged.node()));
        put(new Node(node.key(), node.modelId(), node.pricePerToken(), node.host(), node.port(), true));
        credit(judged.requester(), Math.addExact(judged.escrow(), stake / 2));
        long left = stake - stake / 2;
        List<String> finders = judged.audit().verdicts().entrySet().stream()
                .filter(vote -> vote.getValue().opinion() == Opinion.BAD)
                .map(Map.Entry::getKey)
                .toList();
        long each = stake / 4 / finders.size();
        for (String finder : finders) {
            credit(bytes(finder), each);
            left -= each;
        }
        burned = Math.addExact(burned, left);
    }

    private void credit(byte[] key, long amount) {
        Account account = account(key);
        put(key, new Account(Math.addExact(account.balance(), amount), account.stake()));
    }

    private void put(byte[] key, Account account) {
        accounts.put(hex(key), account);
        enter(Kind.ACCOUNT, key, account.encode());
    }

    private void put(Node node) {
        nodes.put(hex(node.key()), node);
        enter(Kind.NODE, node.key(), node.encode());
    }

    private void enter(Kind kind, byte[] id, byte[] value) {
        tree = tree.put(LedgerHashes.key(kind, id), value);
    }

    /** Money of {@code key}; an unknown key has none. */
    public Account account(byte[] key) {
        return accounts.getOrDefault(hex(key), new Account(0, 0));
    }

    /** The case of a request, or null. */
    public Case findCase(byte[] requestHash) {
        return cases.get(hex(requestHash));
    }

    /** Registered inference nodes, in key order. */
    public Collection<Node> nodes() {
        return nodes.values();
    }

    /** The registered node with this key, or null. */
    public Node node(byte[] key) {
        return nodes.get(hex(key));
    }

    /** Commands seen so far, refused ones included. */
    public long height() {
        return height;
    }

    /** Balances, stakes, open escrows and what was burned: always the genesis deposits. */
    public long total() {
        long total = burned;
        for (Account account : accounts.values()) {
            total = Math.addExact(total, Math.addExact(account.balance(), account.stake()));
        }
        for (Case c : cases.values()) {
            total = Math.addExact(total, c.isOpen() ? c.escrow() : 0);
        }
        return total;
    }

    /** The whole state in its one byte form: what a snapshot holds and the root hashes. */
    public byte[] encode() {
        CanonicalWriter out = new CanonicalWriter()
                .putText(FORMAT)
                .putFixed(genesis.hash())
                .putLong(height)
                .putLong(burned)
                .putFixed(chain);
        out.putInt(accounts.size());
        accounts.forEach(
                (key, a) -> out.putFixed(bytes(key)).putLong(a.balance()).putLong(a.stake()));
        out.putInt(nodes.size());
        nodes.values().forEach(node -> out.putFixed(node.encode()));
        out.putInt(cases.size());
        cases.values().forEach(c -> c.write(out));
        out.putInt(applied.size());
        applied.forEach(id -> out.putFixed(bytes(id)));
        blocks.write(out.putInt(pending));
        return out.toBytes();
    }

    /** 32 bytes that stand for the whole state. */
    public byte[] root() {
        return tree().root();
    }

    /** The state as a tree that proves its entries: accounts, nodes, cases, commands applied, and under one more key what else there is. */
    public StateTree tree() {
        byte[] meta = new CanonicalWriter()
                .putFixed(genesis.hash())
                .putLong(height)
                .putLong(burned)
                .putFixed(chain)
                .toBytes();
        return tree.put(LedgerHashes.key(Kind.META, new byte[0]), meta);
    }

    /** Rebuilds a state; one of another genesis is refused. */
    public static LedgerState decode(Genesis genesis, byte[] bytes) {
        CanonicalReader in = new CanonicalReader(bytes, "ledger state");
        if (!in.getText("format").equals(FORMAT) || !Arrays.equals(in.getFixed(32, "genesis hash"), genesis.hash())) {
            throw new MalformedException("Malformed ledger state: it belongs to another genesis or version.");
        }
        LedgerState state = new LedgerState(genesis);
        state.accounts.clear();
        state.tree = StateTree.empty();
        state.height = in.getLong("height");
        state.burned = in.getLong("burned");
        state.chain = in.getFixed(32, "chain");
        for (int n = in.getInt("accounts"); n > 0; n--) {
            byte[] key = in.getFixed(32, "account");
            state.put(key, new Account(in.getLong("balance"), in.getLong("stake")));
        }
        for (int n = in.getInt("nodes"); n > 0; n--) {
            state.put(Node.read(in));
        }
        for (int n = in.getInt("cases"); n > 0; n--) {
            Case c = Case.read(in);
            state.cases.put(hex(c.requestHash()), c);
            state.enter(Kind.CASE, c.requestHash(), c.encode());
            state.schedule(c);
            if (hasDeadline(c) && c.receipt() != null) {
                state.changed.add(c);
            }
        }
        for (int n = in.getInt("applied"); n > 0; n--) {
            byte[] id = in.getFixed(32, "command id");
            state.applied.add(hex(id));
            state.enter(Kind.COMMAND, id, new byte[0]);
        }
        state.pending = in.getInt("pending");
        state.blocks = Blocks.read(genesis, in);
        in.end();
        return state;
    }
}
