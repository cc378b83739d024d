package io.plumbline.inference.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.plumbline.inference.kernels.ScalarKernels;
import io.plumbline.verifier.blake3.Hashing;
import io.plumbline.verifier.model.LayerParameters;
import io.plumbline.verifier.model.LayerSteps;
import io.plumbline.verifier.model.ModelConfig;
import io.plumbline.verifier.numerics.Constants;
import io.plumbline.verifier.numerics.Rope;
import io.plumbline.verifier.numerics.RopeTable;
import io.plumbline.verifier.numerics.ScalarMath;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.reflect.Field;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Every CUDA kernel's own source, run on the CPU in several orders of its threads, equals the specification to the bit. */
class CudaKernelsTest {
    private static final Path SOURCES = Path.of("../native/src/main/cuda");

    private final ScalarMath math = new ScalarMath();
    private Emulated gpu;

    @BeforeEach
    void open() {
        gpu = new Emulated();
    }

    @AfterEach
    void close() {
        gpu.close();
    }

    private static float[] floats(Random random, int n, double scale) {
        float[] values = new float[n];
        for (int i = 0; i < n; i++) {
            values[i] = (float) (random.nextGaussian() * scale * Math.exp(random.nextGaussian()));
        }
        return values;
    }

    private static int[] ints(Random random, int n, int bound) {
        return random.ints(n, -bound, bound + 1).toArray();
    }

    private static void same(float[] expected, MemorySegment found, String what) {
        float[] values = new float[expected.length];
        MemorySegment.copy(found, ValueLayout.JAVA_FLOAT, 0, values, 0, values.length);
        for (int i = 0; i < values.length; i++) {
            assertEquals(
                    Float.floatToRawIntBits(expected[i]), Float.floatToRawIntBits(values[i]), what + ", element " + i);
        }
    }

    private static void same(byte[] expected, MemorySegment found, String what) {
        assertArrayEquals(expected, found.asSlice(0, expected.length).toArray(ValueLayout.JAVA_BYTE), what);
    }

    private static void same(short[] expected, MemorySegment found, String what) {
        assertArrayEquals(expected, found.asSlice(0, 2L * expected.length).toArray(ValueLayout.JAVA_SHORT), what);
    }

    private static void same(int[] expected, MemorySegment found, String what) {
        assertArrayEquals(expected, found.asSlice(0, 4L * expected.length).toArray(ValueLayout.JAVA_INT), what);
    }

    @Test
    void constantsAreThoseOfTheContract() throws Exception {
        String source = Files.readString(SOURCES.resolve("exact.cuh"));
        Matcher matcher =
                Pattern.compile("constexpr (?:float|int) (\\w+) = ([^;]+);").matcher(source);
        int compared = 0;
        while (matcher.find()) {
            Field field;
            try {
                field = Constants.class.getDeclaredField(matcher.group(1));
            } catch (NoSuchFieldException e) {
                continue;
            }
            field.setAccessible(true);
            double value = Double.parseDouble(matcher.group(2));
            assertEquals(((Number) field.get(null)).doubleValue(), value, 0.0, matcher.group(1));
            compared++;
        }
        assertEquals(11, compared, "LANES, TINY, LOG2E, two of LN2, five of E, EXP_FLOOR");
    }

    @Test
    void theEmulatorFindsAMissingBarrierAndADeadlock() {
        int[] expected = new int[64];
        for (int i = 0; i < 64; i++) {
            expected[i] = 64 - i;
        }
        boolean differs = false;
        for (long order : Emulated.ORDERS) {
            MemorySegment out = gpu.of(new int[64]);
            gpu.run("broken_race", 1, 1, 64, 0, order, out);
            differs |= !Arrays.equals(expected, out.toArray(ValueLayout.JAVA_INT));
        }
        assertTrue(differs, "a race shows under some order");
        assertNotEquals(0, gpu.launch("broken_barrier", 1, 1, 32, 0, 0, gpu.of(new int[32])));
        assertTrue(gpu.error().contains("deadlock"), gpu.error());
    }

