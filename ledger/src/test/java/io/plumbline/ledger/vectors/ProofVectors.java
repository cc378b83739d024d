package io.plumbline.ledger.vectors;

import static io.plumbline.ledger.vectors.Damage.flip;
import static io.plumbline.ledger.vectors.Damage.putInt;
import static io.plumbline.ledger.vectors.Damage.resize;
import static io.plumbline.ledger.vectors.People.FULL_NODES;
import static io.plumbline.ledger.vectors.People.NODE;
import static io.plumbline.ledger.vectors.People.OUTSIDER;
import static io.plumbline.ledger.vectors.People.REQUESTER;
import static io.plumbline.ledger.vectors.People.fill;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.ledger.state.Genesis;
import io.plumbline.ledger.state.Genesis.Deposit;
import io.plumbline.ledger.state.Parameters;
import io.plumbline.ledger.state.Settlement;
import io.plumbline.ledger.state.SettlementSamples;
import io.plumbline.ledger.state.Verdict;
import io.plumbline.ledger.tree.StateTree;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.lightclient.BlockHeader;
import io.plumbline.verifier.lightclient.Certificate;
import io.plumbline.verifier.lightclient.CertifiedEntry;
import io.plumbline.verifier.lightclient.CertifiedSettlement;
import io.plumbline.verifier.lightclient.LedgerHashes;
import io.plumbline.verifier.lightclient.LedgerHashes.Kind;
import io.plumbline.verifier.lightclient.StateProof;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Receipt;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/** Proofs of settlements, beside the network's file and what a verifier knows of request and receipt. */
final class ProofVectors {
    /** Where the certificate begins: after the format's text and the header. */
    private static final int CERTIFICATE = 4 + 27 + 88;

    private static final int SIGNER_BYTES = 4 + 64;

    private static final Genesis GENESIS = genesis(FULL_NODES, 1_000);
    private static final Receipt RECEIPT = ReceiptVectors.receipt(RequestVectors.asked(1), AnswerVectors.given());
    private static final Bytes32 SETTLED = RECEIPT.requestHash();
    private static final Bytes32 REFUNDED = RequestVectors.asked(2).hash();
    private static final Bytes32 ESCROWED = RequestVectors.asked(3).hash();
    private static final Bytes32 MISPLACED = Bytes32.of(fill(32, 0x55));
    private static final Bytes32 UNREADABLE = Bytes32.of(fill(32, 0x56));

    private final VectorFile file = new VectorFile("proofs.json", "Certified entries, checked with a network's file.");
    private final StateTree tree = tree();
    private final BlockHeader header = new BlockHeader(17, tree.root(), fill(32, 0xE5), 50, 1_764_000_000_123L);
    private final Certificate three = certificate(0, 1, 3);

    private ProofVectors() {}

    static VectorFile file() {
        ProofVectors vectors = new ProofVectors();
        vectors.addGood();
        vectors.addMalformed();
        vectors.addTooFewSignatures();
        vectors.addOutsideTheState();
        vectors.addOtherEntries();
        vectors.addBadNetworks();
        return vectors.file;
    }

    private static Genesis genesis(List<KeyPair> fullNodes, long bond) {
        List<Bytes32> keys = fullNodes.stream().map(KeyPair::publicKey).toList();
        return new Genesis(
                keys, bond, Bytes32.ZERO, List.of(new Deposit(REQUESTER.publicKey(), 1_000_000)), Parameters.DEFAULT);
    }

    private static byte[] settled() {
        return SettlementSamples.settled(RECEIPT, REQUESTER.publicKey(), FULL_NODES)
                .encode();
    }

