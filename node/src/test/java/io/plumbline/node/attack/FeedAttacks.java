package io.plumbline.node.attack;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.inference.language.sources.PromptSources;
import io.plumbline.inference.language.tokenizer.ChatTokenizer;
import io.plumbline.inference.language.tokenizer.ChatTokenizer.Message;
import io.plumbline.ledger.state.Command;
import io.plumbline.ledger.state.Command.CastVote;
import io.plumbline.ledger.state.Command.DeclareFeed;
import io.plumbline.ledger.state.Command.FundFeed;
import io.plumbline.ledger.state.Command.RegisterDataNode;
import io.plumbline.ledger.state.Command.ReportValue;
import io.plumbline.ledger.state.Command.Unbond;
import io.plumbline.ledger.state.Feed;
import io.plumbline.ledger.state.Genesis;
import io.plumbline.ledger.state.Genesis.Deposit;
import io.plumbline.ledger.state.LedgerState;
import io.plumbline.ledger.state.Parameters;
import io.plumbline.ledger.state.Signed;
import io.plumbline.verifier.audit.Failure;
import io.plumbline.verifier.audit.TextCheck;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.lightclient.BlockHeader;
import io.plumbline.verifier.lightclient.Certificate;
import io.plumbline.verifier.lightclient.CertifiedEntry;
import io.plumbline.verifier.lightclient.FeedProof;
import io.plumbline.verifier.lightclient.LedgerHashes.Kind;
import io.plumbline.verifier.lightclient.ProofRefusedException;
import io.plumbline.verifier.lightclient.TrustedLedger;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.receipt.Sampling;
import io.plumbline.verifier.tensor.InputFact;
import io.plumbline.verifier.tensor.Precision;
import io.plumbline.verifier.tensor.Tensor;
import io.plumbline.verifier.tensor.TensorRequest;
import io.plumbline.verifier.tolerant.FactInputs;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** Data nodes that lie about outside facts, full nodes that show old ones, nodes that tell models others. */
final class FeedAttacks {
    private static final long STAKE = 20_000;
    private static final Bytes32 ANY = Bytes32.ZERO;
    private static final KeyPair FULL_NODE = KeyPair.random();
    private static final KeyPair OWNER = KeyPair.random();
    private static final List<KeyPair> NODES =
            Stream.generate(KeyPair::random).limit(3).toList();
    private static final KeyPair LIAR = NODES.getLast();
    private static final Genesis GENESIS = new Genesis(
            List.of(FULL_NODE.publicKey()),
            1_000,
            ANY,
            Stream.concat(Stream.of(OWNER), NODES.stream())
                    .map(keys -> new Deposit(keys.publicKey(), 100_000))
                    .toList(),
            Parameters.DEFAULT);
    private static final Feed FEED =
            new Feed(OWNER.publicKey(), "temperature", "degC", 1, -500, 600, 60_000, 10_000, 3, 120_000, ANY, 10);

    private final List<Attack> attacks = new ArrayList<>();
    private LedgerState state;
    private long now;

    private final Scene scene;

    private FeedAttacks(Scene scene) {
        this.scene = scene;
    }

    static List<Attack> of(Scene scene) {
        FeedAttacks all = new FeedAttacks(scene);
        all.reports();
        all.values();
        all.prompts();
        all.inputs();
        return all.attacks;
    }

    /** On a fresh ledger with a feed that has a fund, and three data nodes, at the begin of a round. */
    private void attack(String cheat, String caught, Attack.Run run) {
        attack("feed", cheat, caught, run);
    }

    private void attack(String family, String cheat, String caught, Attack.Run run) {
        attacks.add(new Attack(family, cheat, caught, () -> {
            state = new LedgerState(GENESIS);
            now = 20 * FEED.roundMs();
            apply(new DeclareFeed(FEED), OWNER);
            apply(new FundFeed(FEED.id(), 1_000), OWNER);
            NODES.forEach(node -> apply(new RegisterDataNode(STAKE, "127.0.0.1", 9), node));
            String outcome = run.outcome();
            return state.total() == state.deposited() ? outcome : "money was made or lost";
        }));
    }

