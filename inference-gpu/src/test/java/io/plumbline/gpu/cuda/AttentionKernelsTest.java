package io.plumbline.gpu.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.plumbline.gpu.cuda.Gpu.Buffer;
import io.plumbline.verifier.model.ModelConfig;
import io.plumbline.verifier.numerics.Rope;
import io.plumbline.verifier.numerics.ScalarMath;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Attention over pages, of prompts and of rows that decode, equals the specification to the bit. */
@Tag("slow")
class AttentionKernelsTest extends KernelTest {
    /**
     * Tokens {@code first} to {@code first + tokens} of rows into a page as the device has it, from slot {@code
     * slot}.
     */
    static void page(
            ModelConfig c,
            short[] k,
            byte[] v,
            float[] sk,
            float[] sv,
            int first,
            int tokens,
            int slot,
            byte[] bytes,
            int layer) {
        int size = c.headDim();
        ByteBuffer page = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        int plane = 64 * c.kvDim(0);
        for (int t = 0; t < tokens; t++) {
            int at = slot + t;
            for (int g = 0; g < c.kvHeads(); g++) {
                for (int i = 0; i < size; i++) {
                    int from = (first + t) * c.kvDim(0) + g * size + i;
                    page.put(layer + (g * 64 + at) * size + i, (byte) (k[from] >> 4));
                    page.put(layer + plane + (g * 64 + at) * size + i, (byte) (k[from] & 15));
                    page.put(layer + 2 * plane + (g * size + i) * 64 + at, v[from]);
                }
                int scales = layer + 3 * plane;
                page.putFloat(scales + 4 * (g * 64 + at), sk[(first + t) * c.kvHeads() + g]);
                page.putFloat(scales + 4 * (64 * c.kvHeads() + g * 64 + at), sv[(first + t) * c.kvHeads() + g]);
            }
        }
    }

    @Test
    void attentionOverPages() {
        for (int size : new int[] {2, 8, 16, 64, 80, 128, 256}) {
            for (int context : new int[] {1, 5, 64, 65, 150}) {
                attention(size, context, 2, 4, size == 16);
            }
        }
        attention(32, 130, 1, 9, false);
        attention(16, 70, 2, 14, false);
        attention(16, 40, 1, 64, false);
    }

    @Test
    void attentionOverPagesByHoppersOwnInstruction() {
        gpu.close();
        gpu = Gpu.openHopper();
        for (int size : new int[] {16, 64, 80, 128}) {
            for (int context : new int[] {1, 64, 65, 150}) {
                attention(size, context, 2, 4, size == 16);
            }
        }
        attention(32, 130, 1, 9, false);
        attention(128, 40, 1, 64, false);
        // Both halves of a tile have rows, which see the page that they end in, and the one before, in part or whole.
        for (int size : new int[] {48, 64, 112, 128}) {
            for (int context : new int[] {10, 66, 133, 197, 256}) {
                attention(size, context, 1, 16, false);
            }
        }
    }

