package io.plumbline.node.attack;

import io.plumbline.ledger.state.Command;
import io.plumbline.ledger.state.Command.AcceptDeal;
import io.plumbline.ledger.state.Command.CastVote;
import io.plumbline.ledger.state.Command.ProposeDeal;
import io.plumbline.ledger.state.Command.ProveStorage;
import io.plumbline.ledger.state.Command.RegisterDataNode;
import io.plumbline.ledger.state.Command.Unbond;
import io.plumbline.ledger.state.Genesis;
import io.plumbline.ledger.state.Genesis.Deposit;
import io.plumbline.ledger.state.LedgerState;
import io.plumbline.ledger.state.Parameters;
import io.plumbline.ledger.state.Signed;
import io.plumbline.ledger.state.StorageChallenge;
import io.plumbline.ledger.state.StorageDeal;
import io.plumbline.ledger.state.StorageDeal.Phase;
import io.plumbline.ledger.state.StorageDeal.Role;
import io.plumbline.ledger.state.StorageTerms;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.blake3.ChainingValues;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.lightclient.BlockHeader;
import io.plumbline.verifier.lightclient.Certificate;
import io.plumbline.verifier.lightclient.CertifiedEntry;
import io.plumbline.verifier.lightclient.DealProof;
import io.plumbline.verifier.lightclient.LedgerHashes.Kind;
import io.plumbline.verifier.lightclient.ProofRefusedException;
import io.plumbline.verifier.lightclient.TrustedLedger;
import io.plumbline.verifier.receipt.KeyPair;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;

/** Data nodes that are paid for blobs which they do not keep, clients that name false terms, and clocks that lie. */
final class StorageAttacks {
    private static final long STAKE = 20_000;
    private static final long COLLATERAL = 6_000;
    private static final KeyPair FULL_NODE = KeyPair.random();
    private static final KeyPair CLIENT = KeyPair.random();
    private static final KeyPair LIAR = KeyPair.random();
    private static final KeyPair OTHER = KeyPair.random();
    private static final Genesis GENESIS = new Genesis(
            List.of(FULL_NODE.publicKey()),
            1_000,
            Bytes32.ZERO,
            Stream.of(CLIENT, LIAR, OTHER)
                    .map(keys -> new Deposit(keys.publicKey(), 100_000))
                    .toList(),
            Parameters.DEFAULT);
    private static final byte[] BLOB = new byte[200_000];

    static {
        new Random(1).nextBytes(BLOB);
    }

    private static final StorageTerms TERMS = terms(BLOB.length, LIAR.publicKey(), 4, 20);

    private final List<Attack> attacks = new ArrayList<>();
    private LedgerState state;
    private long now;

    private StorageAttacks() {}

    static List<Attack> of() {
        StorageAttacks all = new StorageAttacks();
        all.proofs();
        all.terms();
        all.clocks();
        return all.attacks;
    }

    private static StorageTerms terms(long bytes, Bytes32 node, int chunks, int rounds) {
        return new StorageTerms(
                Bytes32.of(Blake3.hash(BLOB)), bytes, node, 60_000, 3_600_000, 600_000, rounds, chunks, 50, COLLATERAL);
    }

    /** On a fresh ledger with a client and two data nodes. */
    private void attack(String cheat, String caught, Attack.Run run) {
        attacks.add(new Attack("storage", cheat, caught, () -> {
            state = new LedgerState(GENESIS);
            now = 72_000_000;
            for (KeyPair node : List.of(LIAR, OTHER)) {
                apply(new RegisterDataNode(STAKE, "127.0.0.1", 9), node);
            }
            String outcome = run.outcome();
            return state.total() == state.deposited() ? outcome : "money was made or lost";
        }));
    }

    private String apply(Command command, KeyPair by) {
        String refusal = state.apply(Signed.of(GENESIS.hash(), by, now + 60_000, command), now)
                .getFirst();
        return refusal == null ? "good" : refusal;
    }

    private static byte[] answer(StorageChallenge challenge, byte[] blob) {
        return challenge
                .slice()
                .cut(
                        ChainingValues.of(null, MemorySegment.ofArray(blob)),
                        (at, target, offset, length) -> System.arraycopy(blob, (int) at, target, offset, length));
    }

    private StorageDeal propose(StorageTerms terms) {
        apply(new ProposeDeal(terms), CLIENT);
        return state.dealsOf(CLIENT.publicKey(), Role.ANY, -1, 9).getLast();
    }

    private static AcceptDeal accept(StorageDeal deal) {
        return new AcceptDeal(deal.number(), answer(StorageChallenge.ofLength(deal.terms()), BLOB));
    }