    @Test
    void rowsAreNormedAndQuantized() {
        Random random = new Random(1);
        for (int n : new int[] {1, 3, 64, 255, 256, 257, 1000, 2049}) {
            int rows = 3;
            float[] h = floats(random, rows * n, 3);
            Arrays.fill(h, n, 2 * n, 0f);
            float[] gain = floats(random, n, 1);
            byte[] expected = new byte[rows * n];
            byte[] plain = new byte[rows * n];
            float[] scales = new float[rows];
            float[] plainScales = new float[rows];
            float[] row = new float[n];
            for (int r = 0; r < rows; r++) {
                math.rmsNorm(h, r * n, gain, n, 1e-5f, row, 0);
                scales[r] = math.quantizeRow(row, 0, n, expected, r * n);
                plainScales[r] = math.quantizeRow(h, r * n, n, plain, r * n);
            }
            for (long order : Emulated.ORDERS) {
                MemorySegment x = gpu.memory(rows * n);
                MemorySegment s = gpu.memory(4L * rows);
                MemorySegment status = gpu.of(new int[1]);
                gpu.run("norm_quantize", rows, 1, 256, 0, order, gpu.of(h), gpu.of(gain), n, 1e-5f, x, s, status);
                same(expected, x, "norm_quantize of " + n);
                same(scales, s, "its scales");
                gpu.run("quantize_rows", rows, 1, 256, 0, order, gpu.of(h), n, x, s, status);
                same(plain, x, "quantize_rows of " + n);
                same(plainScales, s, "its scales");
                assertEquals(0, status.get(ValueLayout.JAVA_INT, 0));
            }
            for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY}) {
                float[] broken = h.clone();
                broken[2 * n + n / 2] = bad;
                MemorySegment status = gpu.of(new int[1]);
                gpu.run(
                        "quantize_rows",
                        rows,
                        1,
                        256,
                        0,
                        0,
                        gpu.of(broken),
                        n,
                        gpu.memory(rows * n),
                        gpu.memory(12),
                        status);
                assertEquals(1, status.get(ValueLayout.JAVA_INT, 0), "a row that cannot be run exactly is reported");
            }
        }
    }

    @Test
    void headsAreSplitAsTheSpecificationSplitsThem() {
        for (int size : new int[] {2, 16, 64, 80, 128, 256}) {
            for (int variant = 0; variant < 4; variant++) {
                heads(size, variant % 2 == 1, variant >= 2);
            }
        }
    }

    private void heads(int size, boolean bias, boolean norm) {
        Random random = new Random(size * 7L + (bias ? 1 : 0) + (norm ? 2 : 0));
        ModelConfig c = new ModelConfig(32, 1, 4, 2, size, 32, 8, 64, 1e-6f, Rope.plain(10_000), bias, norm);
        RopeTable rope = RopeTable.of(64, size, c.rope());
        int rows = 3;
        int[] positions = {5, 0, 63};
        int[] y = ints(random, rows * c.qkvDim(), 100_000);
        float[] in = {0.013f, 0f, 2f};
        LayerParameters p = new LayerParameters(
                null,
                null,
                floats(random, c.qkvDim(), 0.01),
                null,
                null,
                null,
                bias ? floats(random, c.qkvDim(), 5) : null,
                norm ? floats(random, size, 1) : null,
                norm ? floats(random, size, 1) : null);
        LayerSteps steps = new LayerSteps(c, rope, math);
        short[] q = new short[rows * c.queryDim()];
        short[] k = new short[rows * c.kvDim()];
        byte[] v = new byte[rows * c.kvDim()];
        float[] sq = new float[rows * 4];
        float[] sk = new float[rows * 2];
        float[] sv = new float[rows * 2];
        for (int r = 0; r < rows; r++) {
            int kv = r * c.kvDim();
            steps.heads(
                    p,
                    positions[r],
                    y,
                    r * c.qkvDim(),
                    in[r],
                    q,
                    r * c.queryDim(),
                    sq,
                    r * 4,
                    k,
                    kv,
                    sk,
                    r * 2,
                    v,
                    kv,
                    sv,
                    r * 2);
        }
        for (long order : Emulated.ORDERS) {
            MemorySegment dq = gpu.memory(2L * q.length);
            MemorySegment dk = gpu.memory(2L * k.length);
            MemorySegment dv = gpu.memory(v.length);
            MemorySegment dsq = gpu.memory(4L * sq.length);
            MemorySegment dsk = gpu.memory(4L * sk.length);
            MemorySegment dsv = gpu.memory(4L * sv.length);
            gpu.run(
                    "split_heads",
                    8,
                    rows,
                    256,
                    0,
                    order,
                    gpu.of(y),
                    gpu.of(in),
                    gpu.of(p.qkvScale()),
                    bias ? gpu.of(p.qkvBias()) : null,
                    norm ? gpu.of(p.queryGain()) : null,
                    norm ? gpu.of(p.keyGain()) : null,
                    c.eps(),
                    gpu.of(rope.cos()),
                    gpu.of(rope.sin()),
                    gpu.of(positions),
                    4,
                    2,
                    size,
                    dq,
                    dsq,
                    dk,
                    dsk,
                    dv,
                    dsv,
                    gpu.of(new int[1]));
            String what = "head size " + size + (bias ? ", bias" : "") + (norm ? ", qk-norm" : "");
            same(q, dq, what + ": q");
            same(k, dk, what + ": k");
            same(v, dv, what + ": v");
            same(sq, dsq, what + ": sq");
            same(sk, dsk, what + ": sk");
            same(sv, dsv, what + ": sv");
        }
    }

    @Test
    void residualsGatesAndLogits() {
        Random random = new Random(4);
        for (int n : new int[] {1, 64, 300, 1030}) {
            int rows = 2;
            int[] y = ints(random, rows * 2 * n, 1_000_000);
            float[] in = {0.02f, 0.5f};
            float[] rowScale = floats(random, 2 * n, 0.001);
            float[] h = floats(random, rows * n, 2);
            float[] expectedH = h.clone();
            byte[] x = new byte[rows * n];
            float[] s = new float[rows];
            float[] wide = new float[2 * n];
            float[] gated = new float[n];
            float[] logits = new float[rows * n];
            int[] best = new int[rows];
            for (int r = 0; r < rows && n > 64; r++) {
                // Two equal logits, above all others.
                y[r * n + 70] = y[r * n + 7] = 2_000_000;
                rowScale[70] = rowScale[7] = 10f;
            }
            for (int r = 0; r < rows; r++) {
                math.dequantize(y, r * n, n, in[r], rowScale, null, logits, r * n);
                math.dequantize(y, r * 2 * n, 2 * n, in[r], rowScale, null, wide, 0);
                math.siluMul(wide, 0, wide, n, n, gated, 0);
                s[r] = math.quantizeRow(gated, 0, n, x, r * n);
                math.add(expectedH, r * n, logits, r * n, n);
                for (int i = 0; i < n; i++) {
                    best[r] = logits[r * n + i] > logits[r * n + best[r]] ? i : best[r];
                }
            }
            for (long order : Emulated.ORDERS) {
                MemorySegment dy = gpu.of(y);
                MemorySegment dh = gpu.of(h);
                gpu.run("add_residual", (n + 255) / 256, rows, 256, 0, order, dh, dy, gpu.of(in), gpu.of(rowScale), n);
                same(expectedH, dh, "add_residual of " + n);
                MemorySegment dx = gpu.memory(rows * n);
                MemorySegment ds = gpu.memory(8);
                gpu.run(
                        "gate_quantize",
                        rows,
                        1,
                        256,
                        4 * n,
                        order,
                        dy,
                        gpu.of(in),
                        gpu.of(rowScale),
                        n,
                        dx,
                        ds,
                        gpu.of(new int[1]));
                same(x, dx, "gate_quantize of " + n);
                same(s, ds, "its scales");
                MemorySegment dl = gpu.memory(4L * rows * n);
                MemorySegment db = gpu.memory(8);
                gpu.run("logits_argmax", rows, 1, 256, 0, order, dy, gpu.of(in), gpu.of(rowScale), n, dl, db);
                same(logits, dl, "logits of " + n);
                same(best, db, "greedy choice of " + n + ", the lowest of equals");
            }
        }
    }

    @Test
    void productsAreExactAtOddShapes() {
        ScalarKernels scalar = new ScalarKernels();
        Random random = new Random(5);
        int[][] shapes = {
            {1, 16, 1}, {7, 48, 2}, {33, 100, 4}, {70, 528, 8}, {65, 17, 1}, {64, 64, 64}, {130, 96, 70}, {9, 37, 66}
        };
        for (int[] shape : shapes) {
            int n = shape[0];
            int k = shape[1];
            int rows = shape[2];
            byte[] w = new byte[n * k];
            byte[] x = new byte[rows * k];
            random.nextBytes(w);
            random.nextBytes(x);
            w[0] = -128;
            for (int i = 0; i < x.length; i++) {
                x[i] = x[i] == -128 ? -127 : x[i];
            }
            int[] expected = new int[rows * n];
            scalar.multiply(x, rows, k, MemorySegment.ofArray(w), 0, n, expected, 0, n);
            for (long order : Emulated.ORDERS) {
                MemorySegment y = gpu.memory(4L * rows * n);
                if (rows <= 8) {
                    gpu.run("gemv_" + rows, (n + 3) / 4, 1, 128, 0, order, gpu.of(x), gpu.of(w), y, n, k);
                    same(expected, y, "gemv " + Arrays.toString(shape));
                    y.fill((byte) 0);
                }
                gpu.run(
                        "gemm_mma",
                        (n + 63) / 64,
                        (rows + 63) / 64,
                        128,
                        0,
                        order,
                        gpu.of(x),
                        rows,
                        gpu.of(w),
                        y,
                        n,
                        k);
                same(expected, y, "gemm " + Arrays.toString(shape));
            }
        }
    }

    /** One page of keys and values as the device has it. */
    private static byte[] page(ModelConfig c, short[] k, byte[] v, float[] sk, float[] sv, int first, int tokens) {
        int size = c.headDim();
        ByteBuffer page = ByteBuffer.allocate(64 * c.kvHeads() * (3 * size + 8)).order(ByteOrder.LITTLE_ENDIAN);
        for (int t = 0; t < tokens; t++) {
            for (int g = 0; g < c.kvHeads(); g++) {
                for (int i = 0; i < size; i++) {
                    int at = (first + t) * c.kvDim() + g * size + i;
                    page.putShort(2 * ((g * 64 + t) * size + i), k[at]);
                    page.put(2 * 64 * c.kvDim() + (g * 64 + t) * size + i, v[at]);
                }
                int scales = 3 * 64 * c.kvDim();
                page.putFloat(scales + 4 * (g * 64 + t), sk[(first + t) * c.kvHeads() + g]);
                page.putFloat(scales + 4 * (64 * c.kvHeads() + g * 64 + t), sv[(first + t) * c.kvHeads() + g]);
            }
        }
        return page.array();
    }

    @Test
    void attentionOverPages() {
        for (int size : new int[] {2, 16, 64, 128, 256}) {
            for (int context : new int[] {1, 5, 64, 65, 150}) {
                attention(size, context, size == 16);
            }
        }
    }

    private void attention(int size, int context, boolean zeroValues) {
        Random random = new Random(size * 1000L + context);
        ModelConfig c = new ModelConfig(32, 1, 4, 2, size, 32, 8, 256, 1e-6f, Rope.plain(10_000), false, false);
        int rows = Math.min(2, context);
        short[] q = new short[rows * c.queryDim()];
        short[] k = new short[context * c.kvDim()];
        byte[] v = new byte[context * c.kvDim()];
        for (int i = 0; i < q.length; i++) {
            q[i] = (short) (random.nextInt(4095) - 2047);
        }
        for (int i = 0; i < k.length; i++) {
            k[i] = (short) (random.nextInt(4095) - 2047);
            v[i] = (byte) (random.nextInt(255) - 127);
        }
        float[] sq = {1e-3f, 2e-3f, 5e-4f, 0f, 1e-3f, 2e-3f, 5e-4f, 3e-3f};
        float[] sk = floats(random, context * 2, 1e-3);
        float[] sv = new float[context * 2];
        for (int i = 0; i < sv.length; i++) {
            sk[i] = Math.abs(sk[i]);
            sv[i] = zeroValues ? 0 : Math.abs((float) random.nextGaussian());
        }
        float root = 1f / (float) Math.sqrt(size);
        float[] expected = new float[rows * c.queryDim()];
        for (int r = 0; r < rows; r++) {
            int n = context - rows + r + 1;
            for (int head = 0; head < 4; head++) {
                expectedHead(c, q, r, head, k, v, n, sq[r * 4 + head] * root, sk, sv, expected);
            }
        }
        int pages = (context + 63) / 64;
        MemorySegment table = gpu.memory(8L * pages);
        for (int p = 0; p < pages; p++) {
            MemorySegment memory = gpu.of(page(c, k, v, sk, sv, p * 64, Math.min(64, context - p * 64)));
            table.setAtIndex(ValueLayout.ADDRESS, p, memory);
        }
        MemorySegment tables = gpu.memory(16);
        int[] positions = new int[rows];
        for (int r = 0; r < rows; r++) {
            tables.setAtIndex(ValueLayout.ADDRESS, r, table);
            positions[r] = context - rows + r;
        }
        for (long order : Emulated.ORDERS) {
            MemorySegment out = gpu.memory(4L * expected.length);
            MemorySegment status = gpu.of(new int[1]);
            gpu.run(
                    "attend",
                    4,
                    rows,
                    128,
                    0,
                    order,
                    gpu.of(q),
                    gpu.of(sq),
                    tables,
                    gpu.of(positions),
                    root,
                    4,
                    2,
                    size,
                    gpu.memory(4L * rows * 4 * pages * 64),
                    gpu.memory(2L * rows * 4 * pages * 64),
                    pages * 64,
                    out,
                    status);
            same(expected, out, "attention, head size " + size + ", context " + context);
            assertEquals(0, status.get(ValueLayout.JAVA_INT, 0));
        }
    }

    private void expectedHead(
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
        int g = head / 2;
        int[] s = new int[n];
        float[] keyScales = new float[n];
        float[] valueScales = new float[n];
        for (int j = 0; j < n; j++) {
            for (int i = 0; i < size; i++) {
                s[j] += q[(r * 4 + head) * size + i] * k[j * c.kvDim() + g * size + i];
            }
            keyScales[j] = sk[j * 2 + g];
            valueScales[j] = sv[j * 2 + g];
        }
        short[] u = new short[n];
        float factor = math.attentionWeights(s, 0, n, scale, keyScales, 0, valueScales, 0, u, 0);
        int[] high = new int[size];
        int[] low = new int[size];
        for (int j = 0; j < n; j++) {
            for (int i = 0; i < size; i++) {
                high[i] += (u[j] >> 8) * v[j * c.kvDim() + g * size + i];
                low[i] += (u[j] & 255) * v[j * c.kvDim() + g * size + i];
            }
        }
        math.attentionOutput(high, low, 0, size, factor, out, (r * 4 + head) * size);
    }

    @Test
    void newRowsGoToTheirPagesAndTheTraceIsHashedWhereItIs() {
        Random random = new Random(8);
        ModelConfig c = new ModelConfig(100, 1, 4, 2, 16, 32, 8, 256, 1e-6f, Rope.plain(10_000), false, false);
        int rows = 5;
        short[] k = new short[rows * c.kvDim()];
        byte[] v = new byte[rows * c.kvDim()];
        for (int i = 0; i < k.length; i++) {
            k[i] = (short) (random.nextInt(4095) - 2047);
            v[i] = (byte) random.nextInt();
        }
        float[] sk = floats(random, rows * 2, 1);
        float[] sv = floats(random, rows * 2, 1);
        byte[] expectedPage = page(c, k, v, sk, sv, 0, rows);
        MemorySegment page = gpu.memory(expectedPage.length);
        MemorySegment pages = gpu.memory(8L * rows);
        int[] slots = new int[rows];
        for (int r = 0; r < rows; r++) {
            pages.setAtIndex(ValueLayout.ADDRESS, r, page);
            slots[r] = r;
        }
        gpu.run(
                "store_rows",
                rows,
                1,
                128,
                0,
                42,
                gpu.of(k),
                gpu.of(v),
                gpu.of(sk),
                gpu.of(sv),
                pages,
                gpu.of(slots),
                2,
                16);
        same(expectedPage, page, "a page with " + rows + " rows");

        float[] h = floats(random, rows * 100, 1);
        int record = 1024;
        ByteBuffer records = ByteBuffer.allocate(rows * record).order(ByteOrder.LITTLE_ENDIAN);
        for (int r = 0; r < rows; r++) {
            records.position(r * record);
            for (int i = 0; i < 100; i++) {
                records.putFloat(h[r * 100 + i]);
            }
            for (int i = 0; i < c.kvDim(); i++) {
                records.putShort(k[r * c.kvDim() + i]);
            }
            records.put(v, r * c.kvDim(), c.kvDim());
            for (float scale : new float[] {sk[2 * r], sk[2 * r + 1], sv[2 * r], sv[2 * r + 1]}) {
                records.putFloat(scale);
            }
        }
        MemorySegment out = gpu.memory(rows * record);
        gpu.run(
                "trace_records",
                rows,
                1,
                128,
                0,
                43,
                gpu.of(h),
                gpu.of(k),
                gpu.of(v),
                gpu.of(sk),
                gpu.of(sv),
                100,
                c.kvDim(),
                2,
                record,
                out);
        same(records.array(), out, "records");

        byte[] key = new byte[32];
        random.nextBytes(key);
        int[] words = new int[8];
        ByteBuffer.wrap(key).order(ByteOrder.LITTLE_ENDIAN).asIntBuffer().get(words);
        long[] indices = {7, 0x1_0000_0001L, 3, 0, 99};
        int[] expected = new int[rows * 8];
        new Hashing(key).chunks(MemorySegment.ofArray(records.array()), rows, indices, expected);
        int keyed = 16;
        for (long order : Emulated.ORDERS) {
            MemorySegment cvs = gpu.memory(4L * rows * 8);
            gpu.run("hash_chunks", 1, 1, 128, 0, order, out, rows, gpu.of(words), keyed, gpu.of(indices), cvs);
            same(expected, cvs, "chaining values");
        }
    }

    @Test
    void theFatbinHoldsEveryKernel() throws IOException {
        try (InputStream in = CudaKernelsTest.class.getResourceAsStream("/io/plumbline/native/cuda/plumbline.fatbin")) {
            assumeTrue(in != null, "Skipped: the fatbin was not built (no nvcc here)");
            byte[] bytes = in.readAllBytes();
            assertTrue(bytes.length > 100_000, "six architectures and PTX");
            assertFalse(
                    new String(bytes, StandardCharsets.ISO_8859_1).contains("broken_race"), "test kernels stay out");
        }
    }
}
