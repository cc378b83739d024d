package io.plumbline.node.attack;

import io.plumbline.inference.TestModels;
import io.plumbline.inference.language.engine.ForwardPass;
import io.plumbline.inference.language.engine.KvCache;
import io.plumbline.inference.language.kernels.Backend;
import io.plumbline.inference.language.kernels.IntKernels;
import io.plumbline.inference.language.kernels.ScalarKernels;
import io.plumbline.inference.language.model.LoadedModel.Layer;
import io.plumbline.inference.language.model.LoadedModel.Matrix;
import io.plumbline.verifier.model.LayerParameters;
import io.plumbline.verifier.numerics.ExactMath;
import io.plumbline.verifier.numerics.ScalarMath;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;

/**
 * Nodes that compute something else, and are consistent about it: they commit to what they computed and open just
 * that.
 */
final class ComputeAttacks {
    private final Scene scene;
    private final List<Attack> attacks = new ArrayList<>();
    private String family;

    private ComputeAttacks(Scene scene) {
        this.scene = scene;
    }

    static List<Attack> of(Scene scene) {
        ComputeAttacks all = new ComputeAttacks(scene);
        all.weights();
        all.attention();
        all.arithmetic();
        return all.attacks;
    }

    private void runs(String cheat, String caught, Supplier<ForwardPass> forward) {
        attacks.add(new Attack(family, cheat, caught, () -> scene.audit(scene.serve(forward.get()))));
    }

    private void layer(String cheat, String caught, int index, UnaryOperator<Layer> change) {
        runs(cheat, caught, () -> {
            List<Layer> layers = new ArrayList<>(scene.model.layers());
            layers.set(index, change.apply(layers.get(index)));
            return TestModels.forward(scene.model, layers, Backend.best());
        });
    }

    private void kernels(String cheat, String caught, Supplier<IntKernels> kernels) {
        runs(cheat, caught, () -> TestModels.forward(scene.model, kernels, ExactMath::best));
    }

    private void math(String cheat, String caught, Supplier<ExactMath> math) {
        runs(cheat, caught, () -> TestModels.forward(scene.model, Backend.best().kernels(), math));
    }

    private Layer other() {
        return scene.model.layers().get(0);
    }

    private static Layer with(Layer l, LayerParameters p) {
        return new Layer(p, l.q(), l.k(), l.v(), l.out(), l.gate(), l.up(), l.down());
    }

    private static LayerParameters scales(LayerParameters p, float[] out, float[] down) {
        return new LayerParameters(
                p.attentionGain(),
                p.mlpGain(),
                p.qkvScale(),
                out,
                p.gateUpScale(),
                down,
                p.qkvBias(),
                p.queryGain(),
                p.keyGain());
    }

    private void weights() {
        family = "weights";
        layer(
                "another layer's query matrix",
                "QKV",
                1,
                l -> new Layer(l.parameters(), other().q(), l.k(), l.v(), l.out(), l.gate(), l.up(), l.down()));
        layer(
                "another layer's key matrix",
                "QKV",
                1,
                l -> new Layer(l.parameters(), l.q(), other().k(), l.v(), l.out(), l.gate(), l.up(), l.down()));
        layer(
                "another layer's value matrix",
                "QKV",
                1,
                l -> new Layer(l.parameters(), l.q(), l.k(), other().v(), l.out(), l.gate(), l.up(), l.down()));
        layer(
                "another layer's output matrix",
                "OUT_PROJECTION",
                1,
                l -> new Layer(l.parameters(), l.q(), l.k(), l.v(), other().out(), l.gate(), l.up(), l.down()));
        layer(
                "another layer's gate matrix",
                "GATE_UP",
                1,
                l -> new Layer(l.parameters(), l.q(), l.k(), l.v(), l.out(), other().gate(), l.up(), l.down()));
        layer(
                "another layer's up matrix",
                "GATE_UP",
                1,
                l -> new Layer(l.parameters(), l.q(), l.k(), l.v(), l.out(), l.gate(), other().up(), l.down()));
        layer(
                "another layer's down matrix",
                "DOWN",
                1,
                l -> new Layer(l.parameters(), l.q(), l.k(), l.v(), l.out(), l.gate(), l.up(), other().down()));
        kernels("an output matrix with its rows in another order", "LOGITS", () -> new Rows(scene.model.output()));
        runs("two layers swapped", "QKV", () -> {
            List<Layer> layers = new ArrayList<>(scene.model.layers());
            layers.set(1, scene.model.layers().get(2));
            layers.set(2, scene.model.layers().get(1));
            return TestModels.forward(scene.model, layers, Backend.best());
        });
        layer("a smaller model: the last layer left out", "GATE_UP", 2, l -> {
            int hidden = scene.model.config().hidden();
            return with(l, scales(l.parameters(), new float[hidden], new float[hidden]));
        });
        layer("one row scale moved by one bit", "RESIDUAL", 1, l -> {
            float[] down = l.parameters().downScale().clone();
            down[3] = Math.nextUp(down[3]);
            return with(l, scales(l.parameters(), l.parameters().outScale(), down));
        });
        kernels(
                "one weight bit",
                "DOWN",
                () -> new OneBit(scene.model.layers().get(1).down()));
        kernels("another quantization: weights of 4 bits", "QKV", FourBits::new);
    }

