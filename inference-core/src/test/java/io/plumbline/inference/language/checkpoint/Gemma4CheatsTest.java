package io.plumbline.inference.language.checkpoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.plumbline.inference.TestModels;
import io.plumbline.inference.language.engine.Forgery;
import io.plumbline.inference.language.engine.ForwardPass;
import io.plumbline.inference.language.engine.Generator;
import io.plumbline.inference.language.engine.Replay;
import io.plumbline.inference.language.kernels.Backend;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.inference.language.synthetic.RandomModel;
import io.plumbline.verifier.audit.AnswerView;
import io.plumbline.verifier.audit.Assignment;
import io.plumbline.verifier.audit.AuditReport;
import io.plumbline.verifier.audit.Cell;
import io.plumbline.verifier.audit.Evidence;
import io.plumbline.verifier.audit.Failure;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.audit.Opening;
import io.plumbline.verifier.audit.OpeningLayout;
import io.plumbline.verifier.audit.OpeningSource;
import io.plumbline.verifier.audit.Step;
import io.plumbline.verifier.model.ExpertNorms;
import io.plumbline.verifier.model.ExpertParameters;
import io.plumbline.verifier.model.LayerParameters;
import io.plumbline.verifier.model.Manifest;
import io.plumbline.verifier.model.PerLayerParameters;
import io.plumbline.verifier.model.TensorNames;
import io.plumbline.verifier.model.VerifierKey;
import io.plumbline.verifier.receipt.Answer;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Receipt;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.receipt.Sampling;
import io.plumbline.verifier.trace.TraceLayout;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A node that takes another layer's cache, another token's embedding, other values, or leaves out a norm or a scale of
 * Gemma 4's layers is found out, and where; others see it in the evidence.
 */
class Gemma4CheatsTest {
    private static final KeyPair NODE = KeyPair.random();

    private static final String SMALL = "Gemma4ForConditionalGeneration";
    private static final String LARGE = "Gemma4ForCausalLM";
    private static final String MIXTURE = "Gemma4MixtureForCausalLM";

    @TempDir
    Path folder;

    private int count;

    private LoadedModel model(String architecture) throws IOException {
        Path source = folder.resolve("source" + count++);
        RandomModel.write(FamilyTest.shape(architecture, "BF16", true, 0, 1), 7, source, share -> {});
        return TestModels.load(source, Files.createDirectory(folder.resolve("model" + count++)));
    }

    private static Request request(LoadedModel model) {
        int[] prompt = new int[40];
        for (int i = 0; i < prompt.length; i++) {
            prompt[i] = 3 + (i * 53 + 11) % (model.config().vocab() - 3);
        }
        return TestModels.request(model, prompt, 6, Sampling.GREEDY);
    }

    private interface Openings {
        /** Changes the opening of a cell before it is signed. */
        void alter(Cell cell, MemorySegment bytes, AnswerView view, int[] output) throws IOException;
    }

    private static Failure audit(LoadedModel model, LoadedModel cheat, List<LoadedModel.Layer> layers)
            throws IOException {
        return audit(model, cheat, layers, trace -> {}, (cell, bytes, view, output) -> {});
    }

    /**
     * Answers by {@code layers} of {@code cheat}, signs that it was {@code model}, and has all of it audited.
     *
     * @param trace changes the trace before it is committed to.
     */
    private static Failure audit(
            LoadedModel model,
            LoadedModel cheat,
            List<LoadedModel.Layer> layers,
            Consumer<MemorySegment> trace,
            Openings openings)
            throws IOException {
        Request request = request(model);
        Request ran = request(cheat);
        try (ForwardPass forward = TestModels.forward(cheat, layers, Backend.best())) {
            Generator.Result result = new Generator(forward, NODE.publicKey(), 16).generate(ran, token -> {});
            int[] output = result.tokens();
            try (Replay replay = Forgery.of(forward, model.manifest(), NODE.publicKey(), request, ran, output, trace)) {
                Answer answer = TestModels.answer(model, output);
                int contract = model.config().contractVersion();
                Receipt receipt = Receipt.of(contract, request, answer, replay.root(), result.traceBytes(), 1, NODE);
                AnswerView view = new AnswerView(model.manifest(), NODE.publicKey(), request.promptTokens(), output);
                OpeningSource sealed = cell -> {
                    MemorySegment bytes = replay.bytes(cell);
                    openings.alter(cell, bytes, view, output);
                    return Opening.of(
                            bytes, replay.seal(cell, bytes, receipt.hash().bytes(), NODE));
                };
                VerifierKey key = model.verifierKey(share -> {});
                AuditReport report = TestModels.auditor(key)
                        .audit(receipt, request, answer, Assignment.of(Level.FULL), sealed, null);
                if (report.failure() != null) {
                    confirm(model, Evidence.of(key, receipt, request, answer, report));
                }
                return report.failure();
            }
        }
    }

