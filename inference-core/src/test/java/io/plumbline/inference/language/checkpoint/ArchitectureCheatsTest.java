package io.plumbline.inference.language.checkpoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.inference.TestModels;
import io.plumbline.inference.language.engine.Forgery;
import io.plumbline.inference.language.engine.ForwardPass;
import io.plumbline.inference.language.engine.Generator;
import io.plumbline.inference.language.engine.Replay;
import io.plumbline.inference.language.kernels.Backend;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.inference.language.synthetic.RandomModel;
import io.plumbline.verifier.audit.Assignment;
import io.plumbline.verifier.audit.AuditReport;
import io.plumbline.verifier.audit.Evidence;
import io.plumbline.verifier.audit.Failure;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.audit.Opening;
import io.plumbline.verifier.audit.OpeningSource;
import io.plumbline.verifier.audit.Step;
import io.plumbline.verifier.model.ExpertParameters;
import io.plumbline.verifier.model.LayerParameters;
import io.plumbline.verifier.model.Manifest;
import io.plumbline.verifier.model.VerifierKey;
import io.plumbline.verifier.receipt.Answer;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Receipt;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.receipt.Sampling;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A node that leaves out, or does otherwise, what a model's layers do beside the plain is found out, and where. */
class ArchitectureCheatsTest {
    private static final KeyPair NODE = KeyPair.random();

    @TempDir
    Path folder;

    private int count;

    /**
     * Runs a model otherwise than its description says, signs that it was the model, and has all of it audited.
     *
     * @param field of the manifest's config line; changed or left out where {@code value} is null.
     */
    private Failure ran(Path source, String field, String value) throws IOException {
        try (LoadedModel model = TestModels.load(source, Files.createDirectory(folder.resolve("m" + count++)))) {
            Path other = Files.createDirectory(folder.resolve("other" + count++));
            try (var files = Files.list(model.folder())) {
                for (Path file : files.toList()) {
                    Files.copy(file, other.resolve(file.getFileName()));
                }
            }
            Path manifest = other.resolve(Manifest.FILE_NAME);
            String text = Files.readString(manifest);
            String changed =
                    text.replaceFirst(" " + field + "=[^ \n]*", value == null ? "" : " " + field + "=" + value);
            if (changed.equals(text)) {
                throw new IllegalArgumentException("The model has no " + field + ".");
            }
            Files.writeString(manifest, changed);
            try (LoadedModel cheat = LoadedModel.open(other)) {
                return audit(model, cheat);
            }
        }
    }

    static Failure audit(LoadedModel model, LoadedModel cheat) throws IOException {
        return audit(model, cheat, cheat.layers());
    }

    /** @param layers of {@code cheat}, as they are run. */
    private static Failure audit(LoadedModel model, LoadedModel cheat, List<LoadedModel.Layer> layers)
            throws IOException {
        int[] prompt = new int[40];
        for (int i = 0; i < prompt.length; i++) {
            prompt[i] = 3 + (i * 53 + 11) % (model.config().vocab() - 3);
        }
        Request request = TestModels.request(model, prompt, 12, Sampling.GREEDY);
        ForwardPass forward = TestModels.forward(cheat, layers, Backend.best());
        Generator.Result result = new Generator(forward, NODE.publicKey(), 16)
                .generate(TestModels.request(cheat, prompt, 12, Sampling.GREEDY), token -> {});
        Replay replay = Forgery.of(
                forward,
                model.manifest(),
                NODE.publicKey(),
                request,
                TestModels.request(cheat, prompt, 12, Sampling.GREEDY),
                result.tokens(),
                trace -> {});
        Answer answer = TestModels.answer(model, result.tokens());
        Receipt receipt = Receipt.of(
                model.config().contractVersion(), request, answer, replay.root(), result.traceBytes(), 1, NODE);
        VerifierKey key = model.verifierKey(share -> {});
        OpeningSource sealed = cell -> {
            MemorySegment bytes = replay.bytes(cell);
            return Opening.of(bytes, replay.seal(cell, bytes, receipt.hash().bytes(), NODE));
        };
        AuditReport report =
                TestModels.auditor(key).audit(receipt, request, answer, Assignment.of(Level.FULL), sealed, null);
        if (report.failure() != null) {
            confirm(model, Evidence.of(key, receipt, request, answer, report));
        }
        return report.failure();
    }

