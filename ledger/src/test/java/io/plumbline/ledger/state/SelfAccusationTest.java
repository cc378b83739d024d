package io.plumbline.ledger.state;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.ledger.Money;
import io.plumbline.ledger.state.Command.Accuse;
import io.plumbline.ledger.state.Command.CastVote;
import io.plumbline.ledger.state.Command.CommitVerdict;
import io.plumbline.ledger.state.Command.HandInEvidence;
import io.plumbline.ledger.state.Command.NameSuccessor;
import io.plumbline.ledger.state.Command.OpenEscrow;
import io.plumbline.ledger.state.Command.RegisterNode;
import io.plumbline.ledger.state.Command.RevealVerdict;
import io.plumbline.ledger.state.Command.RotateKey;
import io.plumbline.ledger.state.Command.SubmitReceipt;
import io.plumbline.ledger.state.Settlement.Status;
import io.plumbline.ledger.state.Verdict.Opinion;
import io.plumbline.verifier.audit.Cell;
import io.plumbline.verifier.audit.Evidence;
import io.plumbline.verifier.audit.Exhibit;
import io.plumbline.verifier.audit.Failure;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.audit.Seal;
import io.plumbline.verifier.audit.Step;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.lightclient.BlockHeader;
import io.plumbline.verifier.lightclient.Certificate;
import io.plumbline.verifier.model.Manifest;
import io.plumbline.verifier.model.ModelConfig;
import io.plumbline.verifier.model.SmallTensors;
import io.plumbline.verifier.model.TensorNames;
import io.plumbline.verifier.numerics.Rope;
import io.plumbline.verifier.receipt.Answer;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Receipt;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.receipt.Sampling;
import io.plumbline.verifier.trace.TraceLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * A node that is about to be caught asks itself, pays itself and proves its own answers false, as often as it likes.
 * Its model is of its own making, and small.
 */
class SelfAccusationTest {
    private static final long STAKE = 10_000;
    private static final long WEALTH = 1_000_000;
    private static final long PER_TOKEN = 500;
    private static final int PROMPT = 4;

    private final List<KeyPair> full = List.of(KeyPair.random(), KeyPair.random(), KeyPair.random(), KeyPair.random());
    private final KeyPair node = KeyPair.random();
    private final KeyPair victim = KeyPair.random();
    private final Genesis genesis = new Genesis(
            full.stream().map(KeyPair::publicKey).toList(),
            10_000,
            Money.BANK.publicKey(),
            List.of(new Genesis.Deposit(node.publicKey(), WEALTH), new Genesis.Deposit(victim.publicKey(), 10_000)),
            Parameters.DEFAULT);
    private final LedgerState state = new LedgerState(genesis);
    private final ModelConfig config =
            new ModelConfig(2, 1, 1, 1, 2, 2, 4, 16, 1e-5f, Rope.plain(10_000), false, false);
    private Manifest manifest;
    private SmallTensors small;
    private long now = 1_000_000;
    private byte requests;

    /** A false answer, and what proves it: the node's word that an opening has another length than it must have. */
    private record Lie(Receipt receipt, byte[] evidence) {}

    @BeforeEach
    void registerANodeOfASmallModel() {
        byte[] norm = new byte[8];
        byte[] scale = new byte[16];
        TreeMap<String, Manifest.Tensor> tensors = new TreeMap<>();
        tensors.put(TensorNames.FINAL_NORM, new Manifest.Tensor("F32", new int[] {2}, Blake3.hash(norm)));
        tensors.put(TensorNames.OUTPUT_SCALE, new Manifest.Tensor("F32", new int[] {4, 1}, Blake3.hash(scale)));
        manifest = new Manifest(config, new TreeMap<>(), tensors);
        TreeMap<String, byte[]> bytes = new TreeMap<>();
        bytes.put(TensorNames.FINAL_NORM, norm);
        bytes.put(TensorNames.OUTPUT_SCALE, scale);
        small = new SmallTensors(manifest, bytes);
        assertNull(apply(node, new RegisterNode(STAKE, manifest.id(), PER_TOKEN, "127.0.0.1", 9)));
    }

    private String apply(KeyPair by, Command... commands) {
        return state.apply(Signed.of(genesis.hash(), by, now + 600_000, commands), now)
                .getFirst();
    }

