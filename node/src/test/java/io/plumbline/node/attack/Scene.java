package io.plumbline.node.attack;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.inference.TestModels;
import io.plumbline.inference.language.engine.Forgery;
import io.plumbline.inference.language.engine.ForwardPass;
import io.plumbline.inference.language.engine.Generator;
import io.plumbline.inference.language.engine.Replay;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.inference.language.tokenizer.ChatTokenizer;
import io.plumbline.verifier.audit.AnswerView;
import io.plumbline.verifier.audit.Assignment;
import io.plumbline.verifier.audit.AuditReport;
import io.plumbline.verifier.audit.Auditor;
import io.plumbline.verifier.audit.Cell;
import io.plumbline.verifier.audit.Evidence;
import io.plumbline.verifier.audit.Exhibit;
import io.plumbline.verifier.audit.Failure;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.audit.Opening;
import io.plumbline.verifier.audit.OpeningLayout;
import io.plumbline.verifier.audit.OpeningSource;
import io.plumbline.verifier.audit.Seal;
import io.plumbline.verifier.audit.Step;
import io.plumbline.verifier.choice.ChoiceRule;
import io.plumbline.verifier.model.SmallTensors;
import io.plumbline.verifier.model.TensorNames;
import io.plumbline.verifier.model.VerifierKey;
import io.plumbline.verifier.receipt.Answer;
import io.plumbline.verifier.receipt.Cancellation;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Receipt;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.receipt.Sampling;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;

/** The model that ships, an honest answer by it, and an auditor: what every cheat begins with. */
final class Scene implements AutoCloseable {
    static final KeyPair NODE = KeyPair.random();
    static final int MAX_TOKENS = 40;
    static final Sampling DRAWN = new Sampling(1.2f, 0, 1_000_000, 1);

    static final String MESSAGES = "[{\"role\":\"user\",\"content\":\"Tell me a story about a bear in a storm.\"}]";
    static final long TIME = 1_764_000_000;
    static final KeyPair REQUESTER = KeyPair.random();

    final LoadedModel model;
    final ChatTokenizer tokenizer;
    final VerifierKey key;
    final int[] prompt;
    final Request request;
    final Shown honest;

    /** What a node shows the world: a request, an answer, its receipt, and openings on demand. */
    record Shown(Request request, Answer answer, Receipt receipt, OpeningSource source) {
        Shown with(Receipt other) {
            return new Shown(request, answer, other, source);
        }

        Shown with(Answer other) {
            return new Shown(request, other, receipt, source);
        }

        Shown with(OpeningSource other) {
            return new Shown(request, answer, receipt, other);
        }
    }

    Scene(Path folder) throws IOException {
        model = TestModels.load(TestModels.SHIPPED, folder);
        key = model.verifierKey(share -> {});
        tokenizer = ChatTokenizer.of(model.tokenFiles());
        prompt = tokenizer.prompt(MESSAGES, TIME);
        request = request(Sampling.GREEDY, MAX_TOKENS);
        honest = serve(request, request, TestModels.forward(model));
    }

    Request request(Sampling sampling, int maxTokens) {
        return request(sampling, maxTokens, "");
    }

    Request request(Sampling sampling, int maxTokens, String grammar) {
        return new Request(
                model.id(),
                MESSAGES,
                TIME,
                prompt,
                sampling,
                maxTokens,
                model.stopTokens(),
                List.of(),
                grammar,
                REQUESTER.publicKey(),
                new byte[16]);
    }

    /**
     * An answer by a node that runs {@code forward}: it asks itself {@code computed}, and is consistent about what
     * came of it.
     */
    Shown serve(Request asked, Request computed, ForwardPass forward) {
        int[] tokens = new Generator(forward, NODE.publicKey(), 16)
                .generate(ChoiceRule.of(computed, tokenizer::vocabulary), token -> {})
                .tokens();
        return show(asked, asked, tokens, forward, trace -> {});
    }

    Shown serve(ForwardPass forward) {
        return serve(request, request, forward);
    }