    /** Others see the same in the evidence: by the weights, and where a product is false by its one row. */
    private static void confirm(LoadedModel model, Evidence evidence) throws IOException {
        Evidence sent = Evidence.decode(evidence.encode());
        Evidence.Finding finding = sent.check(model::tensor, null);
        assertEquals(evidence.failure().step(), finding.failure().step());
        if (finding.product() == null) {
            assertNotNull(sent.check(null, null).failure(), "seen without the weights");
            return;
        }
        Evidence.Finding blind = sent.check(null, null);
        assertTrue(blind.needsModel() || blind.failure() != null, "a later step may show it too");
        Evidence withRow =
                Evidence.decode(sent.with(finding.product(), model::tensor).encode());
        assertEquals(
                evidence.failure().step(), withRow.check(null, null).failure().step());
    }

    private Path model(String architecture) throws IOException {
        Path path = folder.resolve("source" + count++);
        RandomModel.write(FamilyTest.shape(architecture, "BF16", true, 0, 1), 7, path, share -> {});
        return path;
    }

    private void caught(Path source, String field, String value, Step step) throws IOException {
        Failure failure = ran(source, field, value);
        assertNotNull(failure, field + " " + value);
        assertEquals(step, failure.step(), failure.toString());
    }

    @Test
    void whatGemmaDoesBesideThePlainIsAudited() throws IOException {
        Path gemma = model("Gemma2ForCausalLM");
        caught(gemma, "window", "11", Step.SCORES);
        caught(gemma, "window", "13", Step.SCORES);
        caught(gemma, "attention", "FW", Step.SCORES);
        caught(gemma, "scoreCap", null, Step.VALUES);
        caught(gemma, "scoreCap", "0x1.5p2", Step.VALUES);
        caught(gemma, "attentionScale", null, Step.VALUES);
        caught(gemma, "logitCap", "0x1.9p1", Step.SAMPLING);
        caught(gemma, "embeddingScale", null, Step.EMBEDDING);
        caught(gemma, "activation", null, Step.DOWN);
        Path third = model("Gemma3ForCausalLM");
        caught(third, "localRopeTheta", "0x1.0p13", Step.KV_ROWS);
        caught(third, "ropeScaling", "none", Step.KV_ROWS);
    }

    @Test
    void otherRotationsAreFound() throws IOException {
        caught(model("Phi3ForCausalLM"), "ropeScaling", "none", Step.KV_ROWS);
        caught(model("Glm4ForCausalLM"), "rotaryDim", null, Step.KV_ROWS);
        caught(model("Olmo3ForCausalLM"), "ropeScaling", "none", Step.KV_ROWS);
        caught(model("SmolLM3ForCausalLM"), "attention", "fF", Step.KV_ROWS);
        caught(model("Exaone4ForCausalLM"), "attention", "WF", Step.KV_ROWS);
        caught(model("Olmo2ForCausalLM"), "eps", "0x1.0p-10", Step.KV_ROWS);
    }

    @Test
    void expertsThatWereNotChosenAreFound() throws IOException {
        Path qwen = model("Qwen3MoeForCausalLM");
        caught(qwen, "experts", "6,2,48,0,softmax,false,false,0x1.0p0,0", Step.RESIDUAL);
        caught(qwen, "experts", "6,2,48,0,softmax,false,true,0x1.8p0,0", Step.RESIDUAL);
        caught(qwen, "experts", "6,2,48,0,sigmoid,false,true,0x1.0p0,0", Step.RESIDUAL);
        caught(qwen, "experts", "6,1,48,0,softmax,false,true,0x1.0p0,0", Step.GATE_UP);
        try (LoadedModel model = TestModels.load(qwen, folder)) {
            swapped(model, m -> new LoadedModel.Mixture(m.router(), turned(m.gateUp()), m.down()), Step.GATE_UP);
            swapped(model, m -> new LoadedModel.Mixture(m.router(), m.gateUp(), turned(m.down())), Step.DOWN);
            LoadedModel.Matrix other = model.layers().get(1).mixture().router();
            swapped(model, m -> new LoadedModel.Mixture(other, m.gateUp(), m.down()), Step.ROUTER);
        }
        Path glm = model("Glm4MoeForCausalLM");
        caught(glm, "experts", "6,2,48,48,sigmoid,true,false,0x1.8p0,1", Step.RESIDUAL);
        caught(glm, "experts", "6,2,48,48,sigmoid,true,true,0x1.0p0,1", Step.RESIDUAL);
        caught(glm, "experts", "6,2,48,48,softmax,true,true,0x1.8p0,1", Step.GATE_UP);
    }