    /** Reads a matrix's rows one further. */
    private static final class Rows extends ScalarKernels {
        private final long address;

        Rows(Matrix matrix) {
            this.address = matrix.weights().address();
        }

        @Override
        public void multiply(
                byte[] x, int xAt, int rows, int k, MemorySegment w, int from, int to, int[] y, int at, int stride) {
            super.multiply(x, xAt, rows, k, w, from, to, y, at, stride);
            if (w.address() == address) {
                int first = y[at + from];
                for (int n = from; n < to - 1; n++) {
                    y[at + n] = y[at + n + 1];
                }
                y[at + to - 1] = first;
            }
        }
    }

    /** Bit 0 of weight (7, 5) flipped. */
    private static final class OneBit extends ScalarKernels {
        private final long address;

        OneBit(Matrix matrix) {
            this.address = matrix.weights().address();
        }

        @Override
        public void multiply(
                byte[] x, int xAt, int rows, int k, MemorySegment w, int from, int to, int[] y, int at, int stride) {
            super.multiply(x, xAt, rows, k, w, from, to, y, at, stride);
            if (w.address() == address && from <= 7 && 7 < to) {
                int change = (w.get(ValueLayout.JAVA_BYTE, 7L * k + 5) & 1) == 0 ? 1 : -1;
                for (int r = 0; r < rows; r++) {
                    y[at + r * stride + 7] += x[xAt + r * k + 5] * change;
                }
            }
        }
    }

    private static final class FourBits extends ScalarKernels {
        @Override
        public void multiply(
                byte[] x, int xAt, int rows, int k, MemorySegment w, int from, int to, int[] y, int at, int stride) {
            byte[] rounded = w.asSlice(0, (long) to * k).toArray(ValueLayout.JAVA_BYTE);
            for (int i = from * k; i < rounded.length; i++) {
                rounded[i] = (byte) (rounded[i] & 0xF0);
            }
            super.multiply(x, xAt, rows, k, MemorySegment.ofArray(rounded), from, to, y, at, stride);
        }
    }

