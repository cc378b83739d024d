package io.plumbline.node.attack;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.inference.TestModels;
import io.plumbline.inference.language.engine.Generator;
import io.plumbline.inference.language.kernels.Backend;
import io.plumbline.inference.language.kernels.IntKernels;
import io.plumbline.inference.language.kernels.ScalarKernels;
import io.plumbline.node.attack.Scene.Shown;
import io.plumbline.verifier.audit.Assignment;
import io.plumbline.verifier.audit.Auditor;
import io.plumbline.verifier.audit.Cells;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.numerics.ExactMath;
import io.plumbline.verifier.receipt.Sampling;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * How often one auditor at level AUDITED misses a cheat, measured against the formula in docs/audit-protocol.md: with
 * false ones among {@code all}, {@code drawn} different ones all hit true ones with probability C(true, drawn) /
 * C(all, drawn).
 */
class DrawnCellsTest {
    private static final int AUDITS = 400;

    @TempDir
    static Path folder;

    private static Scene scene;

    @BeforeAll
    static void load() throws IOException {
        scene = new Scene(folder);
    }

    @AfterAll
    static void close() {
        scene.close();
    }

    private static double missed(int all, int isFalse, int drawn) {
        double p = 1;
        for (int i = 0; i < Math.min(drawn, all); i++) {
            p *= Math.max(0, all - isFalse - i) / (double) (all - i);
        }
        return p;
    }

    private static void missesAsOftenAs(double expected, Shown cheat) throws IOException {
        int missed = 0;
        try (Auditor auditor = new Auditor(scene.key, scene.tokenizer)) {
            for (int i = 0; i < AUDITS; i++) {
                Assignment assignment = Assignment.of(Level.AUDITED);
                missed += auditor.audit(
                                        cheat.receipt(),
                                        cheat.request(),
                                        cheat.answer(),
                                        assignment,
                                        cheat.source(),
                                        null)
                                .good()
                        ? 1
                        : 0;
            }
        }
        double spread = 5 * Math.sqrt(AUDITS * expected * (1 - expected)) + 1;
        assertTrue(
                Math.abs(missed - AUDITS * expected) < spread,
                missed + " of " + AUDITS + " missed, " + AUDITS * expected + " expected");
    }

    private static int tokens(Shown shown) {
        return shown.request().promptTokens().length + shown.answer().tokens().length - 1;
    }

    private static int layers() {
        return scene.model.config().layers();
    }

    @Test
    void anotherLayersWeights() throws IOException {
        Shown cheat = scene.serve(TestModels.forward(scene.model, TestModels.withSwap(scene.model, 1), Backend.best()));
        int tokens = tokens(cheat);
        missesAsOftenAs(missed(layers() * tokens, tokens, Cells.DRAWN_CELLS), cheat);
    }

    /** Attention that looks at all tokens alike, in one layer, everything else computed honestly of it. */
    @Test
    void falseAttentionInOneLayer() throws IOException {
        Shown cheat = scene.serve(TestModels.forward(scene.model, () -> new FalseScores(1, 0), ExactMath::best));
        int tokens = tokens(cheat);
        missesAsOftenAs(missed(layers() * tokens, tokens, Cells.DRAWN_CELLS), cheat);
    }

    /** A head that sees the newest keys alone: cells whose tokens have no older ones are as they should be. */
    @Test
    void attentionThatLooksAtAWindowAlone() throws IOException {
        int window = 2 * IntKernels.KEY_BLOCK;
        Shown cheat = scene.serve(TestModels.forward(scene.model, () -> new FalseScores(-1, window), ExactMath::best));
        int tokens = tokens(cheat);
        int isFalse = layers() * (tokens - window);
        missesAsOftenAs(missed(layers() * tokens, isFalse, Cells.DRAWN_CELLS), cheat);
    }

    /** One token forced upon the answer, and everything after it chosen as the model would. */
    @Test
    void oneForcedWord() throws IOException {
        int[] honest = scene.honest.answer().tokens();
        int forced = 7;
        int[] begun = Arrays.copyOf(scene.prompt, scene.prompt.length + forced + 1);
        System.arraycopy(honest, 0, begun, scene.prompt.length, forced);
        begun[begun.length - 1] = honest[forced] == 300 ? 301 : 300;
        int[] rest = new Generator(TestModels.forward(scene.model), Scene.NODE.publicKey())
                .generate(
                        TestModels.request(scene.model, begun, Scene.MAX_TOKENS - forced - 1, Sampling.GREEDY),
                        token -> {})
                .tokens();
        int[] tokens = Arrays.copyOf(begun, begun.length + rest.length);
        System.arraycopy(rest, 0, tokens, begun.length, rest.length);
        int[] output = Arrays.copyOfRange(tokens, scene.prompt.length, tokens.length);
        Shown cheat = scene.show(scene.request, scene.request, output, TestModels.forward(scene.model), trace -> {});
        missesAsOftenAs(missed(output.length, 1, Cells.DRAWN_CHOICES), cheat);
    }

    /**
     * Scores as no model gives them: in one layer those of keys outside a window, or of all keys where there is none.
     */
    private static final class FalseScores extends ScalarKernels {
        private final int wanted;
        private final int window;
        private int layer;

        FalseScores(int wanted, int window) {
            this.wanted = wanted;
            this.window = window;
        }

        @Override
        public void multiply(
                byte[] x,
                int xAt,
                int rows,
                int k,
                MemorySegment w,
                int from,
                int to,
                int[] y,
                int yOffset,
                int yStride) {
            for (int l = 0; l < layers(); l++) {
                if (w.address() == scene.model.layers().get(l).q().weights().address()) {
                    layer = l;
                }
            }
            super.multiply(x, xAt, rows, k, w, from, to, y, yOffset, yStride);
        }

        @Override
        public void scores(
                short[] q,
                int qOffset,
                int qStride,
                int queries,
                MemorySegment keys,
                long offset,
                int size,
                int blocks,
                int[] s,
                int sOffset,
                int sStride) {
            super.scores(q, qOffset, qStride, queries, keys, offset, size, blocks, s, sOffset, sStride);
            if (wanted < 0 || layer == wanted) {
                for (int i = 0; i < queries; i++) {
                    int at = sOffset + i * sStride;
                    Arrays.fill(s, at, at + Math.max(0, blocks * KEY_BLOCK - window), window == 0 ? 0 : -1_000_000);
                }
            }
        }
    }
}
