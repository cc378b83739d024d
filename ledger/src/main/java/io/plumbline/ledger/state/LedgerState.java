package io.plumbline.ledger.state;

import io.plumbline.ledger.state.Command.OpenEscrow;
import io.plumbline.ledger.state.Command.RegisterNode;
import io.plumbline.ledger.state.Command.Signed;
import io.plumbline.ledger.state.Command.SubmitReceipt;
import io.plumbline.ledger.state.Command.Verdict;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.encoding.CanonicalWriter;
import io.plumbline.verifier.receipt.Receipt;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * The settlement state machine: pure, single-threaded, and the same on every member that applies the same commands. It knows no clock
 * and iterates in key order only. A command is applied whole or not at all.
 */
public final class LedgerState {
    private final Genesis genesis;
    private final SortedMap<String, Account> accounts = new TreeMap<>();
    private final SortedMap<String, Node> nodes = new TreeMap<>();
    private final SortedMap<String, Case> cases = new TreeMap<>();
    private final TreeSet<String> applied = new TreeSet<>();
    private long height;
    private long burned;

    /** Money of one key. */
    public record Account(long balance, long stake) {}

    /** An inference node as announced. */
    public record Node(byte[] key, byte[] modelId, long pricePerToken, String host, int port, boolean slashed) {}

    /** Where a request stands. */
    public enum Status {
        ESCROWED,
        ORDERED,
        SETTLED,
        SLASHED
    }

    /**
     * One request's money and judgement.
     *
     * @param verdicts by full node key, true for good.
     * @param reasons of the bad ones: step and place.
     * @param height of the last change.
     */
    public record Case(
            byte[] requestHash,
            byte[] requester,
            byte[] node,
            long escrow,
            Status status,
            Receipt receipt,
            SortedMap<String, Boolean> verdicts,
            List<String> reasons,
            long height) {

        private Case with(Status next, Receipt signed, SortedMap<String, Boolean> votes, List<String> why, long at) {
            return new Case(requestHash, requester, node, escrow, next, signed, votes, why, at);
        }

        private void write(CanonicalWriter out) {
            out.putFixed(requestHash)
                    .putFixed(requester)
                    .putFixed(node)
                    .putLong(escrow)
                    .putInt(status.ordinal());
            out.putBytes(receipt == null ? new byte[0] : receipt.encode());
            out.putInt(verdicts.size());
            verdicts.forEach((key, good) -> out.putFixed(bytes(key)).putInt(good ? 1 : 0));
            out.putInt(reasons.size());
            reasons.forEach(out::putText);
            out.putLong(height);
        }

        private static Case read(CanonicalReader in) {
            byte[] request = in.getFixed(32, "request hash");
            byte[] requester = in.getFixed(32, "requester");
            byte[] node = in.getFixed(32, "node");
            long escrow = in.getLong("escrow");
            Status status = Status.values()[in.getInt("status")];
            byte[] receipt = in.getBytes("receipt");
            SortedMap<String, Boolean> verdicts = new TreeMap<>();
            for (int n = in.getInt("verdicts"); n > 0; n--) {
                verdicts.put(hex(in.getFixed(32, "full node")), in.getInt("good") != 0);
            }
            List<String> reasons = new ArrayList<>();
            for (int n = in.getInt("reasons"); n > 0; n--) {
                reasons.add(in.getText("reason"));
            }
            Receipt signed = receipt.length == 0 ? null : Receipt.decode(receipt);
            return new Case(request, requester, node, escrow, status, signed, verdicts, reasons, in.getLong("height"));
        }

        public byte[] encode() {
            CanonicalWriter out = new CanonicalWriter();
            write(out);
            return out.toBytes();
        }

        public static Case decode(byte[] bytes) {
            CanonicalReader in = new CanonicalReader(bytes, "case");
            Case decoded = read(in);
            in.end();
            return decoded;
        }
    }