    /** Changes scores once they are computed: of the first head of layer 0, which stands first in a page. */
    private abstract static class Scores extends ScalarKernels {
        abstract void change(int[] s, int at, int count);

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
            if (offset == 0) {
                for (int i = 0; i < queries; i++) {
                    change(s, sOffset + i * sStride, blocks * KEY_BLOCK);
                }
            }
        }
    }

    private void attention() {
        family = "attention";
        kernels("a head that does not look at the first token", "SCORES", () -> new Scores() {
            @Override
            void change(int[] s, int at, int count) {
                s[at] = -1_000_000;
            }
        });
        kernels("a head that sees a window of eight tokens alone", "SCORES", () -> new Scores() {
            @Override
            void change(int[] s, int at, int count) {
                for (int j = 0; j < count - 8; j++) {
                    s[at + j] = -1_000_000;
                }
            }
        });
        kernels("a head that looks at all tokens alike", "SCORES", () -> new Scores() {
            @Override
            void change(int[] s, int at, int count) {
                java.util.Arrays.fill(s, at, at + count, 0);
            }
        });
        kernels("the queries of another head", "SCORES", () -> new ScalarKernels() {
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
                super.scores(q, qOffset, 0, queries, keys, offset, size, blocks, s, sOffset, sStride);
                if (queries > 1) {
                    int other = qOffset + (queries - 1) * qStride;
                    super.scores(q, other, 0, 1, keys, offset, size, blocks, s, sOffset, sStride);
                } else {
                    s[sOffset] += 1;
                }
            }
        });
        long values = 2L * KvCache.TOKENS * scene.model.config().kvDim(0);
        kernels("attention sums that leave out a value", "VALUES", () -> new ScalarKernels() {
            @Override
            public void values(
                    short[] u,
                    int uOffset,
                    int uStride,
                    int queries,
                    MemorySegment memory,
                    long offset,
                    int size,
                    int quads,
                    int[] high,
                    int[] low,
                    int outOffset,
                    int outStride) {
                super.values(
                        u, uOffset, uStride, queries, memory, offset, size, quads, high, low, outOffset, outStride);
                low[outOffset + 9] += offset == values ? 1 : 0;
            }
        });
        math("a sharper softmax", "VALUES", () -> new Softmax(1.001f));
        math(
                "a softmax without the head's size",
                "VALUES",
                () -> new Softmax((float) Math.sqrt(scene.model.config().headDim())));
    }

    private static final class Softmax extends ScalarMath {
        private final float factor;

        Softmax(float factor) {
            this.factor = factor;
        }

        @Override
        public float attentionWeights(
                int[] s,
                int sOffset,
                int n,
                float c,
                float cap,
                float sink,
                float[] sk,
                int kOffset,
                float[] sv,
                int vOffset,
                short[] u,
                int uOffset) {
            return super.attentionWeights(s, sOffset, n, c * factor, cap, sink, sk, kOffset, sv, vOffset, u, uOffset);
        }
    }

    private void arithmetic() {
        family = "arithmetic";
        math("another eps in the norms", "KV_ROWS", () -> new ScalarMath() {
            @Override
            public void rmsNorm(float[] x, int xOffset, float[] gain, int n, float eps, float[] y, int yOffset) {
                super.rmsNorm(x, xOffset, gain, n, eps * 1000, y, yOffset);
            }
        });
        math("no norm at all", "QKV", () -> new ScalarMath() {
            @Override
            public void rmsNorm(float[] x, int xOffset, float[] gain, int n, float eps, float[] y, int yOffset) {
                System.arraycopy(x, xOffset, y, yOffset, n);
            }
        });
        math("positions off by one in rope", "KV_ROWS", () -> new ScalarMath() {
            @Override
            public void rope(float[] x, int xOffset, int size, float[] cos, float[] sin, int tOffset) {
                super.rope(x, xOffset, size, cos, sin, Math.max(0, tOffset - size / 2));
            }
        });
        math("another rope: cosine and sine swapped", "KV_ROWS", () -> new ScalarMath() {
            @Override
            public void rope(float[] x, int xOffset, int size, float[] cos, float[] sin, int tOffset) {
                super.rope(x, xOffset, size, sin, cos, tOffset);
            }
        });
        math("activations of 7 bits", "QKV", () -> new ScalarMath() {
            @Override
            public float quantizeRow(float[] x, int xOffset, int n, byte[] q, int qOffset) {
                float s = super.quantizeRow(x, xOffset, n, q, qOffset);
                for (int i = qOffset; i < qOffset + n; i++) {
                    q[i] = (byte) (q[i] / 2 * 2);
                }
                return s;
            }
        });
        math("keys and queries of 11 bits", "KV_ROWS", () -> new ScalarMath() {
            @Override
            public float quantize12(float[] x, int xOffset, int n, short[] q, int qOffset) {
                float s = super.quantize12(x, xOffset, n, q, qOffset);
                for (int i = qOffset; i < qOffset + n; i++) {
                    q[i] = (short) (q[i] / 2 * 2);
                }
                return s;
            }
        });
        math("ReLU in place of SiLU", "DOWN", () -> new ScalarMath() {
            @Override
            public void siluMul(float[] gate, int gOffset, float[] up, int uOffset, int n, float[] out, int oOffset) {
                for (int i = 0; i < n; i++) {
                    out[oOffset + i] = Math.max(0, gate[gOffset + i]) * up[uOffset + i];
                }
            }
        });
        math("the residual not added", "GATE_UP", () -> new ScalarMath() {
            @Override
            public void add(float[] h, int hOffset, float[] y, int yOffset, int n) {
                System.arraycopy(y, yOffset, h, hOffset, n);
            }
        });
        math("fused multiply-add where the contract rounds twice", "RESIDUAL", () -> new ScalarMath() {
            @Override
            public void addProducts(
                    float[] h, int hOffset, int[] acc, int aOffset, int n, float s, float[] rowScale, float[] row) {
                for (int i = 0; i < n; i++) {
                    h[hOffset + i] = Math.fma((float) acc[aOffset + i], s * rowScale[i], h[hOffset + i]);
                }
            }
        });
    }
}