    private String apply(Command command, KeyPair by) {
        String refusal = state.apply(Signed.of(GENESIS.hash(), by, now + 60_000, command), now)
                .getFirst();
        return refusal == null ? "good" : refusal;
    }

    private ReportValue of(long round, long value, long receivedMs) {
        return new ReportValue(FEED.id(), round, value, receivedMs, receivedMs, ANY.bytes(), ANY.bytes());
    }

    private String report(long value, KeyPair by) {
        return apply(of(FEED.round(now), value, now), by);
    }

    private void honest() {
        NODES.stream().filter(node -> node != LIAR).forEach(node -> report(213, node));
    }

    private void close() {
        now = FEED.closesMs(FEED.round(now));
        state.expire(now);
    }

    private void reports() {
        attack("a value that is far from the others'", "outvoted, named, unpaid", () -> {
            honest();
            report(600, LIAR);
            close();
            boolean isNamed = state.feed(FEED.id()).latest().outliers().equals(List.of(LIAR.publicKey()));
            boolean isOutvoted = state.feed(FEED.id()).latest().value() == 213;
            return isOutvoted && isNamed && state.owed(LIAR.publicKey()) == 0 ? "outvoted, named, unpaid" : "counted";
        });
        attack("two values told for one round", "stake 0, round without it", () -> {
            honest();
            report(213, LIAR);
            report(214, LIAR);
            close();
            return "stake " + state.account(LIAR.publicKey()).stake()
                    + (state.feed(FEED.id()).missed() == 1 ? ", round without it" : "");
        });
        attack("a stake asked back between the two", "stake 0, on its way out 0", () -> {
            report(213, LIAR);
            apply(new Unbond(STAKE), LIAR);
            report(214, LIAR);
            return "stake " + state.account(LIAR.publicKey()).stake() + ", on its way out "
                    + state.account(LIAR.publicKey()).unbonding();
        });
        attack("a new stake after two values were told", "reports no more", () -> {
            report(213, LIAR);
            report(214, LIAR);
            apply(new RegisterDataNode(STAKE, "127.0.0.1", 9), LIAR);
            return report(213, LIAR);
        });
        attack("one report sent twice, to be paid twice", "taken before", () -> {
            report(213, LIAR);
            return report(213, LIAR);
        });
        attack("a value outside the feed's bounds", "is not in -500..600", () -> report(601, LIAR));
        attack("a value fetched too long ago", "older than 120000 ms", () -> apply(of(20, 1, now - 120_001), LIAR));
        attack("a value fetched tomorrow", "of the time after", () -> apply(of(20, 1, now + 86_400_000), LIAR));
        attack("a report that waited until the others' were known", "takes no reports", () -> {
            honest();
            close();
            return apply(of(20, 213, now), LIAR);
        });
        attack("a report for a round to come", "takes no reports", () -> apply(of(21, 213, now), LIAR));
        attack("a report without a stake", "only data nodes", () -> report(213, OWNER));
        attack("a value that one data node alone decides", "no value", () -> {
            report(600, LIAR);
            close();
            return state.feed(FEED.id()).latest() == null ? "no value" : "a value";
        });
        attack(
                "a fund that is filled with what is not there",
                "not covered",
                () -> apply(new FundFeed(FEED.id(), 1_000_000), OWNER));
    }