    /** Others see the same in the evidence of one row: by the weights, and where a product is false by its one row. */
    private static void confirm(LoadedModel model, Evidence evidence) throws IOException {
        Evidence sent = Evidence.decode(evidence.encode());
        Evidence.Finding finding = sent.check(model::tensor, null);
        assertEquals(evidence.failure().step(), finding.failure().step());
        if (finding.product() == null) {
            assertNotNull(sent.check(null, null).failure(), "seen without the weights");
            return;
        }
        Evidence withRow =
                Evidence.decode(sent.with(finding.product(), model::tensor).encode());
        assertEquals(
                evidence.failure().step(), withRow.check(null, null).failure().step());
    }

    private static void caught(Step step, int layer, Failure failure) {
        assertNotNull(failure);
        assertEquals(step, failure.step(), failure.toString());
        assertEquals(layer, failure.layer(), failure.toString());
    }

    /** One layer is run otherwise. */
    private static Failure ran(LoadedModel model, int layer, UnaryOperator<LoadedModel.Layer> as) throws IOException {
        List<LoadedModel.Layer> layers = new ArrayList<>(model.layers());
        layers.set(layer, as.apply(layers.get(layer)));
        return audit(model, model, layers);
    }

    private static LoadedModel.Layer with(LoadedModel.Layer l, LayerParameters p, LoadedModel.PerLayer perLayer) {
        return new LoadedModel.Layer(
                p, l.q(), l.k(), l.v(), l.out(), l.gate(), l.up(), l.down(), null, null, null, perLayer);
    }

    private static LayerParameters with(LayerParameters p, PerLayerParameters perLayer, float scale) {
        return with(p, p.experts(), perLayer, scale);
    }

    private static LayerParameters with(
            LayerParameters p, ExpertParameters experts, PerLayerParameters perLayer, float scale) {
        return new LayerParameters(
                p.attentionGain(),
                p.attentionOutGain(),
                p.mlpGain(),
                p.mlpOutGain(),
                p.qkvScale(),
                p.outScale(),
                p.gateUpScale(),
                p.downScale(),
                null,
                null,
                null,
                null,
                p.queryGain(),
                p.keyGain(),
                null,
                experts,
                null,
                perLayer,
                scale);
    }

    /** A copy of an imported model whose manifest's config line says something else. */
    private LoadedModel described(LoadedModel model, UnaryOperator<String> as) throws IOException {
        return LoadedModel.open(copied(model, as));
    }

    private Path copied(LoadedModel model, UnaryOperator<String> as) throws IOException {
        Path other = Files.createDirectory(folder.resolve("other" + count++));
        try (var files = Files.list(model.folder())) {
            for (Path file : files.toList()) {
                Files.copy(file, other.resolve(file.getFileName()));
            }
        }
        Path manifest = other.resolve(Manifest.FILE_NAME);
        String text = Files.readString(manifest);
        Files.writeString(manifest, as.apply(text));
        return other;
    }

    @Test
    void theModelsThemselvesPass() throws IOException {
        for (String architecture : List.of(SMALL, LARGE, MIXTURE)) {
            try (LoadedModel model = model(architecture)) {
                assertNull(audit(model, model, model.layers()));
            }
        }
    }

    /** Layers that differ in nothing but in whose keys and values they attend to. */
    @Test
    void theCacheOfAnotherLayerIsFound() throws IOException {
        Path source = folder.resolve("source" + count++);
        RandomModel.write(
                new RandomModel.Shape("LlamaForCausalLM", 64, 6, 4, 2, 16, 96, 320, 256, "BF16", true, 0, 1),
                7,
                source,
                share -> {});
        String fields = " window=200 sharedCaches=2 attention=";
        try (LoadedModel plain = TestModels.load(source, folder);
                LoadedModel model = described(plain, text -> shared(text, fields + "WFWFWF"));
                LoadedModel cheat = described(plain, text -> shared(text, fields + "WFFWWF"))) {
            assertEquals(2, model.config().kvLayer(4));
            assertEquals(3, model.config().kvLayer(5));
            assertEquals(3, cheat.config().kvLayer(4));
            assertNull(audit(model, model, model.layers()));
            caught(Step.SCORES, 4, audit(model, cheat, cheat.layers()));
        }
    }