    private static StateTree tree() {
        Receipt other = ReceiptVectors.receipt(RequestVectors.asked(2), AnswerVectors.given());
        byte[] unreadable = settled();
        StateTree tree = StateTree.empty()
                .put(key(Kind.SETTLEMENT, SETTLED), settled())
                .put(
                        key(Kind.SETTLEMENT, REFUNDED),
                        SettlementSamples.refunded(other, REQUESTER.publicKey(), FULL_NODES)
                                .encode())
                .put(
                        key(Kind.SETTLEMENT, ESCROWED),
                        SettlementSamples.escrowed(ESCROWED, REQUESTER.publicKey(), NODE.publicKey())
                                .encode())
                .put(key(Kind.SETTLEMENT, MISPLACED), settled())
                .put(key(Kind.SETTLEMENT, UNREADABLE), resize(unreadable, unreadable.length - 1))
                .put(key(Kind.ACCOUNT, NODE.publicKey()), fill(16, 3));
        for (int i = 0; i < 20; i++) {
            tree = tree.put(key(Kind.ACCOUNT, Bytes32.of(fill(32, 0x80 + i))), fill(16, i));
        }
        return tree;
    }

    private static byte[] key(Kind kind, Bytes32 id) {
        return LedgerHashes.key(kind, id);
    }

    private static byte[] vote(KeyPair signer, BlockHeader header, long epoch) {
        return signer.sign(Certificate.message(GENESIS.hash(), epoch, header.number(), header.hash()));
    }

    /** Signatures under the header of the full nodes in these places. */
    private Certificate certificate(int... places) {
        SortedMap<Integer, byte[]> signatures = new TreeMap<>();
        for (int place : places) {
            signatures.put(place, vote(FULL_NODES.get(place), header, 2));
        }
        return new Certificate(2, signatures);
    }

    private static Certificate with(Certificate certificate, int place, byte[] signature) {
        SortedMap<Integer, byte[]> signatures = new TreeMap<>(certificate.signatures());
        signatures.put(place, signature);
        return new Certificate(certificate.epoch(), signatures);
    }

    private CertifiedEntry entry(Certificate certificate, Kind kind, Bytes32 id) {
        byte[] key = key(kind, id);
        return new CertifiedEntry(header, certificate, kind, id, tree.get(key), tree.prove(key));
    }

    private CertifiedEntry entry(Bytes32 requestHash) {
        return entry(three, Kind.SETTLEMENT, requestHash);
    }

    private CertifiedEntry entry(byte[] value, StateProof proof) {
        return new CertifiedEntry(header, three, Kind.SETTLEMENT, SETTLED, value, proof);
    }

    private void addGood() {
        good("signed by three of four, settled", entry(SETTLED), 3);
        good("signed by all four", entry(certificate(0, 1, 2, 3), Kind.SETTLEMENT, SETTLED), 4);
        good("found bad by its auditors, after a challenge was posted", entry(REFUNDED), 3);
        good("no receipt yet", entry(ESCROWED), 3);
        good("of the expected request and receipt", entry(SETTLED), 3)
                .put("requestHash", VectorFile.hex(SETTLED.bytes()))
                .put("receipt", VectorFile.hex(RECEIPT.encode()));
        byte[] anothers = OUTSIDER.sign(new byte[1]);
        good(
                "a fourth signature that does not hold does not count",
                entry(with(three, 2, anothers), Kind.SETTLEMENT, SETTLED),
                3);
        good(
                "signatures from places where no full node is do not count",
                entry(with(with(three, -1, anothers), 4, anothers), Kind.SETTLEMENT, SETTLED),
                3);
    }

