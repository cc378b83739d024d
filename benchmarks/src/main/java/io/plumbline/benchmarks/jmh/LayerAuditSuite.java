package io.plumbline.benchmarks.jmh;

import io.plumbline.inference.language.engine.ForwardPass;
import io.plumbline.inference.language.engine.Generator;
import io.plumbline.inference.language.engine.Replay;
import io.plumbline.inference.language.importer.ModelImport;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.inference.language.synthetic.RandomModel;
import io.plumbline.inference.language.tokenizer.ChatTokenizer;
import io.plumbline.verifier.audit.AnswerView;
import io.plumbline.verifier.audit.Auditor;
import io.plumbline.verifier.audit.Cell;
import io.plumbline.verifier.audit.Failure;
import io.plumbline.verifier.audit.Opening;
import io.plumbline.verifier.choice.ChoiceRule;
import io.plumbline.verifier.model.VerifierKey;
import io.plumbline.verifier.platform.Directories;
import io.plumbline.verifier.receipt.Answer;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Receipt;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.receipt.Sampling;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/**
 * A whole layer of the last 16 tokens of a context checked by an auditor, per token: the opening's proof, all products,
 * attention and the steps between. Products cost the same at every context. From one context to another it grows by
 * attention's check, and by the proof of the keys and values that are opened for it.
 */
@OutputTimeUnit(TimeUnit.MICROSECONDS)
public class LayerAuditSuite extends Suite {
    private static final int CELL = 16;
    private static final int VOCAB = 1024;

    /** Two layers, of which the second is checked: as TinyLlama has them, or small. */
    @Param("1.1B")
    private String shape;

    /** Tokens, those that are checked among them. */
    @Param({"64", "512", "2048"})
    private int context;

    private Path folder;
    private LoadedModel model;
    private ForwardPass forward;
    private Replay replay;
    private Auditor auditor;
    private AnswerView view;
    private Receipt receipt;
    private ChoiceRule rule;
    private Cell cell;
    private MemorySegment opening;

    /** Bytes of the opening for each token in it. */
    @State(Scope.Thread)
    @AuxCounters(AuxCounters.Type.EVENTS)
    public static class Size {
        public long openingBytesPerToken;
    }

    /** Makes a model of random weights, and an answer of it. */
    @Setup
    public void prepare() throws IOException {
        RandomModel.Shape made = switch (shape) {
            case "1.1B" -> llama(2048, 32, 4, 64, 5632, 2048);
            case "small" -> llama(128, 4, 2, 32, 256, 2048);
            default ->
                throw new IllegalArgumentException("There is no shape \"" + shape + "\"; there are 1.1B and small.");
        };
        folder = Files.createTempDirectory("plumbline-jmh-");
        RandomModel.write(made, 1, folder.resolve("source"), share -> {});
        ModelImport.run(folder.resolve("source"), folder.resolve("model"), share -> {});
        model = LoadedModel.open(folder.resolve("model"));
        forward = new ForwardPass(model);
        VerifierKey key = model.verifierKey(share -> {});
        auditor = new Auditor(key, ChatTokenizer.of(key.tokenFiles()));
        serve(key);
        cell = new Cell(1, context - CELL, context);
        opening = replay.bytes(cell);
        byte[] wrong = opening.toArray(ValueLayout.JAVA_BYTE);
        wrong[wrong.length / 2] ^= 1;
        if (check(opening) != null || check(MemorySegment.ofArray(wrong)) == null) {
            throw new IllegalStateException("An honest opening fails, or a false one does not: " + check(opening));
        }
    }

    private static RandomModel.Shape llama(int hidden, int heads, int kvHeads, int head, int mlp, int context) {
        return new RandomModel.Shape(
                "LlamaForCausalLM", hidden, 2, heads, kvHeads, head, mlp, VOCAB, context, "I8", false, 0, 1);
    }

    private void serve(VerifierKey key) {
        KeyPair node = new KeyPair(bytes(32, 1));
        int[] prompt = new int[context - 1];
        Arrays.setAll(prompt, i -> 3 + (int) (i * 7919L % (VOCAB - 3)));
        // Which tokens were chosen is no part of a layer's cells.
        int[] output = {3, 4};
        Request request = new Request(
                model.id(), "", 0, prompt, Sampling.GREEDY, 2, new int[0], List.of(), node.publicKey(), new byte[16]);
        replay = new Replay(new Generator(forward, node.publicKey()), forward, node.publicKey(), request, output);
        view = new AnswerView(key.manifest(), node.publicKey(), prompt, output);
        long bytes = view.layout().traceBytes(view.length());
        receipt = Receipt.of(request, new Answer(output, ""), replay.root(), bytes, 0, node);
        rule = ChoiceRule.of(request, () -> null);
    }

    @TearDown
    public void free() throws IOException {
        replay.close();
        auditor.close();
        forward.close();
        model.close();
        Directories.delete(folder);
    }

    private Failure check(MemorySegment bytes) throws IOException {
        return auditor.cell(view, receipt, rule, cell, Opening.of(bytes, null));
    }

    @Benchmark
    @OperationsPerInvocation(CELL)
    public Failure check(Size size) throws IOException {
        size.openingBytesPerToken = opening.byteSize() / CELL;
        return check(opening);
    }
}
