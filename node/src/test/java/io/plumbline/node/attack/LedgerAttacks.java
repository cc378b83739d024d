package io.plumbline.node.attack;

import io.plumbline.inference.TestModels;
import io.plumbline.inference.language.kernels.Backend;
import io.plumbline.inference.language.model.LoadedModel.Layer;
import io.plumbline.ledger.state.Command;
import io.plumbline.ledger.state.Command.Accuse;
import io.plumbline.ledger.state.Command.Bond;
import io.plumbline.ledger.state.Command.CastVote;
import io.plumbline.ledger.state.Command.CommitVerdict;
import io.plumbline.ledger.state.Command.HandInEvidence;
import io.plumbline.ledger.state.Command.OpenEscrow;
import io.plumbline.ledger.state.Command.PostChallenge;
import io.plumbline.ledger.state.Command.RegisterModel;
import io.plumbline.ledger.state.Command.RegisterNode;
import io.plumbline.ledger.state.Command.ReportDoubleReceipt;
import io.plumbline.ledger.state.Command.ReportDoubleVote;
import io.plumbline.ledger.state.Command.RevealVerdict;
import io.plumbline.ledger.state.Command.SubmitReceipt;
import io.plumbline.ledger.state.Command.Transfer;
import io.plumbline.ledger.state.Command.Unbond;
import io.plumbline.ledger.state.Command.Withdraw;
import io.plumbline.ledger.state.Genesis;
import io.plumbline.ledger.state.Genesis.Deposit;
import io.plumbline.ledger.state.LedgerState;
import io.plumbline.ledger.state.Parameters;
import io.plumbline.ledger.state.Settlement;
import io.plumbline.ledger.state.Signed;
import io.plumbline.ledger.state.Verdict;
import io.plumbline.ledger.state.Verdict.Opinion;
import io.plumbline.node.attack.Scene.Shown;
import io.plumbline.verifier.audit.Cell;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.lightclient.BlockHeader;
import io.plumbline.verifier.lightclient.Certificate;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Receipt;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Nodes, requesters and auditors that try the ledger. */
final class LedgerAttacks {
    private static final KeyPair NODE = Scene.NODE;
    private static final KeyPair REQUESTER = KeyPair.random();
    private static final List<KeyPair> AUDITORS = List.of(KeyPair.random(), KeyPair.random(), KeyPair.random());

    private static final long STAKE = 50_000;
    private static final Genesis GENESIS = new Genesis(
            AUDITORS.stream().map(KeyPair::publicKey).toList(),
            10_000,
            Bytes32.ZERO,
            List.of(new Deposit(REQUESTER.publicKey(), 1_000_000), new Deposit(NODE.publicKey(), 100_000)),
            Parameters.DEFAULT);

    private final Scene scene;
    private final Receipt receipt;
    private final Bytes32 request;
    private Shown cheat;
    private final List<Attack> attacks = new ArrayList<>();
    private LedgerState state;
    private long now;
    private String family;

    private LedgerAttacks(Scene scene) {
        this.scene = scene;
        this.receipt = scene.honest.receipt();
        this.request = receipt.requestHash();
    }

    static List<Attack> of(Scene scene) {
        LedgerAttacks all = new LedgerAttacks(scene);
        all.receipts();
        all.payments();
        all.auditors();
        all.silence();
        all.fullNodes();
        all.evidence();
        all.doubleReceipts();
        return all.attacks;
    }

    private interface Try {
        String outcome() throws IOException;
    }

    /** On a fresh ledger with the node registered and the request's escrow open. */
    private void attack(String cheat, String caught, Try run) {
        attacks.add(new Attack(family, cheat, caught, () -> {
            state = new LedgerState(GENESIS);
            now = 1_000_000;
            apply(new RegisterNode(STAKE, receipt.modelId(), 2, "127.0.0.1", 9), NODE);
            apply(new OpenEscrow(request, NODE.publicKey(), 2, 250, Level.AUDITED), REQUESTER);
            String outcome = run.outcome();
            return state.total() == state.deposited() ? outcome : "money was made or lost";
        }));
    }

    private Signed signed(Command command, KeyPair by) {
        return Signed.of(GENESIS.hash(), by, now + 60_000, command);
    }

    private String apply(Command command, KeyPair by) {
        String refusal = state.apply(signed(command, by), now).getFirst();
        return refusal == null ? "good" : refusal;
    }

