package io.plumbline.node.attack;

import io.plumbline.ledger.state.Case;
import io.plumbline.ledger.state.Command;
import io.plumbline.ledger.state.Command.Bond;
import io.plumbline.ledger.state.Command.CommitVerdict;
import io.plumbline.ledger.state.Command.OpenEscrow;
import io.plumbline.ledger.state.Command.PostChallenge;
import io.plumbline.ledger.state.Command.RegisterNode;
import io.plumbline.ledger.state.Command.RevealVerdict;
import io.plumbline.ledger.state.Command.SubmitReceipt;
import io.plumbline.ledger.state.Genesis;
import io.plumbline.ledger.state.Genesis.Deposit;
import io.plumbline.ledger.state.LedgerState;
import io.plumbline.ledger.state.Parameters;
import io.plumbline.ledger.state.Signed;
import io.plumbline.ledger.state.Verdict;
import io.plumbline.ledger.state.Verdict.Opinion;
import io.plumbline.verifier.audit.Cell;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.receipt.Keys;
import io.plumbline.verifier.receipt.Receipt;
import java.util.ArrayList;
import java.util.List;

/** Nodes, requesters and auditors that try the ledger. */
final class LedgerAttacks {
    private static final Keys NODE = Scene.NODE;
    private static final Keys REQUESTER = Keys.random();
    private static final List<Keys> AUDITORS = List.of(Keys.random(), Keys.random(), Keys.random());

    private final Receipt receipt;
    private final byte[] request;
    private final List<Attack> attacks = new ArrayList<>();
    private LedgerState state;
    private long now;
    private String family;

    private LedgerAttacks(Scene scene) {
        this.receipt = scene.honest.receipt();
        this.request = receipt.requestHash();
    }

    static List<Attack> of(Scene scene) {
        LedgerAttacks all = new LedgerAttacks(scene);
        all.receipts();
        all.auditors();
        all.silence();
        return all.attacks;
    }

    private interface Try {
        String outcome();
    }

    /** On a fresh ledger with the node registered and the request's escrow open. */
    private void attack(String cheat, String caught, Try run) {
        attacks.add(new Attack(family, cheat, caught, () -> {
            state = new LedgerState(new Genesis(
                    AUDITORS.stream().map(Keys::publicKey).toList(),
                    List.of(new Deposit(REQUESTER.publicKey(), 10_000), new Deposit(NODE.publicKey(), 10_000))));
            now = 1_000_000;
            apply(new RegisterNode(5_000, receipt.modelId(), 2, "localhost", 9), NODE);
            apply(new OpenEscrow(request, NODE.publicKey(), 500, Level.AUDITED), REQUESTER);
            long before = state.total();
            String outcome = run.outcome();
            return state.total() == before ? outcome : "money was made or lost";
        }));
    }

    private Signed signed(Command command, Keys by) {
        return Signed.of(by, now + 60_000, command);
    }

    private String apply(Command command, Keys by) {
        String refusal = state.apply(signed(command, by), now).getFirst();
        return refusal == null ? "good" : refusal;
    }

    private Receipt priced(long price, byte[] model, Keys by) {
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
                () -> apply(new SubmitReceipt(priced(10, receipt.modelId(), Keys.random())), NODE));
        attack(
                "a price above the escrow",
                "above the escrow",
                () -> apply(new SubmitReceipt(priced(501, receipt.modelId(), NODE)), NODE));
        attack(
                "a price above the announced one",
                "above the escrow or the announced price",
                () -> apply(new SubmitReceipt(priced(400, receipt.modelId(), NODE)), NODE));
        attack(
                "another model than the node announced",
                "another model than the node announced",
                () -> apply(new SubmitReceipt(priced(10, new byte[32], NODE)), NODE));
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
            Signed own = signed(new OpenEscrow(new byte[32], NODE.publicKey(), 500, Level.FULL), NODE);
            Signed forged = new Signed(REQUESTER.publicKey(), own.nonce(), own.lastMs(), own.body(), own.signature());
            return state.apply(forged, now).getFirst();
        });
    }

    private static Verdict verdict(Opinion opinion, int work) {
        byte[] shown = new byte[32];
        shown[0] = (byte) work;
        return new Verdict(opinion, opinion == Opinion.GOOD ? "" : "QKV", "", shown, new byte[32]);
    }

    private String commit(Keys auditor, Verdict verdict) {
        int round = state.findCase(request).audit().round();
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
        Case found = state.findCase(request);
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
                "SLASHED",
                () -> {
                    apply(new SubmitReceipt(receipt), NODE);
                    commit(AUDITORS.get(0), verdict(Opinion.GOOD, 7));
                    commit(AUDITORS.get(1), verdict(Opinion.GOOD, 7));
                    apply(new PostChallenge(request, cell), AUDITORS.get(2));
                    Verdict caught = verdict(Opinion.BAD, 7);
                    return judged(caught, caught, verdict(Opinion.CANNOT_JUDGE, 0));
                });
        attack("a node silent to all about a posted cell", "REFUNDED", () -> {
            apply(new SubmitReceipt(receipt), NODE);
            apply(new PostChallenge(request, cell), AUDITORS.get(2));
            Verdict silent = verdict(Opinion.CANNOT_JUDGE, 0);
            return judged(silent, silent, silent);
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
            return state.findCase(request).status().toString();
        });
        attack("auditors that are not there", "REFUNDED", () -> {
            apply(new SubmitReceipt(receipt), NODE);
            now += 10 * Parameters.DEFAULT.commitMs();
            state.expire(now);
            return state.findCase(request).status().toString();
        });
    }
}