    private void values() {
        attack("an old value shown with its old block", "STALE", () -> {
            CertifiedEntry entry = certified();
            return check(entry, now + FEED.maxAgeMs() + 1);
        });
        attack("an old value in the newest block, when nobody reports any more", "STALE", () -> {
            certified();
            now += FEED.maxAgeMs() + 1;
            apply(new FundFeed(FEED.id(), 1), OWNER);
            certify();
            return check(state.blocks().prove(Kind.DECLARED_FEED, FEED.id()), 0);
        });
        attack("a value changed on its way", "STATE", () -> {
            CertifiedEntry entry = certified();
            byte[] value = entry.value().clone();
            value[value.length - 1] ^= 1;
            return check(
                    new CertifiedEntry(
                            entry.header(), entry.certificate(), entry.kind(), entry.id(), value, entry.proof()),
                    now);
        });
        attack("another feed's value", "FEED", () -> {
            certified();
            apply(new DeclareFeed(FEED), LIAR);
            certify();
            byte[] others = state.feedsAfter(null, 2).stream()
                    .filter(feed -> !feed.id().equals(FEED.id()))
                    .findFirst()
                    .orElseThrow()
                    .id()
                    .bytes();
            return check(state.blocks().prove(Kind.DECLARED_FEED, Bytes32.of(others)), now);
        });
    }

    /** Told to the model beside a file, by a node that audits are done of. */
    private void prompts() {
        prompt("another value than the certified one", told -> asked(told.toString(), TEXT.replace("21.3", "35.0")));
        prompt("no fact at all", told -> asked(told.toString(), "Is it warm?"));
        prompt("a fact that nobody named", told -> asked(QUESTION, TEXT));
        prompt("a value that was stale when it was asked", told -> {
            Request honest = asked(told.toString(), TEXT);
            return at(honest, honest.time() + FEED.maxAgeMs() / 1_000 + 1);
        });
        prompt("a value that another ledger has certified", told -> {
            trusted = new TrustedLedger(ANY, GENESIS.fullNodes());
            return asked(told.toString(), TEXT);
        });
        prompt("another feed's value under the id that was named", told -> {
            ((ObjectNode) told.at("/sources/facts/0")).put("feed", "00".repeat(32));
            return asked(told.toString(), TEXT);
        });
        prompt("a file of which a byte was changed", told -> {
            ((ObjectNode) told.at("/sources/files/0")).put("text", "warm from 31");
            return asked(told.toString(), TEXT.replace("warm from 21", "warm from 31"));
        });
    }

    private interface TensorCheat {
        TensorRequest of(InputFact fact, Tensor input) throws IOException;
    }

    /** Put into inputs of an ONNX model. */
    private void inputs() {
        input(
                "another value than the certified one",
                (fact, right) -> inputs(fact, Tensor.ofFloats("x", new long[] {2}, 0, 35), now / 1_000));
        input(
                "the value in another place",
                (fact, right) -> inputs(fact, Tensor.ofFloats("x", new long[] {2}, 21.3f, 0), now / 1_000));
        input(
                "a value that was stale when it was asked",
                (fact, right) -> inputs(fact, right, (now + FEED.maxAgeMs()) / 1_000 + 1));
        input("a value that another ledger has certified", (fact, right) -> {
            trusted = new TrustedLedger(ANY, GENESIS.fullNodes());
            return inputs(fact, right, now / 1_000);
        });
        input(
                "another feed's value under the id that was named",
                (fact, right) -> inputs(new InputFact("x", 1, ANY, fact.proof()), right, now / 1_000));
        input(
                "a fact in an input that there is not",
                (fact, right) -> inputs(new InputFact("y", 1, fact.feed(), fact.proof()), right, now / 1_000));
        input(
                "a fact behind an input's end",
                (fact, right) -> inputs(new InputFact("x", 2, fact.feed(), fact.proof()), right, now / 1_000));
    }

    private void input(String cheat, TensorCheat cheats) {
        attack("sources", cheat + ", in an ONNX model's input", "INPUTS", () -> {
            trusted = new TrustedLedger(GENESIS.hash(), GENESIS.fullNodes());
            InputFact fact = new InputFact("x", 1, FEED.id(), certified().encode());
            Tensor right = Tensor.ofFloats("x", new long[] {2}, 0, 21.3f);
            // As it comes to whoever judges.
            TensorRequest honest =
                    TensorRequest.decode(inputs(fact, right, now / 1_000).encode());
            if (FactInputs.check(honest, trusted) != null) {
                return "an honest input is refused";
            }
            Failure found = FactInputs.check(cheats.of(fact, right), trusted);
            return found == null ? "good" : found.step().name();
        });
    }