    private Receipt priced(long price, Bytes32 model, KeyPair by) {
        return new Receipt(
                        receipt.contractVersion(),
                        model,
                        request,
                        receipt.outputHash(),
                        receipt.traceRoot(),
                        receipt.traceBytes(),
                        receipt.promptTokens(),
                        receipt.outputTokens(),
                        price,
                        null,
                        null)
                .sign(by);
    }

    private void receipts() {
        family = "ledger";
        attack("a receipt handed in twice", "this request has a receipt already", () -> {
            apply(new SubmitReceipt(receipt), NODE);
            return apply(new SubmitReceipt(priced(10, receipt.modelId(), NODE)), NODE);
        });
        attack(
                "a receipt by a node the escrow does not name",
                "not signed by the node the escrow names",
                () -> apply(new SubmitReceipt(priced(10, receipt.modelId(), KeyPair.random())), NODE));
        attack(
                "another's receipt handed in, to have its node asked for what it has forgotten",
                "only the node that an escrow names",
                () -> apply(new SubmitReceipt(receipt), REQUESTER));
        attack(
                "a price above the escrow",
                "above the escrow",
                () -> apply(new SubmitReceipt(priced(501, receipt.modelId(), NODE)), NODE));
        attack(
                "a price above the escrow's a token",
                "above the escrow's",
                () -> apply(new SubmitReceipt(priced(400, receipt.modelId(), NODE)), NODE));
        attack("a price raised once the escrow is open", "above the escrow's", () -> {
            apply(new RegisterNode(STAKE, receipt.modelId(), 100_000, "127.0.0.1", 9), NODE);
            return apply(new SubmitReceipt(priced(400, receipt.modelId(), NODE)), NODE);
        });
        attack("more requests taken on than the stake covers", "does not cover", () -> {
            Bytes32 other = Bytes32.of(Blake3.hash(new byte[] {1}));
            return apply(new OpenEscrow(other, NODE.publicKey(), 2, STAKE / 8, Level.AUDITED), REQUESTER);
        });
        attack(
                "a stake taken home while a request is open",
                "open requests reserve 2000",
                () -> apply(new Unbond(STAKE), NODE));
        attack(
                "an escrow whose price no number can hold",
                "can be counted",
                () -> apply(new OpenEscrow(Bytes32.ZERO, NODE.publicKey(), Long.MAX_VALUE, 3, Level.FULL), REQUESTER));
        attack(
                "a withdrawal that was signed for another ledger",
                "signature does not hold",
                () -> state.apply(Signed.of(Bytes32.ZERO, REQUESTER, now + 60_000, new Withdraw(500, "home")), now)
                        .getFirst());
        attack(
                "state that costs its maker nothing",
                "needs a deposit",
                () -> apply(new RegisterModel(Bytes32.ZERO, "n".repeat(255), "s".repeat(255)), KeyPair.random()));
        attack("a known model's id taken by a stranger", "good", () -> {
            apply(new RegisterModel(receipt.modelId(), "mine", ""), REQUESTER);
            return apply(new RegisterModel(receipt.modelId(), "stories", ""), NODE);
        });
        attack("a genesis in which one full node votes twice", "the same key", () -> {
            Bytes32 key = AUDITORS.get(0).publicKey();
            try {
                return new Genesis(List.of(key, key), List.of()).toString();
            } catch (IllegalArgumentException e) {
                return e.getMessage();
            }
        });
        attack(
                "another model than the node announced",
                "another model than the node announced",
                () -> apply(new SubmitReceipt(priced(10, Bytes32.ZERO, NODE)), NODE));
        attack("a command sent again", "answered as before", () -> {
            Signed signed = signed(new Bond(10), NODE);
            state.apply(signed, now);
            long stake = state.account(NODE.publicKey()).stake();
            boolean isSame = state.apply(signed, now + 1).getFirst() == null;
            return isSame && state.account(NODE.publicKey()).stake() == stake ? "answered as before" : "applied twice";
        });
        attack("a command kept back and sent when its time is over", "came after its time", () -> {
            Signed signed = signed(new Bond(10), NODE);
            return state.apply(signed, signed.lastMs() + 1).getFirst();
        });
        attack("another's escrow spent: a command under a stranger's name", "signature does not hold", () -> {
            Signed own = signed(new OpenEscrow(Bytes32.ZERO, NODE.publicKey(), 2, 250, Level.FULL), NODE);
            Signed forged = new Signed(REQUESTER.publicKey(), own.nonce(), own.lastMs(), own.body(), own.signature());
            return state.apply(forged, now).getFirst();
        });
    }