    private void certify() {
        for (BlockHeader header; (header = state.closeBlock(++now)) != null; ) {
            for (KeyPair one : full.subList(0, 3)) {
                byte[] signature = one.sign(Certificate.message(genesis.hash(), 0, header.number(), header.hash()));
                assertNull(apply(one, new CastVote(one.publicKey(), 0, header.number(), header.hash(), signature)));
            }
        }
    }

    private long total(KeyPair keys) {
        return state.account(keys.publicKey()).total();
    }

    private Lie settle(KeyPair payer) {
        Request request = new Request(
                manifest.id(),
                "",
                0,
                new int[PROMPT],
                Sampling.GREEDY,
                1,
                new int[0],
                List.of(),
                payer.publicKey(),
                Arrays.copyOf(new byte[] {requests++}, 16));
        Answer answer = new Answer(new int[1], "");
        long price = PER_TOKEN * (PROMPT + 1);
        Receipt receipt =
                Receipt.of(request, answer, new byte[32], new TraceLayout(config).traceBytes(PROMPT), price, node);
        Bytes32 hash = request.hash();
        assertNull(apply(payer, new OpenEscrow(hash, node.publicKey(), PER_TOKEN, PROMPT + 1, Level.SIGNED)));
        assertNull(apply(node, new SubmitReceipt(receipt)));
        Verdict good = new Verdict(Opinion.GOOD, "", "", new byte[32], new byte[32]);
        for (KeyPair one : full) {
            assertNull(apply(one, new CommitVerdict(hash, 0, good.commitment(hash, 0, one.publicKey()))));
        }
        for (KeyPair one : full) {
            assertNull(apply(one, new RevealVerdict(hash, good)));
        }
        assertEquals(Status.SETTLED, state.findSettlement(hash).status());
        certify();
        Cell cell = new Cell(config.layers(), PROMPT - 1, PROMPT);
        Seal seal = Seal.sign(receipt.hash().bytes(), cell, 1, new byte[64], node);
        Exhibit exhibit = new Exhibit(seal, new byte[0], -1, new byte[0]);
        Evidence evidence = new Evidence(receipt, request, answer, Failure.of(Step.OPENING, ""), exhibit, small, null);
        return new Lie(receipt, evidence.encode());
    }

    private String announce(KeyPair by, Lie lie) {
        byte[] hash = Accuse.hash(lie.evidence, by.publicKey());
        return apply(by, new Accuse(lie.receipt.requestHash(), hash, lie.evidence.length));
    }

    private void accuse(KeyPair by, Lie lie) {
        assertNull(announce(by, lie));
        assertNull(apply(by, new HandInEvidence(lie.evidence)));
        assertEquals(
                Status.SLASHED, state.findSettlement(lie.receipt.requestHash()).status());
        certify();
        LedgerState back = LedgerState.decode(genesis, state.encode());
        assertArrayEquals(state.root(), back.root());
        assertEquals(state.deposited(), back.total());
    }

    @Test
    void aNodeTakesNoMoreThanTheBountyOfItsStakeHomeAndItsVictimsHaveAllBack() {
        long victims = total(victim);
        Lie honest = settle(victim);
        List<Lie> own = new ArrayList<>();
        for (int k = 0; k < 40; k++) {
            own.add(settle(node));
        }
        assertTrue(total(node) < WEALTH - 40 * PER_TOKEN * PROMPT, "what it paid itself waits");
        // The node proves its own answers first, so that the bounty is its too.
        own.forEach(lie -> accuse(node, lie));
        accuse(full.getFirst(), honest);
        now += Parameters.DEFAULT.retainMs();
        state.expire(now);
        certify();
        assertTrue(total(node) <= WEALTH - STAKE + STAKE / 10, "it has " + total(node));
        assertEquals(victims - 1, total(victim), "all but the fee of its command");
        assertEquals(state.deposited(), state.total());
    }

    @Test
    void aPriceThatWasPaidBeforeTheLieWasProvenIsPaidBackOnceAndTheOthersWhenTheirTimeComes() {
        Lie first = settle(victim);
        settle(victim);
        long before = total(victim);
        accuse(full.getFirst(), first);
        assertEquals(before + first.receipt.price(), total(victim));
        assertTrue(apply(full.getFirst(), new Accuse(first.receipt.requestHash(), new byte[32], 9))
                .contains("proven false already"));
        long left = total(node);
        now += Parameters.DEFAULT.retainMs();
        state.expire(now);
        certify();
        assertEquals(left + first.receipt.price(), total(node), "the second, which nobody has proven false");
        assertEquals(before + first.receipt.price(), total(victim));
    }