    private static TensorRequest inputs(InputFact fact, Tensor input, long time) {
        return new TensorRequest(
                ANY,
                ANY.bytes(),
                Precision.FP32,
                List.of(input),
                List.of(fact),
                time,
                List.of("out"),
                ANY,
                new byte[16]);
    }

    private static final String QUESTION = "[{\"role\":\"user\",\"content\":\"Is it warm?\"}]";
    private static final String NOTE = "warm from 21";
    private static final String TEXT =
            "temperature: 21.3 degC (as of 1970-01-01T00:20:10Z)\n\nnote:\n" + NOTE + "\n\nIs it warm?";

    private TrustedLedger trusted;

    private interface Cheat {
        Request of(ObjectNode told) throws IOException;
    }

    private void prompt(String cheat, Cheat cheats) {
        attack("sources", cheat, "PROMPT", () -> {
            trusted = new TrustedLedger(GENESIS.hash(), GENESIS.fullNodes());
            byte[] proof = certified().encode();
            byte[] note = NOTE.getBytes(StandardCharsets.UTF_8);
            PromptSources sources = new PromptSources(
                    List.of(new PromptSources.Fact(FEED.id(), proof)),
                    List.of(new PromptSources.SourceFile(Bytes32.of(Blake3.hash(note)), "note", NOTE)),
                    PromptSources.FACT_TEMPLATE,
                    PromptSources.FILE_TEMPLATE);
            ObjectMapper mapper = new ObjectMapper();
            ObjectNode told = mapper.createObjectNode();
            told.set("messages", mapper.readTree(QUESTION));
            told.set("sources", sources.toJson());
            if (outcome(asked(told.toString(), TEXT)) != null) {
                return "an honest prompt is refused";
            }
            Failure found = outcome(cheats.of(told));
            return found == null ? "good" : found.step().name();
        });
    }

    private Failure outcome(Request request) throws IOException {
        try (ChatTokenizer tokenizer = ChatTokenizer.of(scene.model.tokenFiles(), trusted)) {
            return TextCheck.prompt(request, scene.model.config(), tokenizer);
        }
    }

    /** Says that {@code messages} were asked, and has computed the prompt of {@code text}. */
    private Request asked(String messages, String text) {
        int[] prompt = scene.tokenizer.prompt(List.of(new Message("user", text)));
        return new Request(
                scene.model.id(),
                messages,
                now / 1_000,
                prompt,
                Sampling.GREEDY,
                1,
                scene.model.stopTokens(),
                List.of(),
                ANY,
                new byte[16]);
    }

    private static Request at(Request asked, long time) {
        return new Request(
                asked.modelId(),
                asked.messages(),
                time,
                asked.promptTokens(),
                asked.sampling(),
                asked.maxTokens(),
                asked.stopTokens(),
                asked.stopTexts(),
                asked.requester(),
                asked.nonce());
    }

    private CertifiedEntry certified() {
        NODES.forEach(node -> report(213, node));
        close();
        certify();
        return state.blocks().prove(Kind.DECLARED_FEED, FEED.id());
    }

    private void certify() {
        BlockHeader header = state.closeBlock(now);
        byte[] signature = FULL_NODE.sign(Certificate.message(GENESIS.hash(), 0, header.number(), header.hash()));
        apply(new CastVote(FULL_NODE.publicKey(), 0, header.number(), header.hash(), signature), FULL_NODE);
    }

    private static String check(CertifiedEntry entry, long nowMs) {
        try {
            FeedProof.check(entry.encode(), new TrustedLedger(GENESIS.hash(), GENESIS.fullNodes()), FEED.id(), nowMs);
            return "good";
        } catch (ProofRefusedException e) {
            return e.check().name();
        }
    }
}