    private void payments() {
        family = "payment";
        Bytes32 node = NODE.publicKey();
        Bytes32 nothing = Bytes32.ZERO;
        Bytes32 outside = new Bytes32(0, 0, 0, 1);
        attack(
                "more paid than there is",
                "not covered",
                () -> apply(new Transfer(node, 2_000_000, nothing), REQUESTER));
        attack(
                "a payment below nothing, which would take",
                "not above 0",
                () -> apply(new Transfer(node, Long.MIN_VALUE, nothing), REQUESTER));
        attack("a stake paid away", "not covered", () -> {
            long balance = state.account(node).balance();
            return apply(new Transfer(REQUESTER.publicKey(), balance + 1, nothing), NODE);
        });
        attack(
                "oneself paid",
                "neither itself nor nobody",
                () -> apply(new Transfer(REQUESTER.publicKey(), 10, nothing), REQUESTER));
        attack(
                "money taken off the ledger without a withdrawal",
                "neither itself nor nobody",
                () -> apply(new Transfer(outside, 10, nothing), REQUESTER));
        attack("a payment spent before it is certified", "not covered", () -> {
            KeyPair other = KeyPair.random();
            apply(new Transfer(other.publicKey(), 500, nothing), REQUESTER);
            return apply(new Transfer(node, 400, nothing), other).contains("does not cover") ? "not covered" : "spent";
        });
        attack("accounts that cost their maker nothing", "paid for", () -> {
            long before = state.account(REQUESTER.publicKey()).balance();
            for (int i = 0; i < 5; i++) {
                apply(new Transfer(KeyPair.random().publicKey(), 1, nothing), REQUESTER);
            }
            long cost = before - state.account(REQUESTER.publicKey()).balance();
            return cost >= 5 * Parameters.DEFAULT.registrationFee() ? "paid for" : "cost " + cost;
        });
        attack("a payment that its payee is shown twice", "shown once", () -> {
            Signed signed = signed(new Transfer(node, 10, Bytes32.of(receipt.outputHash())), REQUESTER);
            state.apply(signed, now);
            state.apply(signed, now);
            return state.paymentsTo(node, -1).size() == 1 && state.owed(node) == 10 ? "shown once" : "paid twice";
        });
        attack(
                "a payment that was signed for another ledger",
                "signature does not hold",
                () -> state.apply(Signed.of(nothing, REQUESTER, now + 60_000, new Transfer(node, 10, nothing)), now)
                        .getFirst());
    }

    private long stake() {
        return state.account(NODE.publicKey()).stake();
    }

    private CastVote vote(int place, int block) {
        byte[] hash = new byte[32];
        hash[0] = (byte) block;
        KeyPair keys = AUDITORS.get(place);
        byte[] signature = keys.sign(Certificate.message(GENESIS.hash(), 0, 0, hash));
        return new CastVote(keys.publicKey(), 0, 0, hash, signature);
    }

    private String standing(int place) {
        boolean isGuilty = state.guilty().containsKey(place);
        return isGuilty
                ? "guilty"
                : "keeps its stake of "
                        + state.account(AUDITORS.get(place).publicKey()).stake();
    }