    private StorageDeal held(StorageTerms terms) {
        StorageDeal deal = propose(terms);
        apply(accept(deal), LIAR);
        return deal;
    }

    private void certify() {
        for (BlockHeader header = state.closeBlock(now); header != null; header = state.closeBlock(now)) {
            byte[] hash = header.hash();
            byte[] signature = FULL_NODE.sign(Certificate.message(GENESIS.hash(), 0, header.number(), hash));
            apply(new CastVote(FULL_NODE.publicKey(), 0, header.number(), hash, signature), FULL_NODE);
        }
    }

    /** To the challenge at the end of the round. */
    private StorageDeal challenged(StorageDeal deal) {
        certify();
        now = find(deal).atMs();
        state.expire(now);
        certify();
        return find(deal);
    }

    private StorageDeal find(StorageDeal deal) {
        return state.deal(deal.number());
    }

    private String prove(StorageDeal open, byte[] slice) {
        return apply(new ProveStorage(open.number(), open.proven(), slice), LIAR);
    }

    private String loseIfSilent(StorageDeal open) {
        now = open.atMs();
        state.expire(now);
        certify();
        long stake = state.account(LIAR.publicKey()).stake();
        return find(open).losses() + " lost, stake " + stake + ", " + find(open).proven() + " rounds paid";
    }

    private void proofs() {
        String notAsked = "not the chunks of this blob";
        attack("a blob of which nothing but the last chunk is kept", "1 lost, stake 14000, 0 rounds paid", () -> {
            StorageDeal open = challenged(held(terms(BLOB.length, LIAR.publicKey(), 16, 20)));
            byte[] rest = new byte[BLOB.length];
            System.arraycopy(BLOB, BLOB.length - 1_024, rest, BLOB.length - 1_024, 1_024);
            prove(open, answer(open.challenge(), rest));
            return loseIfSilent(open);
        });
        attack("a blob of which a tenth is thrown away", "1 lost, stake 14000", () -> {
            byte[] rest = BLOB.clone();
            Arrays.fill(rest, 100_000, 120_000, (byte) 0);
            // The hashes above it may be kept: they are a fraction of it.
            ChainingValues tree = ChainingValues.of(null, MemorySegment.ofArray(BLOB));
            StorageDeal deal = held(terms(BLOB.length, LIAR.publicKey(), 16, 400));
            for (int round = 0; round < 400; round++) {
                StorageDeal open = challenged(deal);
                byte[] slice = open.challenge()
                        .slice()
                        .cut(tree, (at, to, offset, length) -> System.arraycopy(rest, (int) at, to, offset, length));
                if (!prove(open, slice).equals("good")) {
                    return loseIfSilent(open);
                }
            }
            return "never asked for";
        });
        attack("the answer of the round before", notAsked, () -> {
            StorageDeal open = challenged(held(TERMS));
            byte[] first = answer(open.challenge(), BLOB);
            prove(open, first);
            return prove(challenged(open), first);
        });
        attack("chunks of the data node's own choice", notAsked, () -> {
            StorageDeal open = challenged(held(TERMS));
            return prove(open, answer(StorageChallenge.drawn(TERMS, new byte[32]), BLOB));
        });
        attack("another blob's chunks", notAsked, () -> {
            StorageDeal open = challenged(held(TERMS));
            return prove(open, answer(open.challenge(), new byte[BLOB.length]));
        });
        attack("an answer that ends early", notAsked, () -> {
            StorageDeal open = challenged(held(TERMS));
            byte[] slice = answer(open.challenge(), BLOB);
            return prove(open, Arrays.copyOf(slice, slice.length - 1));
        });
        attack("an answer with more than was asked for", notAsked, () -> {
            StorageDeal open = challenged(held(TERMS));
            byte[] slice = answer(open.challenge(), BLOB);
            return prove(open, Arrays.copyOf(slice, slice.length + 32));
        });
        attack("one answer handed in twice, to be paid twice", "takes no proof now", () -> {
            StorageDeal open = challenged(held(TERMS));
            byte[] slice = answer(open.challenge(), BLOB);
            prove(open, slice);
            return prove(open, slice);
        });
        attack("another data node's answer handed in as one's own", "no such deal of this data node", () -> {
            StorageDeal open = challenged(held(TERMS));
            byte[] slice = answer(open.challenge(), BLOB);
            return apply(new ProveStorage(open.number(), open.proven(), slice), OTHER);
        });
        attack("a proof of a round to come", "takes no proof now", () -> {
            StorageDeal open = challenged(held(TERMS));
            byte[] slice = answer(open.challenge(), BLOB);
            return apply(new ProveStorage(open.number(), open.proven() + 1, slice), LIAR);
        });
        attack("an answer after its time", "no such deal of this data node", () -> {
            StorageDeal open = challenged(held(TERMS));
            loseIfSilent(open);
            return prove(open, answer(open.challenge(), BLOB));
        });
    }