    private static String shared(String text, String fields) {
        return text.replace("contract 1\n", "contract 2\n").replaceFirst("(\nconfig [^\n]*)", "$1" + fields);
    }

    @Test
    void valuesThatAreNotWhatTheirKeysSayAreFound() throws IOException {
        try (LoadedModel model = model(LARGE)) {
            assertTrue(model.config().architecture().keysAsValues());
            try (LoadedModel cheat = described(model, text -> text.replace(" valueNorm=true", ""))) {
                caught(Step.KV_ROWS, 0, audit(model, cheat, cheat.layers()));
            }
            // Of a layer with full attention, whose values no matrix of their own gives: those of a layer before it.
            TraceLayout layout = new TraceLayout(model.config());
            int from = layout.vOffset(1);
            int bytes = model.config().kvDim(1);
            caught(
                    Step.KV_ROWS,
                    1,
                    audit(
                            model,
                            model,
                            model.layers(),
                            trace -> {
                                for (int t = 0; t < 40; t++) {
                                    long there = layout.offset(t, 3) + from;
                                    MemorySegment.copy(trace, there, trace, layout.offset(t, 1) + from, bytes);
                                }
                            },
                            (cell, opened, view, output) -> {}));
            // Its keys' matrix is its values', too: another's is seen in both.
            caught(
                    Step.QKV,
                    3,
                    ran(
                            model,
                            3,
                            l -> new LoadedModel.Layer(
                                    l.parameters(),
                                    l.q(),
                                    model.layers().get(1).k(),
                                    null,
                                    l.out(),
                                    l.gate(),
                                    l.up(),
                                    l.down())));
        }
    }

    @Test
    void aScaleOfALayerThatIsAnotherIsFound() throws IOException {
        try (LoadedModel model = model(LARGE)) {
            caught(Step.RESIDUAL, 2, ran(model, 2, l -> {
                LayerParameters p = l.parameters();
                return with(l, with(p, null, Math.nextUp(p.scale())), null);
            }));
            try (LoadedModel cheat = described(model, text -> text.replace("proportional,0x1.0p0,0x1.0p2", "none"))) {
                caught(Step.KV_ROWS, 1, audit(model, cheat, cheat.layers()));
            }
            try (LoadedModel cheat = described(model, text -> text.replace(" attentionScale=0x1.0p0", ""))) {
                caught(Step.VALUES, 0, audit(model, cheat, cheat.layers()));
            }
        }
    }

    @Test
    void whatIsHiddenInARecordWithoutKeysIsFound() throws IOException {
        try (LoadedModel model = model(SMALL)) {
            TraceLayout layout = new TraceLayout(model.config());
            assertEquals(0, layout.kvBytes(2));
            // Hidden residuals of 64 floats leave most of its chunk unused.
            caught(
                    Step.PADDING,
                    2,
                    audit(
                            model,
                            model,
                            model.layers(),
                            trace -> trace.set(
                                    ValueLayout.JAVA_BYTE, layout.offset(7, 2) + layout.recordEnd(2) + 5, (byte) 1),
                            (cell, opened, view, output) -> {}));
        }
    }

    @Test
    void otherMatricesAndNormsOfALayersEmbeddingAreFound() throws IOException {
        try (LoadedModel model = model(SMALL)) {
            LoadedModel.Layer other = model.layers().get(3);
            LoadedModel.PerLayer theirs = other.perLayer();
            PerLayerParameters norms = other.parameters().perLayer();
            caught(Step.PER_LAYER_INPUT, 1, ran(model, 1, l -> {
                LoadedModel.PerLayer own = l.perLayer();
                return with(l, l.parameters(), new LoadedModel.PerLayer(theirs.input(), own.gate(), own.out()));
            }));
            caught(Step.PER_LAYER_GATE, 1, ran(model, 1, l -> {
                LoadedModel.PerLayer own = l.perLayer();
                return with(l, l.parameters(), new LoadedModel.PerLayer(own.input(), theirs.gate(), own.out()));
            }));
            caught(Step.PER_LAYER_OUT, 1, ran(model, 1, l -> {
                LoadedModel.PerLayer own = l.perLayer();
                return with(l, l.parameters(), new LoadedModel.PerLayer(own.input(), own.gate(), theirs.out()));
            }));
            caught(Step.RESIDUAL, 1, ran(model, 1, l -> {
                LayerParameters p = l.parameters();
                PerLayerParameters own = p.perLayer();
                return with(
                        l,
                        with(
                                p,
                                new PerLayerParameters(
                                        own.inputScale(),
                                        own.inputGain(),
                                        own.gateScale(),
                                        own.outScale(),
                                        norms.outGain()),
                                p.scale()),
                        l.perLayer());
            }));
        }
    }