    private void fullNodes() {
        family = "full node";
        attack("a leader that shows one full node another log and hands in its honest vote", "keeps its stake", () -> {
            BlockHeader block = state.closeBlock(now + 30);
            apply(vote(0, 9), AUDITORS.get(2));
            for (int place = 1; place < 3; place++) {
                KeyPair keys = AUDITORS.get(place);
                byte[] signature = keys.sign(Certificate.message(GENESIS.hash(), 0, 0, block.hash()));
                apply(new CastVote(keys.publicKey(), 0, 0, block.hash(), signature), keys);
            }
            boolean isCertified = state.blocks().certified() != null;
            return isCertified ? standing(0) : "not certified";
        });
        attack(
                "an honest full node's one vote shown twice",
                "two votes are an offence",
                () -> apply(new ReportDoubleVote(vote(0, 9), vote(0, 9)), REQUESTER));
        attack(
                "votes of two full nodes shown as one's",
                "two votes are an offence",
                () -> apply(new ReportDoubleVote(vote(0, 9), vote(1, 8)), REQUESTER));
        attack("a vote made up in a full node's name", "signature does not hold", () -> {
            CastVote other = vote(1, 8);
            CastVote forged = new CastVote(AUDITORS.get(0).publicKey(), 0, 0, other.headerHash(), other.signature());
            return apply(new ReportDoubleVote(vote(0, 9), forged), REQUESTER);
        });
        attack("two blocks of one number signed", "guilty", () -> {
            apply(new ReportDoubleVote(vote(0, 9), vote(0, 8)), REQUESTER);
            return standing(0);
        });
        attack("one liar left to judge alone when the others were caught", "3 auditors", () -> {
            apply(new ReportDoubleVote(vote(1, 9), vote(1, 8)), REQUESTER);
            apply(new ReportDoubleVote(vote(2, 9), vote(2, 8)), REQUESTER);
            apply(new SubmitReceipt(receipt), NODE);
            return state.findSettlement(request).audit().auditors().size() + " auditors";
        });
        attack("a stake taken by a majority that slanders, without evidence", "keeps its stake", () -> {
            apply(new SubmitReceipt(receipt), NODE);
            Verdict slander = verdict(Opinion.BAD, 7);
            judged(slander, slander, slander);
            return stake() == STAKE ? "keeps its stake" : "stake " + stake();
        });
    }

    private String handIn(byte[] evidence, KeyPair by) {
        String begun = apply(new Accuse(request, Accuse.hash(evidence, by.publicKey()), evidence.length), by);
        if (!begun.equals("good")) {
            return begun;
        }
        String last = "";
        for (int at = 0; at < evidence.length; at += HandInEvidence.MAX_BYTES) {
            int end = Math.min(evidence.length, at + HandInEvidence.MAX_BYTES);
            last = apply(new HandInEvidence(Arrays.copyOfRange(evidence, at, end)), by);
        }
        return last;
    }

    /** Cheats that the ledger itself sees, or does not, in what is handed in. */
    private void submitted(Receipt one) {
        String outcome = apply(new SubmitReceipt(one), NODE);
        if (!outcome.equals("good")) {
            throw new IllegalStateException(outcome);
        }
    }

    private void evidence() {
        family = "evidence";
        attack("an answer computed with another matrix", "SLASHED, stake 0", () -> {
            submitted(cheat().receipt());
            String last = handIn(scene.evidence(cheat(), true), REQUESTER);
            return last.equals("good") ? state.findSettlement(request).status() + ", stake " + stake() : last;
        });
        attack("a lie proven when it was paid already", "SLASHED, the price came back", () -> {
            submitted(cheat().receipt());
            Verdict good = verdict(Opinion.GOOD, 7);
            String ended = judged(good, good, good);
            certify();
            long before = state.account(REQUESTER.publicKey()).balance();
            String last = handIn(scene.evidence(cheat(), true), AUDITORS.get(0));
            now += Parameters.DEFAULT.retainMs();
            state.expire(now);
            certify();
            long back = state.account(REQUESTER.publicKey()).balance() - before;
            return ended.startsWith("SETTLED")
                            && last.equals("good")
                            && back == cheat().receipt().price()
                    ? "SLASHED, the price came back"
                    : ended + ", " + last + ", " + back + " came back";
        });
        attack("a node that accuses itself to take its stake home", "nine tenths burned", () -> {
            byte[] own = request.bytes();
            submitted(cheat().receipt());
            long before = state.account(REQUESTER.publicKey()).balance();
            handIn(scene.evidence(cheat(), true), REQUESTER);
            now += Parameters.DEFAULT.retainMs();
            state.expire(now);
            certify();
            long gained = state.account(REQUESTER.publicKey()).balance() - before;
            // The escrow, its fee and a tenth of the stake, less what the commands cost.
            return gained <= STAKE / 10 + 500 + 8 && own.length == 32 ? "nine tenths burned" : gained + " gained";
        });
        attack("evidence of a false product without its row", "needs the model", () -> {
            submitted(cheat().receipt());
            return handIn(scene.evidence(cheat(), false), REQUESTER);
        });
        attack("evidence about another receipt", "another receipt", () -> {
            submitted(receipt);
            return handIn(scene.evidence(cheat(), true), REQUESTER);
        });
        attack("an honest answer's opening shown as evidence", "as it should be", () -> {
            submitted(receipt);
            return handIn(scene.innocent(), REQUESTER);
        });
        attack("bytes that are no evidence", "Malformed evidence", () -> {
            submitted(receipt);
            return handIn(new byte[100], REQUESTER);
        });
        attack("evidence larger than the ledger takes", "1 to 16777216 bytes", () -> {
            submitted(receipt);
            return apply(new Accuse(request, request.bytes(), Accuse.MAX_BYTES + 1), REQUESTER);
        });
    }