    /** A node that commits to an altered trace of its honest answer. */
    Shown altered(Consumer<MemorySegment> alter) {
        return show(request, request, honest.answer().tokens(), TestModels.forward(model), alter);
    }

    /**
     * A node that says it answered {@code asked} with {@code tokens}, and shows the altered trace of running {@code
     * ran} to them.
     */
    Shown show(Request asked, Request ran, int[] tokens, ForwardPass forward, Consumer<MemorySegment> alter) {
        return show(asked, ran, new Answer(tokens, tokenizer.decode(tokens)), forward, alter);
    }

    /** The same with an answer that says more than its tokens. */
    Shown show(Request asked, Request ran, Answer answer, ForwardPass forward, Consumer<MemorySegment> alter) {
        int[] tokens = answer.tokens();
        Replay replay = Forgery.of(forward, NODE.publicKey(), asked, ran, tokens, alter);
        int length = asked.promptTokens().length + tokens.length - 1;
        long bytes = view(asked, tokens).layout().traceBytes(length);
        return new Shown(asked, answer, Receipt.of(asked, answer, replay.root(), bytes, 20, NODE), replay);
    }

    /** The honest answer, cancelled by its requester after so many tokens. */
    Shown cancelled(int count) {
        int[] tokens = Arrays.copyOf(honest.answer().tokens(), count);
        Cancellation cancellation = Cancellation.of(request.hash(), count - 1, REQUESTER);
        Answer answer = new Answer(tokens, tokenizer.decode(tokens), cancellation);
        return show(request, request, answer, TestModels.forward(model), trace -> {});
    }

    /** The honest answer to a request that ends with a word in its midst. */
    Shown stoppedByText() {
        int[] tokens = honest.answer().tokens();
        String[] words =
                tokenizer.decode(Arrays.copyOf(tokens, tokens.length - 8)).split(" ");
        Request asked = request(List.of(words[words.length / 2]));
        int[] ended = Arrays.copyOf(tokens, tokenizer.stopsAfter(tokens, asked.stopTexts()));
        return show(asked, asked, ended, TestModels.forward(model), trace -> {});
    }

    Request request(List<String> stopTexts) {
        Request r = request;
        return new Request(
                r.modelId(),
                r.messages(),
                r.time(),
                r.promptTokens(),
                r.sampling(),
                r.maxTokens(),
                r.stopTokens(),
                stopTexts,
                r.requester(),
                r.nonce());
    }

    AnswerView view(Request asked, int[] tokens) {
        return new AnswerView(model.manifest(), NODE.publicKey(), asked.promptTokens(), tokens);
    }

    AnswerView view() {
        return view(request, honest.answer().tokens());
    }

    /** Openings of {@code shown}, those of {@code layer} changed before they are signed. */
    Shown opened(Shown shown, int layer, UnaryOperator<byte[]> change) {
        return shown.with((OpeningSource) cell -> {
            byte[] bytes = bytes(shown, cell);
            return Opening.of(MemorySegment.ofArray(cell.layer() == layer ? change.apply(bytes) : bytes), null);
        });
    }

    static byte[] bytes(Shown shown, Cell cell) throws IOException {
        try (Opening opening = shown.source().open(cell)) {
            return opening.proof(opening.bytes()).toArray(ValueLayout.JAVA_BYTE);
        }
    }

    /** Audits at level FULL what was sealed by the node, and has evidence of what is wrong confirmed by others. */
    String audit(Shown shown) throws IOException {
        return audit(shown, sealed(shown), Assignment.of(Level.FULL));
    }

    String audit(Shown shown, OpeningSource source, Assignment assignment) throws IOException {
        AuditReport report;
        try (Auditor auditor = new Auditor(key, tokenizer)) {
            report = auditor.audit(shown.receipt(), shown.request(), shown.answer(), assignment, source, null);
        } catch (IOException e) {
            return "cannot judge: " + e.getMessage();
        }
        if (report.good()) {
            return "good";
        }
        String step = report.failure().step().name();
        Evidence evidence = Evidence.of(key, shown.receipt(), shown.request(), shown.answer(), report);
        if (evidence != null) {
            confirm(evidence, step);
        }
        return step;
    }