    private void addMalformed() {
        byte[] bytes = entry(SETTLED).encode();
        int afterSigners = CERTIFICATE + 12 + 3 * SIGNER_BYTES;
        int presence = afterSigners + 4 + 4 + 32;
        malformed("no bytes", new byte[0]);
        malformed("another format", flip(bytes, 30));
        malformed("a format of a negative length", putInt(bytes, 0, -1));
        malformed("a format that is not UTF-8", notUtf8(bytes));
        int[] lengths = {20, 60, CERTIFICATE + 11, CERTIFICATE + 100, afterSigners, presence, bytes.length - 1};
        for (int length : lengths) {
            malformed("cut off after " + length + " bytes", resize(bytes, length));
        }
        malformed("a byte after its end", resize(bytes, bytes.length + 1));
        malformed("a negative number of signatures", putInt(bytes, CERTIFICATE + 8, -1));
        malformed("1,025 signatures", putInt(bytes, CERTIFICATE + 8, 1_025));
        malformed("the same signer twice", putInt(bytes, CERTIFICATE + 12 + SIGNER_BYTES, 0));
        malformed("signers in descending order", putInt(bytes, CERTIFICATE + 12, 2));
        malformed("a kind that is not known", putInt(bytes, afterSigners, 16));
        malformed("an id of a negative length", putInt(bytes, afterSigners + 4, -1));
        malformed("neither present nor absent", putInt(bytes, presence, 2));
        malformed("absent, with an entry", putInt(bytes, presence, 0));
        malformed("an entry longer than all bytes", putInt(bytes, presence + 4, Integer.MAX_VALUE));
        int siblings = presence + 8 + settled().length + 4;
        malformed("257 siblings", putInt(bytes, siblings, 257));
        malformed("a negative number of siblings", putInt(bytes, siblings, -1));
        malformed("neither another entry nor none", putInt(bytes, bytes.length - 4, 2));
        malformed("another entry that is not there", putInt(bytes, bytes.length - 4, 1));
        malformed("certified bytes that are no settlement", entry(UNREADABLE).encode());
    }

    private static byte[] notUtf8(byte[] bytes) {
        byte[] changed = bytes.clone();
        changed[10] = (byte) 0xFF;
        return changed;
    }

    private void addTooFewSignatures() {
        quorum("signed by two of four", certificate(1, 3));
        quorum("signed by nobody", certificate());
        byte[] good = vote(FULL_NODES.getFirst(), header, 2);
        quorum("one full node's signature in three places", with(with(certificate(0), 1, good), 2, good));
        quorum("the third signature is an outsider's", with(certificate(0, 1), 2, vote(OUTSIDER, header, 2)));
        quorum("the third signer's place is no full node's", with(certificate(0, 1), 4, vote(OUTSIDER, header, 2)));
        quorum(
                "the third signature is of another epoch",
                with(certificate(0, 1), 2, vote(FULL_NODES.get(2), header, 1)));
        BlockHeader next = new BlockHeader(18, header.stateRoot(), header.range(), header.height(), header.timeMs());
        quorum("the third signature is of another block", with(certificate(0, 1), 2, vote(FULL_NODES.get(2), next, 2)));
        byte[] bytes = entry(SETTLED).encode();
        String[] fields = {"number", "state root", "range", "height", "time"};
        int[] offsets = {0, 8, 40, 72, 80};
        for (int i = 0; i < fields.length; i++) {
            bad("the block's " + fields[i] + " changed", flip(bytes, 31 + offsets[i]), "QUORUM");
        }
        bad("the certificate's epoch changed", flip(bytes, CERTIFICATE), "QUORUM");
        bad("a signature changed", flip(bytes, CERTIFICATE + 12 + 4), "QUORUM");
        bad("of a ledger with another genesis and the same full nodes", bytes, "QUORUM")
                .set("network", network(genesis(FULL_NODES, 1_001)));
        List<KeyPair> others = new ArrayList<>(FULL_NODES);
        Collections.reverse(others);
        bad("full nodes in another order", bytes, "QUORUM").set("network", network(genesis(others, 1_000)));
    }

    private void quorum(String name, Certificate certificate) {
        bad(name, entry(certificate, Kind.SETTLEMENT, SETTLED).encode(), "QUORUM");
    }