    private void doubleReceipts() {
        family = "two receipts";
        attack("one receipt shown to the client and another handed in", "SLASHED, stake 0", () -> {
            submitted(receipt);
            String found = apply(new ReportDoubleReceipt(priced(10, receipt.modelId(), NODE)), REQUESTER);
            return found.equals("good") ? state.findSettlement(request).status() + ", stake " + stake() : found;
        });
        attack("a second report of one request, to be paid twice", "proven false already", () -> {
            submitted(receipt);
            apply(new ReportDoubleReceipt(priced(10, receipt.modelId(), NODE)), REQUESTER);
            return apply(new ReportDoubleReceipt(priced(11, receipt.modelId(), NODE)), REQUESTER);
        });
        attack("an honest node's one receipt shown as a second one", "this is it", () -> {
            submitted(receipt);
            return apply(new ReportDoubleReceipt(receipt), REQUESTER);
        });
        attack("a second receipt made up in the node's name", "not signed by the node", () -> {
            submitted(receipt);
            return apply(new ReportDoubleReceipt(priced(10, receipt.modelId(), REQUESTER)), REQUESTER);
        });
        attack("a second receipt of a request that the ledger has no answer to", "no answer to this request", () -> {
            return apply(new ReportDoubleReceipt(priced(10, receipt.modelId(), NODE)), REQUESTER);
        });
    }

    private Shown cheat() throws IOException {
        if (cheat == null) {
            // One matrix alone is another: nothing but its rows shows it.
            List<Layer> layers = new ArrayList<>(scene.model.layers());
            Layer l = layers.get(1);
            Layer other = layers.get(0);
            layers.set(1, new Layer(l.parameters(), other.q(), l.k(), l.v(), l.out(), l.gate(), l.up(), l.down()));
            cheat = scene.serve(TestModels.forward(scene.model, layers, Backend.best()));
        }
        return cheat;
    }

    private void certify() {
        for (BlockHeader block; (block = state.closeBlock(++now)) != null; ) {
            for (KeyPair keys : AUDITORS) {
                byte[] signature = keys.sign(Certificate.message(GENESIS.hash(), 0, block.number(), block.hash()));
                apply(new CastVote(keys.publicKey(), 0, block.number(), block.hash(), signature), keys);
            }
        }
    }

    private static Verdict verdict(Opinion opinion, int work) {
        byte[] shown = new byte[32];
        shown[0] = (byte) work;
        return new Verdict(opinion, opinion == Opinion.GOOD ? "" : "QKV", "", shown, new byte[32]);
    }

    private String commit(KeyPair auditor, Verdict verdict) {
        int round = state.findSettlement(request).audit().round();
        return apply(
                new CommitVerdict(request, round, verdict.commitment(request, round, auditor.publicKey())), auditor);
    }

    private String judged(Verdict... verdicts) {
        for (int i = 0; i < verdicts.length; i++) {
            commit(AUDITORS.get(i), verdicts[i]);
        }
        now += Parameters.DEFAULT.graceMs();
        for (int i = 0; i < verdicts.length; i++) {
            apply(new RevealVerdict(request, verdicts[i]), AUDITORS.get(i));
        }
        Settlement found = state.findSettlement(request);
        return found.status() + ", lazy " + found.audit().lazy().size();
    }