    /** In a page that all rows see whole, and in the one that they end in. */
    @ParameterizedTest
    @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY})
    void attentionTellsOfWhatIsNotFinite(float scale) {
        gpu.close();
        gpu = Gpu.openHopper();
        for (int size : new int[] {64, 128}) {
            for (int key : new int[] {0, 63, 64, 127, 130}) {
                attention(size, 140, 1, 16, false, 3, key, scale);
            }
        }
    }

    /**
     * Contexts over many pages, shared among more blocks than there are pages and fewer. The longest ones are for
     * real GPUs.
     */
    @Tag("long")
    @ParameterizedTest
    @ValueSource(ints = {700, 1025, 4096, 16_384, 65_536})
    void attentionOverLongContexts(int context) {
        assumeTrue(Gpu.isReal() || context <= 1025, "Skipped: too long for the emulated GPU");
        attention(128, context, 1, 4, false, 3);
        attention(64, context, 2, 4, false, 64);
        if (!Gpu.isReal()) {
            gpu.close();
            gpu = Gpu.openHopper();
            attention(128, context, 1, 4, false, 3);
        }
    }

    private void attention(int size, int context, int kvHeads, int heads, boolean zeroValues) {
        attention(size, context, kvHeads, heads, zeroValues, 1 + context % 3);
    }

    private void attention(int size, int context, int kvHeads, int heads, boolean zeroValues, int splits) {
        attention(size, context, kvHeads, heads, zeroValues, splits, -1, 0);
    }

    /**
     * @param badKey a key that has {@code badScale} for its scale, after what is expected is computed: attention must
     *     then say so; -1 where there is none.
     */
    private void attention(
            int size, int context, int kvHeads, int heads, boolean zeroValues, int splits, int badKey, float badScale) {
        Random random = new Random(size * 1000L + context);
        ModelConfig c = new ModelConfig(
                32, 2, heads, kvHeads, size, 32, 8, Math.max(256, context), 1e-6f, Rope.plain(10_000), false, false);
        String what = "attention, head size " + size + ", context " + context + ", " + heads + " of " + kvHeads;
        int rows = Math.min(11, context);
        short[] q = new short[rows * c.queryDim(0)];
        short[] k = new short[context * c.kvDim(0)];
        byte[] v = new byte[context * c.kvDim(0)];
        for (int i = 0; i < q.length; i++) {
            q[i] = (short) (random.nextInt(4095) - 2047);
        }
        for (int i = 0; i < k.length; i++) {
            k[i] = (short) (random.nextInt(4095) - 2047);
            v[i] = (byte) (random.nextInt(255) - 127);
        }
        float[] sq = floats(random, rows * heads, 1e-3);
        float[] sk = floats(random, context * kvHeads, 1e-3);
        float[] sv = new float[context * kvHeads];
        sq[sq.length / 2] = 0f;
        for (int i = 0; i < sv.length; i++) {
            sk[i] = Math.abs(sk[i]);
            sv[i] = zeroValues ? 0 : Math.abs((float) random.nextGaussian());
        }
        float root = 1f / (float) Math.sqrt(size);
        float[] expected = new float[rows * c.queryDim(0)];
        byte[] quantized = new byte[expected.length];
        float[] scales = new float[rows];
        int[] positions = new int[rows];
        for (int r = 0; r < rows; r++) {
            positions[r] = context - rows + r;
            for (int head = 0; head < heads; head++) {
                expectedHead(
                        math, c, q, r, head, k, v, positions[r] + 1, sq[r * heads + head] * root, sk, sv, expected);
            }
            scales[r] = math.quantizeRow(expected, r * c.queryDim(0), c.queryDim(0), quantized, r * c.queryDim(0));
        }
        if (badKey >= 0) {
            sk[badKey * kvHeads] = badScale;
        }
        int pages = (context + 63) / 64;
        int layer = 64 * kvHeads * (3 * size + 8);
        long[] list = new long[pages];
        for (int p = 0; p < pages; p++) {
            byte[] bytes = new byte[2 * layer];
            // Bytes behind the last token must not matter.
            random.nextBytes(bytes);
            page(c, k, v, sk, sv, p * 64, Math.min(64, context - p * 64), 0, bytes, layer);
            list[p] = gpu.of(bytes).address();
        }
        long[] tables = new long[rows];
        Arrays.fill(tables, gpu.of(list).address());
        Buffer dt = gpu.of(tables);
        Buffer dq = gpu.of(q);
        Buffer dsq = gpu.of(sq);
        Buffer dp = gpu.of(positions);
        int stride = pages * 64;
        int groups = kvHeads * ((heads / kvHeads + 7) / 8);
        int d = size <= 64 ? 64 : size <= 128 ? 128 : 256;
        for (long order : Gpu.ORDERS) {
            Buffer scores = gpu.memory(4L * rows * heads * stride);
            Buffer most = gpu.memory(4L * rows * heads * splits);
            Buffer mostScale = gpu.memory(4L * rows * heads * splits);
            Buffer den = gpu.of(new long[rows * heads]);
            Buffer high = gpu.of(ints(random, expected.length, 9));
            Buffer low = gpu.of(ints(random, expected.length, 9));
            Buffer status = gpu.of(new int[1]);
            long l = layer;
            gpu.run(
                    "attend_scores",
                    splits,
                    groups,
                    rows,
                    128,
                    0,
                    order,
                    dq,
                    dsq,
                    dt,
                    l,
                    dp,
                    root,
                    heads,
                    kvHeads,
                    size,
                    scores,
                    stride,
                    most,
                    mostScale,
                    den,
                    high,
                    low);
            gpu.run(
                    "attend_values",
                    splits,
                    groups,
                    rows,
                    128,
                    0,
                    order,
                    dsq,
                    dt,
                    l,
                    dp,
                    root,
                    heads,
                    kvHeads,
                    size,
                    scores,
                    stride,
                    most,
                    mostScale,
                    den,
                    high,
                    low,
                    status);
            Buffer x = gpu.memory(expected.length);
            Buffer scale = gpu.memory(4L * rows);
            gpu.run(
                    "attend_finish",
                    rows,
                    1,
                    1,
                    256,
                    4 * heads,
                    order,
                    mostScale,
                    splits,
                    dp,
                    den,
                    high,
                    low,
                    heads,
                    size,
                    x,
                    scale,
                    status);
            if (badKey < 0) {
                same(quantized, x, what + ", decoding");
                same(scales, scale, "its scales");
            }
            String tiled = "attend_tiles_" + d;
            String hopper = "attend_hopper_" + d;
            boolean hasHopper = gpu.driver().has(hopper) && size % 16 == 0;
            for (String kernel : hasHopper ? List.of(tiled, hopper) : List.of(tiled)) {
                int tileTokens = (kernel.equals(hopper) ? 128 : 64) / (heads / kvHeads);
                int tiles = (rows + tileTokens - 1) / tileTokens;
                int[] tileFirst = new int[tiles];
                int[] tileCount = new int[tiles];
                for (int i = 0; i < tiles; i++) {
                    tileFirst[i] = i * tileTokens;
                    tileCount[i] = Math.min(tileTokens, rows - i * tileTokens);
                }
                Buffer out = gpu.memory(4L * expected.length);
                Buffer told = badKey < 0 ? status : gpu.of(new int[1]);
                gpu.run(
                        kernel,
                        kvHeads,
                        tiles,
                        1,
                        kernel.equals(hopper) ? 256 : 128,
                        kernel.equals(hopper) ? Kernels.hopperAttentionShared(d) : Kernels.attentionShared(d),
                        order,
                        dq,
                        dsq,
                        dt,
                        l,
                        dp,
                        root,
                        heads,
                        kvHeads,
                        size,
                        gpu.of(tileFirst),
                        gpu.of(tileCount),
                        out,
                        told);
                if (badKey < 0) {
                    same(expected, out, what + ", " + kernel);
                } else {
                    assertEquals(1, first(told), what + ", " + kernel + ", key " + badKey + " is not finite");
                }
            }
            if (badKey < 0) {
                assertEquals(0, first(status));
            }
        }
    }

    /** Attention of one head of row {@code r} over the first {@code n} keys, by the specification. */
    static void expectedHead(
            ScalarMath math,
            ModelConfig c,
            short[] q,
            int r,
            int head,
            short[] k,
            byte[] v,
            int n,
            float scale,
            float[] sk,
            float[] sv,
            float[] out) {
        int size = c.headDim();
        int g = head / (c.heads() / c.kvHeads());
        int[] s = new int[n];
        float[] keyScales = new float[n];
        float[] valueScales = new float[n];
        for (int j = 0; j < n; j++) {
            for (int i = 0; i < size; i++) {
                s[j] += q[r * c.queryDim(0) + head * size + i] * k[j * c.kvDim(0) + g * size + i];
            }
            keyScales[j] = sk[j * c.kvHeads() + g];
            valueScales[j] = sv[j * c.kvHeads() + g];
        }
        short[] u = new short[n];
        float factor = math.attentionWeights(s, 0, n, scale, keyScales, 0, valueScales, 0, u, 0);
        int[] high = new int[size];
        int[] low = new int[size];
        for (int j = 0; j < n; j++) {
            for (int i = 0; i < size; i++) {
                high[i] += (u[j] >> 8) * v[j * c.kvDim(0) + g * size + i];
                low[i] += (u[j] & 255) * v[j * c.kvDim(0) + g * size + i];
            }
        }
        math.attentionOutput(high, low, 0, size, factor, out, r * c.queryDim(0) + head * size);
    }
}