    @Test
    void sinksBiasesAndLimitsThatAreLeftOutAreFound() throws IOException {
        Path oss = model("GptOssForCausalLM");
        caught(oss, "sinks", null, Step.VALUES);
        caught(oss, "gateLimit", "0x1.0p-2", Step.DOWN);
        caught(oss, "experts", "6,2,64,0,softmax,false,true,0x1.0p0,0", Step.DOWN);
        caught(oss, "experts", "6,2,64,0,softmax,false,false,0x1.0p0,0,biases", Step.RESIDUAL);
        try (LoadedModel model = TestModels.load(oss, folder)) {
            LayerParameters second = model.layers().get(1).parameters();
            biased(model, p -> p.experts(), second.sinks(), Step.VALUES);
            float[] sinks = model.layers().getFirst().parameters().sinks();
            biased(model, p -> with(p, second.experts().routerBias(), null, null), sinks, Step.GATE_UP);
            biased(model, p -> with(p, null, turned(p.experts().gateUpBias()), null), sinks, Step.DOWN);
            biased(model, p -> with(p, null, null, turned(p.experts().downBias())), sinks, Step.RESIDUAL);
        }
    }

    private static float[][] turned(float[][] each) {
        List<float[]> turned = new ArrayList<>(List.of(each));
        Collections.rotate(turned, 1);
        return turned.toArray(float[][]::new);
    }

    /** A layer's experts with other biases, where they are not null. */
    private static ExpertParameters with(LayerParameters p, float[] router, float[][] gateUp, float[][] down) {
        ExpertParameters e = p.experts();
        return new ExpertParameters(
                e.routerScale(),
                e.choiceBias(),
                router == null ? e.routerBias() : router,
                e.gateUpScale(),
                e.downScale(),
                gateUp == null ? e.gateUpBias() : gateUp,
                down == null ? e.downBias() : down,
                null);
    }

    /** The first layer is run with other small parameters. */
    private void biased(
            LoadedModel model, Function<LayerParameters, ExpertParameters> experts, float[] sinks, Step step)
            throws IOException {
        List<LoadedModel.Layer> layers = new ArrayList<>(model.layers());
        LoadedModel.Layer l = layers.getFirst();
        LayerParameters p = l.parameters();
        LayerParameters other = new LayerParameters(
                p.attentionGain(),
                p.attentionOutGain(),
                p.mlpGain(),
                p.mlpOutGain(),
                p.qkvScale(),
                p.outScale(),
                p.gateUpScale(),
                p.downScale(),
                p.qkvBias(),
                p.outBias(),
                p.gateUpBias(),
                p.downBias(),
                p.queryGain(),
                p.keyGain(),
                sinks,
                experts.apply(p),
                null,
                null,
                1);
        layers.set(0, new LoadedModel.Layer(other, l.q(), l.k(), l.v(), l.out(), null, null, null, l.mixture()));
        Failure failure = audit(model, model, layers);
        assertNotNull(failure);
        assertEquals(step, failure.step(), failure.toString());
    }

    private static List<LoadedModel.Matrix> turned(List<LoadedModel.Matrix> experts) {
        List<LoadedModel.Matrix> turned = new ArrayList<>(experts);
        Collections.rotate(turned, 1);
        return turned;
    }

    /** The first layer's mixture is run otherwise. */
    private void swapped(LoadedModel model, UnaryOperator<LoadedModel.Mixture> as, Step step) throws IOException {
        List<LoadedModel.Layer> layers = new ArrayList<>(model.layers());
        LoadedModel.Layer l = layers.getFirst();
        layers.set(
                0,
                new LoadedModel.Layer(
                        l.parameters(), l.q(), l.k(), l.v(), l.out(), null, null, null, as.apply(l.mixture())));
        Failure failure = audit(model, model, layers);
        assertNotNull(failure);
        assertEquals(step, failure.step(), failure.toString());
    }

    @Test
    void theModelItselfPasses() throws IOException {
        try (LoadedModel model = TestModels.load(model("Gemma2ForCausalLM"), folder)) {
            assertNull(audit(model, model));
        }
    }
}