    private void auditors() {
        family = "auditor";
        Verdict good = verdict(Opinion.GOOD, 7);
        Verdict guessed = verdict(Opinion.GOOD, 8);
        attack("a lazy auditor that says good without having worked", "SETTLED, lazy 1", () -> {
            apply(new SubmitReceipt(receipt), NODE);
            return judged(good, guessed, good);
        });
        attack("two lazy auditors and one that could not judge", "REFUNDED", () -> {
            apply(new SubmitReceipt(receipt), NODE);
            return judged(good, guessed, verdict(Opinion.CANNOT_JUDGE, 0));
        });
        attack("another auditor's commitment copied", "not the verdict that was committed to", () -> {
            apply(new SubmitReceipt(receipt), NODE);
            byte[] copied = good.commitment(request, 0, AUDITORS.get(0).publicKey());
            apply(new CommitVerdict(request, 0, copied), AUDITORS.get(0));
            apply(new CommitVerdict(request, 0, copied), AUDITORS.get(1));
            commit(AUDITORS.get(2), good);
            apply(new RevealVerdict(request, good), AUDITORS.get(0));
            return apply(new RevealVerdict(request, good), AUDITORS.get(1));
        });
        attack("a verdict changed after it was committed to", "not the verdict that was committed to", () -> {
            apply(new SubmitReceipt(receipt), NODE);
            AUDITORS.forEach(auditor -> commit(auditor, good));
            return apply(new RevealVerdict(request, verdict(Opinion.BAD, 7)), AUDITORS.get(0));
        });
        attack("a commitment made once others have been revealed", "round 0 is over", () -> {
            apply(new SubmitReceipt(receipt), NODE);
            commit(AUDITORS.get(0), good);
            commit(AUDITORS.get(1), good);
            now += Parameters.DEFAULT.graceMs();
            apply(new RevealVerdict(request, good), AUDITORS.get(0));
            return commit(AUDITORS.get(2), good);
        });
        attack("a verdict revealed while others may still commit", "may still commit", () -> {
            apply(new SubmitReceipt(receipt), NODE);
            commit(AUDITORS.get(0), good);
            return apply(new RevealVerdict(request, good), AUDITORS.get(0));
        });
        attack("a vote given twice", "committed already", () -> {
            apply(new SubmitReceipt(receipt), NODE);
            commit(AUDITORS.get(0), good);
            return commit(AUDITORS.get(0), verdict(Opinion.BAD, 7));
        });
        attack("a vote by the node itself", "only this answer's auditors", () -> {
            apply(new SubmitReceipt(receipt), NODE);
            return commit(NODE, good);
        });
        attack("one auditor that slanders", "SETTLED", () -> {
            apply(new SubmitReceipt(receipt), NODE);
            return judged(good, verdict(Opinion.BAD, 7), good);
        });
    }

    private void silence() {
        family = "silence";
        Cell cell = new Cell(1, 3, 4);
        attack(
                "a node silent to the one auditor that drew its false cell: the others must ask for it too",
                "REFUNDED, lazy 0",
                () -> {
                    apply(new SubmitReceipt(receipt), NODE);
                    commit(AUDITORS.get(0), verdict(Opinion.GOOD, 7));
                    commit(AUDITORS.get(1), verdict(Opinion.GOOD, 7));
                    apply(new PostChallenge(request, cell), AUDITORS.get(2));
                    Verdict caught = verdict(Opinion.BAD, 7);
                    return judged(caught, caught, verdict(Opinion.SILENT, 0));
                });
        attack("a node silent to all about a posted cell", "four times the escrow lost", () -> {
            apply(new SubmitReceipt(receipt), NODE);
            apply(new PostChallenge(request, cell), AUDITORS.get(2));
            Verdict silent = verdict(Opinion.SILENT, 0);
            String ended = judged(silent, silent, silent);
            return stake() == STAKE - 4 * 500 ? "four times the escrow lost" : ended + ", stake " + stake();
        });
        attack("good verdicts of the round before a challenge was posted", "round 0 is over", () -> {
            apply(new SubmitReceipt(receipt), NODE);
            apply(new PostChallenge(request, cell), AUDITORS.get(2));
            Verdict good = verdict(Opinion.GOOD, 7);
            return apply(
                    new CommitVerdict(
                            request,
                            0,
                            good.commitment(request, 0, AUDITORS.get(0).publicKey())),
                    AUDITORS.get(0));
        });
        attack("an auditor that posts challenges without end", "posted a challenge already", () -> {
            apply(new SubmitReceipt(receipt), NODE);
            apply(new PostChallenge(request, cell), AUDITORS.get(2));
            return apply(new PostChallenge(request, new Cell(0, 1, 2)), AUDITORS.get(2));
        });
        attack("a node that takes an escrow and never answers", "REFUNDED", () -> {
            now += Parameters.DEFAULT.escrowMs();
            state.expire(now);
            return state.findSettlement(request).status().toString();
        });
        attack("auditors that are not there", "REFUNDED", () -> {
            apply(new SubmitReceipt(receipt), NODE);
            now += 10 * Parameters.DEFAULT.commitMs();
            state.expire(now);
            return state.findSettlement(request).status().toString();
        });
    }
}