    private void addOutsideTheState() {
        StateProof proof = tree.prove(key(Kind.SETTLEMENT, SETTLED));
        List<byte[]> siblings = proof.siblings();
        state("the proof of another request", entry(settled(), tree.prove(key(Kind.SETTLEMENT, REFUNDED))));
        state("a settlement changed in its status", entry(refunded(), proof));
        state("a sibling changed", entry(settled(), with(siblings, 0, flip(siblings.getFirst(), 31))));
        state("the last sibling left out", entry(settled(), sub(siblings, 0, siblings.size() - 1)));
        state("the first sibling left out", entry(settled(), sub(siblings, 1, siblings.size())));
        List<byte[]> reversed = new ArrayList<>(siblings);
        Collections.reverse(reversed);
        state("siblings from the entry up", entry(settled(), new StateProof(reversed, null, null)));
        byte[] otherKey = key(Kind.SETTLEMENT, REFUNDED);
        state("an entry beside another one", entry(settled(), new StateProof(siblings, otherKey, fill(32, 1))));
        state("an entry said to be absent", entry(null, proof));
        StateProof itself = new StateProof(siblings, key(Kind.SETTLEMENT, SETTLED), Blake3.hash(settled()));
        state("an entry said to be absent for itself", entry(null, itself));
        CertifiedEntry absent = entry(Bytes32.of(fill(32, 0x77)));
        state("an absent entry said to be an empty one", entry(new byte[0], absent.proof()));
        CertifiedEntry entry = entry(SETTLED);
        state(
                "under another kind",
                new CertifiedEntry(header, three, Kind.NODE, SETTLED, entry.value(), entry.proof()));
        state(
                "under another request's hash",
                new CertifiedEntry(header, three, Kind.SETTLEMENT, REFUNDED, entry.value(), entry.proof()));
    }

    private static byte[] refunded() {
        byte[] bytes = settled();
        return putInt(bytes, 32 + 32 + 32 + 5 * 8 + 4, Settlement.Status.REFUNDED.ordinal());
    }

    private static StateProof with(List<byte[]> siblings, int at, byte[] sibling) {
        List<byte[]> changed = new ArrayList<>(siblings);
        changed.set(at, sibling);
        return new StateProof(changed, null, null);
    }

    private static StateProof sub(List<byte[]> siblings, int from, int to) {
        return new StateProof(siblings.subList(from, to), null, null);
    }

    private void state(String name, CertifiedEntry entry) {
        bad(name, entry.encode(), "STATE");
    }

    private void addOtherEntries() {
        bad("of an account", entry(three, Kind.ACCOUNT, NODE.publicKey()).encode(), "KIND");
        CertifiedEntry[] absent = {null, null};
        for (int i = 0; absent[0] == null || absent[1] == null; i++) {
            byte[] id = fill(32, 0);
            id[0] = (byte) i;
            id[1] = (byte) (i >> 8);
            CertifiedEntry one = entry(Bytes32.of(id));
            absent[one.proof().otherKey() == null ? 0 : 1] = one;
        }
        bad("absent, with nothing in its place", absent[0].encode(), "ABSENT");
        bad("absent, with another entry in its place", absent[1].encode(), "ABSENT");
        bad("a settlement under another request's hash", entry(MISPLACED).encode(), "REQUEST");
        bad("of another request than expected", entry(SETTLED).encode(), "REQUEST")
                .put("requestHash", VectorFile.hex(REFUNDED.bytes()));
        bad("of another receipt than expected", entry(REFUNDED).encode(), "RECEIPT")
                .put("receipt", VectorFile.hex(RECEIPT.encode()));
        bad("of no receipt where one is expected", entry(ESCROWED).encode(), "RECEIPT")
                .put("receipt", VectorFile.hex(RECEIPT.encode()));
    }

    private void addBadNetworks() {
        byte[] genesis = GENESIS.encode();
        Bytes32 first = FULL_NODES.getFirst().publicKey();
        byte[] twice = Damage.replace(genesis, FULL_NODES.get(1).publicKey().bytes(), first.bytes());
        int parameters = genesis.length - (4 + 7 * 8 + 4 + 8 + 4 + 4 * 8);
        badNetwork("a genesis without a full node", putInt(genesis, 0, 0));
        badNetwork("a genesis with one full node twice", twice);
        badNetwork("a genesis that is cut off", resize(genesis, genesis.length - 1));
        badNetwork("a byte after the genesis", resize(genesis, genesis.length + 1));
        badNetwork("a genesis of rules that are not known", putInt(genesis, parameters, 99));
    }