    /** Norms of a mixture that stands apart, or the numbers that its weights are multiplied by, are others. */
    private static Failure normed(LoadedModel model, UnaryOperator<ExpertNorms> as) throws IOException {
        return ran(model, 1, l -> {
            LayerParameters p = l.parameters();
            ExpertParameters e = p.experts();
            ExpertParameters forged = new ExpertParameters(
                    e.routerScale(), null, null, e.gateUpScale(), e.downScale(), null, null, as.apply(e.apart()));
            return new LoadedModel.Layer(
                    with(p, forged, null, p.scale()),
                    l.q(),
                    l.k(),
                    l.v(),
                    l.out(),
                    l.gate(),
                    l.up(),
                    l.down(),
                    l.mixture());
        });
    }

    @Test
    void otherNormsAndWeightsOfAMixtureApartAreFound() throws IOException {
        try (LoadedModel model = model(MIXTURE)) {
            ExpertNorms others =
                    model.layers().getFirst().parameters().experts().apart();
            caught(
                    Step.ROUTER,
                    1,
                    normed(
                            model,
                            n -> new ExpertNorms(others.router(), n.input(), n.output(), n.shared(), n.weightScale())));
            caught(
                    Step.GATE_UP,
                    1,
                    normed(
                            model,
                            n -> new ExpertNorms(n.router(), others.input(), n.output(), n.shared(), n.weightScale())));
            caught(
                    Step.RESIDUAL,
                    1,
                    normed(
                            model,
                            n -> new ExpertNorms(n.router(), n.input(), others.output(), n.shared(), n.weightScale())));
            caught(
                    Step.RESIDUAL,
                    1,
                    normed(
                            model,
                            n -> new ExpertNorms(n.router(), n.input(), n.output(), others.shared(), n.weightScale())));
            caught(
                    Step.RESIDUAL,
                    1,
                    normed(
                            model,
                            n -> new ExpertNorms(n.router(), n.input(), n.output(), n.shared(), others.weightScale())));
        }
    }

    /** The embeddings of all layers are those of the token after it, in the tensor that the cheat runs. */
    @Test
    void theEmbeddingOfAnotherTokenIsFound() throws IOException {
        try (LoadedModel model = model(SMALL)) {
            Path other = copied(model, text -> text);
            turnRows(other.resolve("model.safetensors"), TensorNames.PER_LAYER_EMBEDDING);
            try (LoadedModel cheat = LoadedModel.open(other)) {
                caught(Step.SLICE, 0, audit(model, cheat, cheat.layers()));
                // The proof is the right one, of the right rows; what was made of them is not.
                ForwardPass honest = TestModels.forward(model);
                Failure failure = audit(model, cheat, cheat.layers(), trace -> {}, (cell, bytes, view, output) -> {
                    if (cell.layer() < model.config().layers()) {
                        Request request = request(model);
                        Generator generator = new Generator(honest, NODE.publicKey(), 16);
                        OpeningLayout layout = OpeningLayout.of(view, cell);
                        try (Replay replay = new Replay(generator, honest, NODE.publicKey(), request, output)) {
                            long slice = layout.state() - layout.perLayer();
                            MemorySegment.copy(replay.bytes(cell), layout.perLayer(), bytes, layout.perLayer(), slice);
                        }
                    }
                });
                caught(Step.PER_LAYER_OUT, 0, failure);
            }
        }
    }

    /** Each row of a tensor becomes the next one. */
    private static void turnRows(Path file, String tensor) throws IOException {
        try (RandomAccessFile in = new RandomAccessFile(file.toFile(), "rw")) {
            byte[] header = new byte[(int) Long.reverseBytes(in.readLong())];
            in.readFully(header);
            JsonNode of = new ObjectMapper()
                    .readTree(new String(header, StandardCharsets.UTF_8))
                    .path(tensor);
            long at =
                    Long.BYTES + header.length + of.path("data_offsets").path(0).asLong();
            byte[] rows = new byte
                    [(int) (of.path("data_offsets").path(1).asLong()
                            - of.path("data_offsets").path(0).asLong())];
            in.seek(at);
            in.readFully(rows);
            int row = rows.length / of.path("shape").path(0).asInt();
            in.seek(at);
            in.write(rows, row, rows.length - row);
            in.write(rows, 0, row);
        }
    }
}