    public LedgerState(Genesis genesis) {
        this.genesis = genesis;
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
     * @return null when applied, or why it was not; a refused command changes nothing but the height.
     */
    public String apply(Signed signed) {
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
        String refusal = switch (command) {
            case RegisterNode c -> register(signed.signer(), c);
            case OpenEscrow c -> escrow(signed.signer(), c);
            case SubmitReceipt c -> receipt(c.receipt());
            case Verdict c -> verdict(signed.signer(), c);
        };
        if (refusal == null) {
            applied.add(id);
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
        nodes.put(hex(signer), new Node(signer, c.modelId(), c.pricePerToken(), c.host(), c.port(), false));
        return null;
    }

    private String escrow(byte[] signer, OpenEscrow c) {
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
        cases.put(
                hex(c.requestHash()),
                new Case(
                        c.requestHash(),
                        signer,
                        c.node(),
                        c.amount(),
                        Status.ESCROWED,
                        null,
                        new TreeMap<>(),
                        List.of(),
                        height));
        return null;
    }

    private String receipt(Receipt receipt) {
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
        cases.put(
                hex(receipt.requestHash()),
                open.with(Status.ORDERED, receipt, open.verdicts(), open.reasons(), height));
        return null;
    }

    private String verdict(byte[] signer, Verdict c) {
        Case open = cases.get(hex(c.requestHash()));
        if (genesis.fullNodes().stream().noneMatch(key -> Arrays.equals(key, signer))) {
            return "only a full node gives verdicts";
        }
        if (open == null || open.receipt() == null) {
            return "no receipt was ordered for this request";
        }
        if (open.verdicts().containsKey(hex(signer))) {
            return "this full node has judged already";
        }
        if (c.step().length() > 64 || c.place().length() > 256) {
            return "the reason is too long";
        }
        SortedMap<String, Boolean> verdicts = new TreeMap<>(open.verdicts());
        verdicts.put(hex(signer), c.good());
        List<String> reasons = new ArrayList<>(open.reasons());
        if (!c.good()) {
            reasons.add(c.step() + " at " + c.place());
        }
        Case judged = open.with(open.status(), open.receipt(), verdicts, List.copyOf(reasons), height);
        long good = verdicts.values().stream().filter(vote -> vote).count();
        if (open.status() == Status.ORDERED && good >= genesis.quorum()) {
            pay(judged);
            judged = judged.with(Status.SETTLED, judged.receipt(), verdicts, judged.reasons(), height);
        } else if (open.status() == Status.ORDERED && verdicts.size() - good >= genesis.quorum()) {
            slash(judged);
            judged = judged.with(Status.SLASHED, judged.receipt(), verdicts, judged.reasons(), height);
        }
        cases.put(hex(c.requestHash()), judged);
        return null;
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
        nodes.put(
                hex(judged.node()),
                new Node(node.key(), node.modelId(), node.pricePerToken(), node.host(), node.port(), true));
        credit(judged.requester(), Math.addExact(judged.escrow(), stake / 2));
        long left = stake - stake / 2;
        List<String> finders = judged.verdicts().entrySet().stream()
                .filter(vote -> !vote.getValue())
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
            boolean open = c.status() == Status.ESCROWED || c.status() == Status.ORDERED;
            total = Math.addExact(total, open ? c.escrow() : 0);
        }
        return total;
    }

    /** The whole state in its one byte form: what a snapshot holds and the root hashes. */
    public byte[] encode() {
        CanonicalWriter out = new CanonicalWriter()
                .putText("plumbline ledger 1")
                .putFixed(genesis.hash())
                .putLong(height)
                .putLong(burned);
        out.putInt(accounts.size());
        accounts.forEach(
                (key, a) -> out.putFixed(bytes(key)).putLong(a.balance()).putLong(a.stake()));
        out.putInt(nodes.size());
        for (Node n : nodes.values()) {
            out.putFixed(n.key())
                    .putFixed(n.modelId())
                    .putLong(n.pricePerToken())
                    .putText(n.host())
                    .putInt(n.port());
            out.putInt(n.slashed() ? 1 : 0);
        }
        out.putInt(cases.size());
        cases.values().forEach(c -> c.write(out));
        out.putInt(applied.size());
        applied.forEach(id -> out.putFixed(bytes(id)));
        return out.toBytes();
    }

    /** 32 bytes that stand for the whole state. */
    public byte[] root() {
        return Blake3.hash(encode());
    }

    /** Rebuilds a state; one of another genesis is refused. */
    public static LedgerState decode(Genesis genesis, byte[] bytes) {
        CanonicalReader in = new CanonicalReader(bytes, "ledger state");
        if (!in.getText("format").equals("plumbline ledger 1")
                || !Arrays.equals(in.getFixed(32, "genesis hash"), genesis.hash())) {
            throw new MalformedException("Malformed ledger state: it belongs to another genesis or version.");
        }
        LedgerState state = new LedgerState(genesis);
        state.accounts.clear();
        state.height = in.getLong("height");
        state.burned = in.getLong("burned");
        for (int n = in.getInt("accounts"); n > 0; n--) {
            state.accounts.put(
                    hex(in.getFixed(32, "account")), new Account(in.getLong("balance"), in.getLong("stake")));
        }
        for (int n = in.getInt("nodes"); n > 0; n--) {
            byte[] key = in.getFixed(32, "node");
            state.nodes.put(
                    hex(key),
                    new Node(
                            key,
                            in.getFixed(32, "model id"),
                            in.getLong("price"),
                            in.getText("host"),
                            in.getInt("port"),
                            in.getInt("slashed") != 0));
        }
        for (int n = in.getInt("cases"); n > 0; n--) {
            Case c = Case.read(in);
            state.cases.put(hex(c.requestHash()), c);
        }
        for (int n = in.getInt("applied"); n > 0; n--) {
            state.applied.add(hex(in.getFixed(32, "command id")));
        }
        in.end();
        return state;
    }
}