    private void badNetwork(String name, byte[] genesis) {
        ObjectNode network = JsonNodeFactory.instance.objectNode().put("genesis", VectorFile.hex(genesis));
        bad(name, entry(SETTLED).encode(), "NETWORK").set("network", network);
    }

    private static ObjectNode network(Genesis genesis) {
        return JsonNodeFactory.instance.objectNode().put("genesis", VectorFile.hex(genesis.encode()));
    }

    private void malformed(String name, byte[] bytes) {
        bad(name, bytes, "MALFORMED");
    }

    private ObjectNode add(String name, byte[] proof) {
        return file.add(name).put("proof", VectorFile.hex(proof)).set("network", network(GENESIS));
    }

    private ObjectNode bad(String name, byte[] proof, String failure) {
        ObjectNode one = add(name, proof);
        one.putObject("expect").put("failure", failure);
        return one;
    }

    private ObjectNode good(String name, CertifiedEntry entry, int signatures) {
        ObjectNode one = add(name, entry.encode());
        one.putObject("expect").set("accepted", fields(entry, Settlement.decode(entry.value()), signatures));
        return one;
    }

    /** The fields of a settlement as the ledger reads it. */
    static ObjectNode fields(CertifiedEntry entry, Settlement settlement, int signatures) {
        List<CertifiedSettlement.Verdict> verdicts = new ArrayList<>();
        settlement.audit().auditors().forEach(auditor -> {
            Verdict verdict = settlement.audit().verdicts().get(auditor);
            if (verdict != null) {
                verdicts.add(new CertifiedSettlement.Verdict(
                        auditor,
                        CertifiedSettlement.Opinion.valueOf(verdict.opinion().name()),
                        verdict.step(),
                        verdict.place()));
            }
        });
        CertifiedSettlement certified = new CertifiedSettlement(
                settlement.requestHash(),
                settlement.requester(),
                settlement.node(),
                settlement.pricePerToken(),
                settlement.tokens(),
                settlement.fee(),
                settlement.reserved(),
                settlement.openingMs(),
                settlement.level(),
                CertifiedSettlement.Status.valueOf(settlement.status().name()),
                settlement.receipt(),
                verdicts,
                settlement.audit().deadlineMs(),
                settlement.height());
        return fields(entry, certified, signatures);
    }

    /** The settlement's fields, as docs/receipt.md names them, and what stands behind it. */
    static ObjectNode fields(CertifiedEntry entry, CertifiedSettlement settlement, int signatures) {
        ObjectNode json = JsonNodeFactory.instance
                .objectNode()
                .put("requestHash", VectorFile.hex(settlement.requestHash().bytes()))
                .put("requester", VectorFile.hex(settlement.requester().bytes()))
                .put("node", VectorFile.hex(settlement.node().bytes()))
                .put("pricePerToken", VectorFile.text(settlement.pricePerToken()))
                .put("tokens", VectorFile.text(settlement.tokens()))
                .put("fee", VectorFile.text(settlement.fee()))
                .put("reserved", VectorFile.text(settlement.reserved()))
                .put("openingMs", VectorFile.text(settlement.openingMs()))
                .put("level", settlement.level().name())
                .put("status", settlement.status().name());
        if (settlement.receipt() == null) {
            json.putNull("receipt");
        } else {
            json.set("receipt", ReceiptVectors.fields(settlement.receipt()));
        }
        ArrayNode verdicts = json.putArray("verdicts");
        for (CertifiedSettlement.Verdict verdict : settlement.verdicts()) {
            verdicts.addObject()
                    .put("auditor", verdict.auditor().toString())
                    .put("opinion", verdict.opinion().name())
                    .put("step", verdict.step())
                    .put("place", verdict.place());
        }
        return json.put("deadlineMs", VectorFile.text(settlement.deadlineMs()))
                .put("height", VectorFile.text(settlement.height()))
                .put("block", VectorFile.text(entry.header().number()))
                .put("timeMs", VectorFile.text(entry.header().timeMs()))
                .put("signatures", signatures)
                .put("fullNodes", 4)
                .put("liarsTolerated", 1);
    }
}