    private void terms() {
        attack("a blob said to be shorter than it is", "not the last chunk", () -> {
            StorageDeal deal = propose(terms(150_000, LIAR.publicKey(), 4, 3));
            byte[] beginning = Arrays.copyOf(BLOB, 150_000);
            return apply(
                    new AcceptDeal(deal.number(), answer(StorageChallenge.ofLength(deal.terms()), beginning)), LIAR);
        });
        attack("a blob said to be longer than it is", "not the last chunk", () -> {
            StorageDeal deal = propose(terms(300_000, LIAR.publicKey(), 4, 3));
            byte[] longer = Arrays.copyOf(BLOB, 300_000);
            return apply(new AcceptDeal(deal.number(), answer(StorageChallenge.ofLength(deal.terms()), longer)), LIAR);
        });
        attack("an offer to another data node", "for another data node", () -> apply(accept(propose(TERMS)), OTHER));
        attack("one copy sold twice to one client", "keeps a copy of this blob", () -> {
            held(TERMS);
            return apply(accept(propose(TERMS)), LIAR);
        });
        attack("one stake for more deals than it covers", "not covered by a free stake", () -> {
            String last = "";
            for (int i = 0; i < 4; i++) {
                byte[] blob = {(byte) i};
                StorageDeal deal = propose(new StorageTerms(
                        Bytes32.of(Blake3.hash(blob)), 1, LIAR.publicKey(), 60_000, 4_000, 1_000, 1, 1, 1, COLLATERAL));
                last = apply(
                        new AcceptDeal(deal.number(), answer(StorageChallenge.ofLength(deal.terms()), blob)), LIAR);
            }
            return last;
        });
        attack("a stake asked back while it answers for a blob", "storage deals reserve 6000", () -> {
            held(TERMS);
            return apply(new Unbond(STAKE), LIAR);
        });
        attack("a data node's deal with itself, to have its stake at once", "burned", () -> {
            StorageTerms own = terms(BLOB.length, LIAR.publicKey(), 1, 1);
            apply(new ProposeDeal(own), LIAR);
            StorageDeal deal = state.dealsOf(LIAR.publicKey(), Role.ANY, -1, 9).getFirst();
            apply(accept(deal), LIAR);
            long had = state.account(LIAR.publicKey()).balance();
            loseIfSilent(challenged(deal));
            return state.account(LIAR.publicKey()).balance() == had && state.owed(LIAR.publicKey()) == 0
                    ? "burned"
                    : "paid to it";
        });
        attack("an offer of money that is not there", "not covered", () -> {
            StorageTerms dear = new StorageTerms(
                    TERMS.blob(), 9, StorageTerms.ANY_NODE, 60_000, 4_000, 1_000, 1, 1, 100_000, COLLATERAL);
            return apply(new ProposeDeal(dear), CLIENT);
        });
        attack("a deal changed on its way to a light client", "STATE", () -> {
            StorageDeal deal = held(TERMS);
            certify();
            CertifiedEntry entry = state.blocks().prove(Kind.STORAGE_DEAL, StorageDeal.id(deal.number()));
            byte[] forged = entry.value().clone();
            forged[forged.length - 32 - 8 - 8 - 4 - 4]++;
            CertifiedEntry lie = new CertifiedEntry(
                    entry.header(), entry.certificate(), entry.kind(), entry.id(), forged, entry.proof());
            try {
                DealProof.check(lie.encode(), new TrustedLedger(GENESIS.hash(), GENESIS.fullNodes()), deal.number());
                return "taken";
            } catch (ProofRefusedException e) {
                return e.check().name();
            }
        });
    }

    private void clocks() {
        attack("a leader's clock that is a day ahead, to take a collateral", "stake 20000", () -> {
            StorageDeal open = challenged(held(TERMS));
            now += 24 * 3_600_000L;
            state.expire(now);
            // No full node signs a block of that time, and the answer is still taken.
            String taken = prove(open, answer(open.challenge(), BLOB));
            return taken + ", stake " + state.account(LIAR.publicKey()).stake();
        });
        attack("rounds that a leader's clock hurries through, to be paid", "CALLED, owed 0", () -> {
            StorageDeal deal = held(TERMS);
            certify();
            for (int day = 0; day < 20; day++) {
                now += 24 * 3_600_000L;
                state.expire(now);
            }
            Phase phase = find(deal).phase();
            return phase + ", owed " + state.owed(LIAR.publicKey());
        });
    }
}