    @Test
    void evidenceTakesTheStakeFromTheKeyThatHasReplacedTheLiars() {
        KeyPair next = KeyPair.random();
        assertNull(apply(node, new NameSuccessor(next.publicKey())));
        now += Parameters.DEFAULT.unbondMs();
        Lie lie = settle(victim);
        assertNull(apply(node, RotateKey.of(genesis.hash(), node.publicKey(), next)));
        assertEquals(0, total(node));
        long left = total(next) - STAKE;
        long had = total(full.getFirst());
        accuse(full.getFirst(), lie);
        assertEquals(left, total(next), "all of the stake");
        assertEquals(had + STAKE / 10, total(full.getFirst()), "a tenth to whoever proves it");
        assertTrue(state.node(next.publicKey()).slashed());
    }

    /** As the state is after a restart from a snapshot, in which its money adds up. */
    private LedgerState again() {
        LedgerState back = LedgerState.decode(genesis, state.encode());
        assertArrayEquals(state.root(), back.root());
        assertEquals(state.deposited(), back.total());
        return back;
    }

    /** A full node that evidence passes through hands in the same, and is done first. */
    @Test
    void whoeverAnnouncedTheEvidenceFirstIsItsFinder() {
        Lie lie = settle(victim);
        KeyPair copier = full.get(1);
        long finders = total(full.getFirst());
        long copiers = total(copier);
        assertNull(announce(full.getFirst(), lie));
        assertNull(announce(copier, lie));
        assertNull(apply(copier, new HandInEvidence(lie.evidence)));
        assertEquals(
                Status.SLASHED, state.findSettlement(lie.receipt.requestHash()).status(), "at once");
        certify();
        again();
        assertEquals(copiers, total(copier), "what it gains is not known yet");
        assertNull(apply(full.getFirst(), new HandInEvidence(lie.evidence)));
        certify();
        assertEquals(finders + STAKE / 10, total(full.getFirst()));
        assertEquals(copiers, total(copier));
        again();
    }

    /** A leader that is shown an announcement alone can put its own before it, and nothing behind that. */
    @Test
    void anAnnouncementThatIsCopiedIsNobodysEvidence() {
        Lie lie = settle(victim);
        KeyPair copier = full.get(1);
        long finders = total(full.getFirst());
        byte[] seen = Accuse.hash(lie.evidence, full.getFirst().publicKey());
        assertNull(apply(copier, new Accuse(lie.receipt.requestHash(), seen, lie.evidence.length)));
        assertNull(announce(full.getFirst(), lie));
        assertNotNull(apply(copier, new HandInEvidence(lie.evidence)), "it was announced for another");
        assertNull(apply(full.getFirst(), new HandInEvidence(lie.evidence)));
        certify();
        assertEquals(finders + STAKE / 10, total(full.getFirst()));
    }

    /** Nor is anybody ahead by a hash that others could have copied. */
    @Test
    void aPlainHashIsBehindAllThatNameTheirAccuser() {
        Lie lie = settle(victim);
        KeyPair copier = full.get(1);
        long finders = total(full.getFirst());
        byte[] plain = Blake3.hash(lie.evidence);
        assertNull(apply(copier, new Accuse(lie.receipt.requestHash(), plain, lie.evidence.length)));
        assertNull(announce(full.getFirst(), lie));
        assertNull(apply(copier, new HandInEvidence(lie.evidence)));
        assertNull(apply(full.getFirst(), new HandInEvidence(lie.evidence)));
        certify();
        assertEquals(finders + STAKE / 10, total(full.getFirst()));
    }

    /** An earlier accusation that shows nothing holds the finder's part up no longer than it may take. */
    @Test
    void theFindersPartWaitsForEarlierAccusationsAsLongAsTheyMayTake() {
        Lie lie = settle(victim);
        long finders = total(full.getFirst());
        KeyPair idle = full.get(1);
        assertNull(apply(idle, new Accuse(lie.receipt.requestHash(), new byte[32], lie.evidence.length)));
        assertNull(announce(full.getFirst(), lie));
        assertNull(apply(full.getFirst(), new HandInEvidence(lie.evidence)));
        certify();
        assertEquals(finders, total(full.getFirst()));
        LedgerState back = again();
        now = back.nextDeadlineMs();
        state.expire(now);
        certify();
        assertEquals(finders + STAKE / 10, total(full.getFirst()));
        again();
    }
}