    /** Whoever has the weights sees it too, and with the row that they add anyone does. */
    private void confirm(Evidence evidence, String step) throws IOException {
        Evidence sent = Evidence.decode(evidence.encode());
        Evidence.Finding finding = sent.check(model::tensor, tokenizer);
        assertNotNull(finding.failure(), "the evidence of " + step + " shows nothing");
        assertEquals(step, finding.failure().step().name());
        if (finding.product() == null) {
            assertEquals(step, sent.check(null, tokenizer).failure().step().name(), "needs no weights");
            return;
        }
        Evidence.Finding blind = sent.check(null, null);
        // Without the row the node's other claims may contradict themselves all the same.
        assertTrue(blind.needsModel() || blind.failure() != null, "nobody may call a lie honest");
        Evidence withRow =
                Evidence.decode(sent.with(finding.product(), model::tensor).encode());
        assertEquals(step, withRow.check(null, null).failure().step().name());
        assertEquals(finding.product(), withRow.check(null, null).product());
    }

    /** Evidence of the first failure that a full audit finds, encoded; with the row that is false, or without. */
    byte[] evidence(Shown shown, boolean withRow) throws IOException {
        AuditReport report;
        try (Auditor auditor = new Auditor(key, tokenizer)) {
            report = auditor.audit(
                    shown.receipt(), shown.request(), shown.answer(), Assignment.of(Level.FULL), sealed(shown), null);
        }
        Evidence evidence = Evidence.of(key, shown.receipt(), shown.request(), shown.answer(), report);
        Evidence.FalseProduct product = evidence.check(model::tensor, tokenizer).product();
        return (withRow ? evidence.with(product, model::tensor) : evidence).encode();
    }

    /** The honest answer's receipt with a signed piece of an honest opening, as if it showed something. */
    byte[] innocent() throws IOException {
        Cell cell = new Cell(1, 3, 4);
        OpeningLayout layout = OpeningLayout.of(view(), cell);
        byte[] bytes = bytes(honest, cell);
        MemorySegment all = MemorySegment.ofArray(bytes);
        Seal seal = Seal.of(honest.receipt().hash().bytes(), layout, all, NODE);
        int proof = Math.toIntExact(layout.proof());
        Exhibit exhibit = new Exhibit(
                seal, Arrays.copyOf(bytes, proof), cell.from(), Arrays.copyOfRange(bytes, proof, bytes.length));
        SortedMap<String, byte[]> small = new TreeMap<>();
        for (String name : SmallTensors.names(model.config(), cell.layer())) {
            small.put(name, key.small().bytes().get(name));
        }
        Evidence.FalseProduct slander = new Evidence.FalseProduct(TensorNames.DOWN.weight(cell.layer()), 0, 1, 2);
        return new Evidence(
                        honest.receipt(),
                        request,
                        honest.answer(),
                        new Failure(Step.DOWN, cell.layer(), cell.from(), "slander"),
                        exhibit,
                        new SmallTensors(model.manifest(), small),
                        null)
                .with(slander, model::tensor)
                .encode();
    }

    /** The node's openings with its signature under them. */
    OpeningSource sealed(Shown shown) {
        return sealed(shown, NODE);
    }

    OpeningSource sealed(Shown shown, KeyPair by) {
        AnswerView view = view(shown.request(), shown.answer().tokens());
        return cell -> {
            byte[] bytes = bytes(shown, cell);
            OpeningLayout layout = OpeningLayout.of(view, cell);
            MemorySegment all = MemorySegment.ofArray(bytes);
            Seal seal = bytes.length == layout.bytes()
                    ? Seal.of(shown.receipt().hash().bytes(), layout, all, by)
                    : Seal.sign(shown.receipt().hash().bytes(), cell, bytes.length, new byte[32 * layout.pieces()], by);
            return Opening.of(all, seal);
        };
    }

    @Override
    public void close() {
        tokenizer.close();
        model.close();
    }
}
