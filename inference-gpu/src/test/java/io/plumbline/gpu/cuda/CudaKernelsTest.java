package io.plumbline.gpu.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.plumbline.gpu.cuda.Gpu.Buffer;
import io.plumbline.inference.language.kernels.ScalarKernels;
import io.plumbline.inference.language.model.LoadedModel.Matrix;
import io.plumbline.verifier.blake3.Hashing;
import io.plumbline.verifier.blake3.Subtrees;
import io.plumbline.verifier.model.Embedding;
import io.plumbline.verifier.model.HeadRows;
import io.plumbline.verifier.model.LayerParameters;
import io.plumbline.verifier.model.LayerSteps;
import io.plumbline.verifier.model.ModelConfig;
import io.plumbline.verifier.model.RotaryTables;
import io.plumbline.verifier.numerics.Constants;
import io.plumbline.verifier.numerics.Rope;
import io.plumbline.verifier.numerics.RopeTable;
import io.plumbline.verifier.numerics.WeightFormat;
import io.plumbline.verifier.trace.TraceHasher;
import io.plumbline.verifier.trace.TraceLayout;
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
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Every CUDA kernel's own source, run on the CPU in several orders of its threads, equals the specification to the
 * bit.
 */
@Tag("slow")
class CudaKernelsTest extends KernelTest {
    private static final Path SOURCES = Path.of("../native/src/main/cuda");

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
    void theEmulatorFindsAMissingBarrierADeadlockAndAWriteBehindItsBuffer() {
        assumeFalse(Gpu.isReal(), "Skipped: the faults are the emulator's to find");
        int[] expected = new int[64];
        for (int i = 0; i < 64; i++) {
            expected[i] = 64 - i;
        }
        boolean differs = false;
        for (long order : Gpu.ORDERS) {
            Buffer out = gpu.of(new int[64]);
            gpu.run("broken_race", 1, 1, 1, 64, 0, order, out);
            differs |= !Arrays.equals(expected, gpu.read(out, 256).toArray(ValueLayout.JAVA_INT_UNALIGNED));
        }
        assertTrue(differs, "a race shows under some order");
        Buffer small = gpu.of(new int[32]);
        CudaException e = assertThrows(
                CudaException.class, () -> gpu.run("broken_barrier", 1, 1, 1, 32, 0, 0, small), "a deadlock ends");
        assertTrue(e.getMessage().contains("CUDA_ERROR_LAUNCH_FAILED (719"), e.getMessage());
        assertTrue(e.getMessage().contains("compute-sanitizer"), "says what to do: " + e.getMessage());
        Gpu.call("emu_forget_failure", -1);
        long short60 = gpu.driver().allocate(4 * 60);
        gpu.run("broken_race", 1, 1, 1, 64, 0, 0, short60);
        assertThrows(CudaException.class, () -> gpu.driver().free(short60), "a write behind an allocation");
        Gpu.call("emu_forget_failure", -1);
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
            for (long order : Gpu.ORDERS) {
                Buffer x = gpu.memory(rows * n);
                Buffer s = gpu.memory(4L * rows);
                Buffer status = gpu.of(new int[1]);
                Buffer zero = gpu.of(new int[] {7, 7, 7, 7, 7, 7, 7});
                Buffer dh = gpu.of(h);
                Buffer index = order == 1 ? gpu.of(new int[] {0, 1, 2}) : null;
                gpu.run(
                        "norm_quantize",
                        rows,
                        1,
                        1,
                        256,
                        0,
                        order,
                        dh,
                        index,
                        gpu.of(gain),
                        n,
                        1e-5f,
                        x,
                        s,
                        zero,
                        2,
                        status);
                same(expected, x, "norm_quantize of " + n);
                same(scales, s, "its scales");
                same(new int[] {0, 0, 0, 0, 0, 0, 7}, zero, "cleared for the next kernel");
                gpu.run("quantize_rows", rows, 1, 1, 256, 0, order, dh, n, x, s, status);
                same(plain, x, "quantize_rows of " + n);
                same(plainScales, s, "its scales");
                Buffer known = gpu.of(magnitudes(h, rows, n));
                x = gpu.memory(rows * n);
                gpu.run("quantize_known", (n + 1023) / 1024, rows, 1, 256, 0, order, dh, known, n, x, s, status);
                same(plain, x, "quantize_known of " + n);
                same(plainScales, s, "its scales");
                assertEquals(0, first(status));
            }
            for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY}) {
                float[] broken = h.clone();
                broken[2 * n + n / 2] = bad;
                Buffer status = gpu.of(new int[1]);
                gpu.run(
                        "quantize_rows",
                        rows,
                        1,
                        1,
                        256,
                        0,
                        0,
                        gpu.of(broken),
                        n,
                        gpu.memory(rows * n),
                        gpu.memory(12),
                        status);
                assertEquals(1, first(status), "a row that cannot be run exactly is reported");
            }
        }
    }

    private static int[] magnitudes(float[] h, int rows, int n) {
        int[] most = new int[rows];
        for (int i = 0; i < rows * n; i++) {
            most[i / n] = Math.max(most[i / n], Float.floatToRawIntBits(Math.abs(h[i])));
        }
        return most;
    }

    @Test
    void embeddingsAreWidenedExactly() {
        Random random = new Random(9);
        int vocab = 70_000 / 16;
        int hidden = 16;
        short[] halves = new short[vocab * hidden];
        for (int i = 0; i < halves.length; i++) {
            halves[i] = (short) i;
        }
        float[] floats = floats(random, 4 * hidden, 1);
        int rows = vocab;
        int[] tokens = java.util.stream.IntStream.range(0, rows).toArray();
        for (String type : List.of("BF16", "F16")) {
            float[] expected = new float[rows * hidden];
            Embedding.widen(MemorySegment.ofArray(halves), 0, type, expected.length, expected, 0);
            Buffer h = gpu.memory(4L * expected.length);
            gpu.run(
                    "embed_rows",
                    rows,
                    1,
                    1,
                    256,
                    0,
                    0,
                    gpu.of(tokens),
                    gpu.of(halves),
                    type.equals("BF16") ? 1 : 2,
                    hidden,
                    h);
            float[] found = gpu.read(h, 4L * expected.length).toArray(ValueLayout.JAVA_FLOAT_UNALIGNED);
            for (int i = 0; i < expected.length; i++) {
                boolean same = Float.isNaN(expected[i])
                        ? Float.isNaN(found[i])
                        : Float.floatToRawIntBits(expected[i]) == Float.floatToRawIntBits(found[i]);
                assertTrue(same, type + " " + Integer.toHexString(halves[i] & 0xFFFF) + ": " + found[i]);
            }
        }
        Buffer h = gpu.memory(8L * hidden);
        gpu.run("embed_rows", 2, 1, 1, 256, 0, 0, gpu.of(new int[] {3, 1}), gpu.of(floats), 0, hidden, h);
        same(Arrays.copyOfRange(floats, 3 * hidden, 4 * hidden), h, "f32");
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
        RotaryTables rotary = RotaryTables.of(c);
        RopeTable rope = rotary.full();
        int rows = 3;
        int[] positions = {5, 0, 63};
        int[] y = ints(random, rows * c.qkvDim(0), 100_000);
        float[] in = {0.013f, 0f, 2f};
        LayerParameters p = new LayerParameters(
                null,
                null,
                floats(random, c.qkvDim(0), 0.01),
                null,
                null,
                null,
                bias ? floats(random, c.qkvDim(0), 5) : null,
                norm ? floats(random, size, 1) : null,
                norm ? floats(random, size, 1) : null);
        LayerSteps steps = new LayerSteps(c, rotary, math);
        HeadRows heads = HeadRows.of(c, rows);
        for (int r = 0; r < rows; r++) {
            steps.heads(0, p, positions[r], y, r * c.qkvDim(0), in[r], heads, r);
        }
        short[] q = heads.q();
        short[] k = heads.k();
        byte[] v = heads.v();
        float[] sq = heads.sq();
        float[] sk = heads.sk();
        float[] sv = heads.sv();
        for (long order : Gpu.ORDERS) {
            Buffer dq = gpu.memory(2L * q.length);
            Buffer dk = gpu.memory(2L * k.length);
            Buffer dv = gpu.memory(v.length);
            Buffer dsq = gpu.memory(4L * sq.length);
            Buffer dsk = gpu.memory(4L * sk.length);
            Buffer dsv = gpu.memory(4L * sv.length);
            // Every row in a page of its own, in the second layer's part.
            int layer = 64 * 2 * (3 * size + 8);
            Buffer[] pages = {gpu.memory(2L * layer), gpu.memory(2L * layer), gpu.memory(2L * layer)};
            long[] tables = new long[rows];
            for (int r = 0; r < rows; r++) {
                tables[r] = gpu.of(new long[] {pages[r].address()}).address();
            }
            gpu.run(
                    size <= 128 ? "split_heads_128" : "split_heads_256",
                    1,
                    rows,
                    1,
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
                    gpu.of(tables),
                    (long) layer,
                    gpu.of(new int[1]));
            String what = "head size " + size + (bias ? ", bias" : "") + (norm ? ", qk-norm" : "");
            same(q, dq, what + ": q");
            same(k, dk, what + ": k");
            same(v, dv, what + ": v");
            same(sq, dsq, what + ": sq");
            same(sk, dsk, what + ": sk");
            same(sv, dsv, what + ": sv");
            for (int r = 0; r < rows; r++) {
                byte[] expected = new byte[2 * layer];
                AttentionKernelsTest.page(c, k, v, sk, sv, r, 1, positions[r], expected, layer);
                same(expected, pages[r], what + ": page of row " + r);
            }
        }
    }

    @Test
    void productsAreExactAtOddShapesAndBecomeWhatFollows() {
        int[][] shapes = {
            {1, 16, 1},
            {7, 48, 2},
            {33, 100, 3},
            {70, 528, 8},
            {65, 17, 5},
            {64, 64, 64},
            {130, 96, 70},
            {9, 37, 66},
            {40, 272, 20},
            {8, 16, 9},
            {129, 80, 129}
        };
        for (int[] shape : shapes) {
            products(shape[0], shape[1], shape[2]);
        }
    }

    /** The results that products of {@code n} weight rows and of the next {@code n} have in each way. */
    private final class Becoming {
        private final int rows;
        private final int n;
        private final int k;
        private final String what;
        private final int[] y;
        private final float[] in;
        private final float[] rowScale;
        private final float[] h;
        private final float[] sum;
        private final float[] gated;

        /** @param both the products, as the specification has them. */
        Becoming(Random random, int[] both, int rows, int n, int k, String what) {
            this.rows = rows;
            this.n = n;
            this.k = k;
            this.what = what;
            y = new int[rows * n];
            in = floats(random, rows, 0.01);
            rowScale = floats(random, 2 * n, 0.001);
            h = floats(random, rows * n, 2);
            sum = h.clone();
            gated = new float[rows * n];
            float[] wide = new float[2 * n];
            for (int r = 0; r < rows; r++) {
                System.arraycopy(both, r * 2 * n, y, r * n, n);
                math.dequantize(both, r * 2 * n, 2 * n, in[r], rowScale, null, wide, 0);
                math.siluMul(wide, 0, wide, n, n, gated, r * n);
                math.add(sum, r * n, wide, 0, n);
            }
        }

        void check(Products products, long x, DeviceMatrix w) {
            long scale = gpu.of(in).address();
            long scales = gpu.of(rowScale).address();
            Buffer dy = gpu.memory(4L * rows * n);
            products.store(gpu.launcher(), x, rows, w, n, k, dy.address());
            same(y, dy, "products of " + what);
            Buffer dh = gpu.of(h);
            products.residual(gpu.launcher(), x, rows, w, n, k, scale, scales, dh.address());
            same(sum, dh, "residual of " + what);
            Buffer dg = gpu.memory(4L * rows * n);
            Buffer dm = gpu.memory(4L * rows);
            products.gate(gpu.launcher(), x, rows, w, n, k, scale, scales, dg.address(), dm.address());
            same(gated, dg, "gated of " + what);
            same(magnitudes(gated, rows, n), dm, "their magnitudes of " + what);
        }
    }

    /** The width of the down projection of an 8B model, in every way that rows lead to. */
    @Tag("long")
    @Test
    void productsAreExactAtTheWidthOfALargeModel() {
        for (int rows : new int[] {1, 2, 4, 8, 33, 64, 65, 129}) {
            products(Gpu.isReal() ? 500 : 20, 14_336, rows, Gpu.isReal() ? Gpu.ORDERS : new long[] {42});
        }
    }

    private void products(int n, int k, int rows) {
        products(n, k, rows, Gpu.ORDERS);
    }

    private void products(int n, int k, int rows, long[] orders) {
        Random random = new Random(n * 31L + k * 7L + rows);
        String what = n + " by " + k + ", rows " + rows;
        byte[] w = new byte[2 * n * k];
        byte[] x = new byte[rows * k];
        random.nextBytes(w);
        random.nextBytes(x);
        w[0] = -128;
        for (int i = 0; i < x.length; i++) {
            x[i] = x[i] == -128 ? -127 : x[i];
        }
        int[] both = new int[rows * 2 * n];
        new ScalarKernels().multiply(x, 0, rows, k, MemorySegment.ofArray(w), 0, 2 * n, both, 0, 2 * n);
        Becoming becoming = new Becoming(random, both, rows, n, k, what);
        byte[] padded = Arrays.copyOf(x, (rows + 7) / 8 * 8 * k);
        for (Products.Way way : Products.Way.values()) {
            if (way == Products.Way.WGMMA && !gpu.driver().has(Probe.WGMMA)) {
                continue;
            }
            Owned owned = new Owned(gpu.driver());
            Products products = Products.by(way, gpu.driver()).in(gpu.driver(), owned, gpu.stream());
            for (long order : orders) {
                Gpu.call("emu_set_order", order);
                long dx = gpu.of(padded).address();
                DeviceMatrix dw = new DeviceMatrix(gpu.of(w).address());
                becoming.check(products, dx, dw);
            }
            owned.close();
        }
    }

    @ParameterizedTest
    @EnumSource(names = "INT8", mode = EnumSource.Mode.EXCLUDE)
    void productsWithWeightsOfFourBitsAreExact(WeightFormat format) {
        // Rows beyond eight go eight at a time; groups that no lane, each lane and some lanes have one more of.
        int[][] shapes = {{1, 32, 1}, {7, 96, 2}, {9, 1056, 3}, {6, 8224, 8}, {5, 9248, 5}, {4, 288, 19}, {20, 4192, 8}
        };
        for (int[] shape : shapes) {
            grouped(format, Products.Way.DOT, shape[0], shape[1], shape[2]);
            grouped(format, Products.Way.MMA, shape[0], shape[1], shape[2]);
        }
    }

    /** Every tile, with rows that fill it and rows that do not; with k in one block and shared among several. */
    @ParameterizedTest
    @EnumSource(names = "INT8", mode = EnumSource.Mode.EXCLUDE)
    void productsWithWeightsOfFourBitsAreExactByHoppersOwnInstruction(WeightFormat format) {
        gpu.close();
        gpu = Gpu.openHopper();
        int[][] shapes = {
            {7, 32, 2},
            {70, 544, 8},
            {33, 2080, 3},
            {64, 128, 16},
            {9, 1056, 11},
            {65, 2048, 32},
            {40, 96, 20},
            {130, 1120, 64},
            {20, 288, 33},
            {66, 1056, 128},
            {200, 640, 100},
            {24, 160, 257}
        };
        for (int[] shape : shapes) {
            grouped(format, Products.Way.WGMMA, shape[0], shape[1], shape[2]);
        }
    }

    /** The greatest factors, codes and inputs that the contract allows, of one sign and of the other. */
    @ParameterizedTest
    @EnumSource(names = "INT8", mode = EnumSource.Mode.EXCLUDE)
    void theGreatestProductsWithWeightsOfFourBitsAreExact(WeightFormat format) {
        gpu.close();
        gpu = Gpu.openHopper();
        int n = 12;
        for (int k : new int[] {512, 14_336}) {
            for (int rows : new int[] {1, 8, 32, 64, 128}) {
                Random random = new Random(k + rows);
                int rowBytes = format.rowBytes(k);
                int most = Math.min(WeightFormat.MOST_FACTOR, format.mostFactorSum() / (k / WeightFormat.GROUP));
                byte[] w = new byte[2 * n * rowBytes];
                byte[] codes = format.codes();
                for (int i = 0; i < 2 * n; i++) {
                    int greatest = 0;
                    for (int c = 1; c < codes.length; c++) {
                        greatest = Math.abs(codes[c]) > Math.abs(codes[greatest]) ? c : greatest;
                    }
                    Arrays.fill(w, i * rowBytes, i * rowBytes + k / 2, (byte) (greatest * 17));
                    Arrays.fill(w, i * rowBytes + k / 2, (i + 1) * rowBytes, (byte) (i % 2 == 0 ? most : -most));
                }
                byte[] x = new byte[(rows + 7) / 8 * 8 * k];
                for (int r = 0; r < rows; r++) {
                    Arrays.fill(x, r * k, (r + 1) * k, (byte) (random.nextBoolean() ? 127 : -127));
                }
                grouped(
                        new Grouped(format, Products.Way.WGMMA, n, k, rows),
                        w,
                        x,
                        random,
                        Gpu.isReal() ? Gpu.ORDERS : new long[] {0});
            }
        }
    }

    private record Grouped(WeightFormat format, Products.Way way, int n, int k, int rows) {}

    private void grouped(WeightFormat format, Products.Way way, int n, int k, int rows) {
        Random random = new Random(n * 31L + k * 7L + rows);
        int rowBytes = format.rowBytes(k);
        byte[] w = new byte[2 * n * rowBytes];
        random.nextBytes(w);
        int most = Math.min(WeightFormat.MOST_FACTOR, format.mostFactorSum() / (k / WeightFormat.GROUP));
        for (int i = 0; i < 2 * n; i++) {
            for (int g = k / 2; g < rowBytes; g++) {
                int factor = 1 + random.nextInt(most);
                w[i * rowBytes + g] = (byte) (random.nextBoolean() ? factor : -factor);
            }
        }
        byte[] x = new byte[(rows + 7) / 8 * 8 * k];
        random.nextBytes(x);
        for (int i = 0; i < x.length; i++) {
            x[i] = x[i] == -128 ? -127 : x[i];
        }
        long[] orders = way == Products.Way.WGMMA && !Gpu.isReal() ? new long[] {0, 43} : Gpu.ORDERS;
        grouped(new Grouped(format, way, n, k, rows), w, x, random, orders);
    }

    private void grouped(Grouped of, byte[] w, byte[] x, Random random, long[] orders) {
        WeightFormat format = of.format();
        int n = of.n();
        int k = of.k();
        int rows = of.rows();
        Matrix matrix = new Matrix(MemorySegment.ofArray(w), format, 2 * n, k);
        byte[] indices = new byte[2 * n * GroupedRows.indexBytes(k)];
        byte[] heads = new byte[2 * n * GroupedRows.headBytes(k)];
        GroupedRows.copyIndices(matrix, 0, MemorySegment.ofArray(indices));
        GroupedRows.copyHeads(matrix, 0, MemorySegment.ofArray(heads));
        int[] both = new int[rows * 2 * n];
        new ScalarKernels().multiplyGrouped(x, 0, rows, k, matrix.weights(), format, 0, 2 * n, both, 0, 2 * n);
        Becoming becoming = new Becoming(random, both, rows, n, k, of.toString());
        Owned owned = new Owned(gpu.driver());
        Products products = Products.by(of.way(), gpu.driver()).in(gpu.driver(), owned, gpu.stream());
        for (long order : orders) {
            Gpu.call("emu_set_order", order);
            long dx = gpu.of(x).address();
            DeviceMatrix dw =
                    new DeviceMatrix(gpu.of(indices).address(), gpu.of(heads).address());
            becoming.check(products, dx, dw);
        }
        owned.close();
    }

    /** Every tile, with rows that fill it and rows that do not, with k in one block and shared among several. */
    @Test
    void productsAreExactByHoppersOwnInstruction() {
        gpu.close();
        gpu = Gpu.openHopper();
        int[][] shapes = {
            {7, 48, 2},
            {70, 528, 8},
            {64, 128, 16},
            {65, 2064, 11},
            {9, 37, 66},
            {129, 80, 129},
            {130, 1040, 31},
            {40, 272, 64},
            {200, 1600, 70},
            {70, 1104, 33},
            {131, 1072, 20},
            {300, 1104, 131},
            {24, 144, 257}
        };
        for (int[] shape : shapes) {
            products(shape[0], shape[1], shape[2], Gpu.isReal() ? Gpu.ORDERS : new long[] {0, 43});
        }
        assertEquals(Products.Way.WGMMA, Products.choose(gpu.driver()).way());
    }

    /** One number in a thousand, the first and the last among them. */
    @Test
    void quotientsOfSiluAreThoseOfDivision() {
        assertEquals(0, wrongQuotients(1016));
    }

    @Tag("long")
    @Test
    void everyQuotientOfSiluIsThatOfDivision() {
        assertEquals(0, wrongQuotients(1));
    }

    private int wrongQuotients(int step) {
        assumeFalse(Gpu.isReal(), "Skipped: a kernel of the emulated GPU's");
        Buffer wrong = gpu.of(new int[1]);
        gpu.run("wrong_quotients", 16, 1, 1, 256, 0, 0, Float.floatToIntBits(1f) / step + 1, step, wrong);
        return first(wrong);
    }

    /** Sums that blocks add up together begin as zeros and are left so: in every tile, whatever becomes of them. */
    @Test
    void sumsThatBlocksShareAreZerosAgain() {
        gpu.close();
        gpu = Gpu.openHopper();
        int n = 150;
        int k = 1056;
        Random random = new Random(12);
        byte[] bytes = new byte[2 * n * k];
        random.nextBytes(bytes);
        for (HopperTile tile : HopperTile.values()) {
            int rows = tile.rows() + 3;
            int columns = (2 * n + tile.weights() - 1) / tile.weights() + 1;
            Buffer x = gpu.of(Arrays.copyOf(bytes, rows * k));
            Buffer w = gpu.of(bytes);
            boolean isGrouped = tile.kernel("").startsWith("hopper4");
            byte[] ones = new byte[2 * n * GroupedRows.headBytes(k)];
            Arrays.fill(ones, (byte) 1);
            Buffer heads = gpu.of(ones);
            Buffer scales = gpu.of(floats(random, Math.max(rows, 2 * n), 0.01));
            Buffer most = gpu.memory(4L * rows);
            int tiles = 2 * columns;
            Buffer sums = gpu.of(new int[tiles * tile.rows() * tile.weights()]);
            Buffer arrived = gpu.of(new int[tiles]);
            for (String after : new String[] {"store", "residual", "gate"}) {
                Buffer y = gpu.of(new int[rows * n]);
                Launcher to = gpu.launcher()
                        .kernel(tile.kernel(after))
                        .with(x.address())
                        .with(rows)
                        .with(w.address());
                if (isGrouped) {
                    to.with(heads.address());
                }
                to.with(n).with(k).with(sums.address()).with(arrived.address());
                if (!after.equals("store")) {
                    to.with(scales.address()).with(scales.address());
                }
                to.with(y.address());
                if (after.equals("gate")) {
                    to.with(most.address());
                }
                to.run(2, columns, 3, tile.threads(), tile.shared());
                same(new int[tiles * tile.rows() * tile.weights()], sums, "sums after " + tile.kernel(after));
                same(new int[tiles], arrived, "counts after " + tile.kernel(after));
            }
        }
    }

    /** As many blocks share a tile's k as make all of them end soonest; none is left without work. */
    @Test
    void blocksThatShareATileFillTheGpu() {
        assertEquals(8, HopperTile.of(false, 8, 64).splits(64, 4096, 132), "64 tiles leave most of 528 places empty");
        assertEquals(1, HopperTile.of(false, 8, 64).splits(448, 4096, 132), "448 tiles do not");
        assertEquals(2, HopperTile.of(false, 512, 64).splits(64, 4096, 132), "64 large tiles leave half of 132 empty");
        assertEquals(1, HopperTile.of(false, 8, 64).splits(1, 512, 132), "four steps are one block's work");
        assertEquals(1, HopperTile.of(false, 8, 64).splits(5000, 65536, 132), "there are counters for 4096 tiles");
        for (HopperTile tile : HopperTile.values()) {
            for (int tiles = 1; tiles < 6000; tiles += 37) {
                long splits = tile.splits(tiles, 14_336, 132);
                assertTrue(splits == 1 || tile.sumBytes(tiles) <= HopperTile.MOST_SHARED_BYTES, tile + ", " + tiles);
            }
        }
    }

    /**
     * A vocabulary may have 2^22 tokens: narrow tiles of so many columns would need more blocks than a grid's second
     * dimension has.
     */
    @ParameterizedTest
    @CsvSource({
        "store, 1, 4194304",
        "store, 2, 4194304",
        "store, 8, 4194304",
        "store, 17, 4194304",
        "store, 33, 4194304",
        "store, 9, 2097120",
        "store, 9, 2097121",
        "store, 64, 4194304",
        "store, 65, 4194304",
        "residual, 65528, 65536",
        "gate, 9, 65536",
        "gate, 65528, 65536"
    })
    void everyProductsGridStaysWithinItsBounds(String after, int rows, int n) {
        long columns = after.equals("gate") ? 2L * n : n;
        for (Products.Way way : new Products.Way[] {Products.Way.MMA, Products.Way.WGMMA}) {
            Products.Shape shape = Products.Shape.of(way, after, rows, n, 64, 132);
            boolean isHopper = shape.kernel().startsWith("hopper_");
            Map<String, Integer> kernels = isHopper ? Kernels.hopper() : Kernels.dynamicShared();
            assertEquals(shape.shared(), kernels.get(shape.kernel()), shape.toString());
            assertTrue(shape.x() >= 1 && shape.y() >= 1 && shape.y() <= 65_535, shape.toString());
            int tileRows = Integer.parseInt(shape.kernel().replaceAll("\\D", "0"));
            long tile = isHopper
                    ? (long) tileRows * HopperTile.of(false, tileRows, 64).weights()
                    : shape.kernel().endsWith("_narrow")
                            ? 64 * 32
                            : shape.kernel().endsWith("_wide") ? 128 * 128 : 4 * 8;
            assertTrue((long) shape.x() * shape.y() * tile >= rows * columns, shape + " covers too little");
        }
    }

    @Test
    void theStartUpSelfTestFindsAWay() {
        Products.Way way = Products.choose(gpu.driver()).way();
        if (Gpu.isReal()) {
            System.out.println("int8 products for many rows by " + way);
        }
    }

    @Test
    void logitsAndTheLargestOfThem() {
        Random random = new Random(4);
        for (int n : new int[] {1, 64, 300, 1030, 2500}) {
            int rows = 3;
            int[] y = ints(random, rows * n, 1_000_000);
            float[] in = {0.02f, 0.5f, 0.1f};
            float[] rowScale = floats(random, n, 0.001);
            float[] logits = new float[rows * n];
            int[] best = new int[rows];
            for (int r = 0; r < rows && n > 64; r++) {
                // Two equal logits, above all others.
                y[r * n + n - 1] = y[r * n + 7] = 2_000_000;
                rowScale[n - 1] = rowScale[7] = 10f;
            }
            if (n == 300) {
                // All negative but zeros of either sign: the first of them is the largest.
                for (int i = 0; i < n; i++) {
                    y[i] = -1 - random.nextInt(1000);
                    rowScale[i] = Math.abs(rowScale[i]);
                }
                y[290] = y[20] = y[30] = 0;
                rowScale[20] = -rowScale[20];
            }
            int[] asked = {-1, -1, n / 2};
            int[] tokens = new int[rows];
            float[] chosen = new float[rows];
            for (int r = 0; r < rows; r++) {
                math.dequantize(y, r * n, n, in[r], rowScale, null, logits, r * n);
                for (int i = 0; i < n; i++) {
                    best[r] = logits[r * n + i] > logits[r * n + best[r]] ? i : best[r];
                }
                tokens[r] = asked[r] < 0 ? best[r] : asked[r];
                chosen[r] = logits[r * n + tokens[r]];
            }
            for (long order : Gpu.ORDERS) {
                Buffer dy = gpu.of(y);
                Buffer din = gpu.of(in);
                Buffer scales = gpu.of(rowScale);
                Buffer dl = gpu.memory(4L * rows * n);
                Buffer found = gpu.memory(8L * rows);
                Buffer status = gpu.of(new int[1]);
                gpu.run(
                        "find_logits",
                        (n + 1023) / 1024,
                        rows,
                        1,
                        256,
                        0,
                        order,
                        dy,
                        din,
                        scales,
                        n,
                        dl,
                        found,
                        status);
                same(logits, dl, "logits of " + n);
                Buffer token = gpu.memory(4L * rows);
                Buffer logit = gpu.memory(4L * rows);
                // The last 5 of 7 residuals of rows 3, 0 and 2.
                float[] h = floats(random, 4 * 7, 1);
                float[] ends = new float[rows * 5];
                int[] rowsOfH = {3, 0, 2};
                for (int r = 0; r < rows; r++) {
                    System.arraycopy(h, rowsOfH[r] * 7 + 2, ends, r * 5, 5);
                }
                Buffer tails = gpu.memory(4L * ends.length);
                gpu.run(
                        "answer_rows",
                        rows,
                        1,
                        1,
                        128,
                        0,
                        order,
                        dy,
                        din,
                        scales,
                        n,
                        gpu.of(asked),
                        found,
                        gpu.of(h),
                        gpu.of(rowsOfH),
                        7,
                        5,
                        token,
                        logit,
                        tails);
                same(ends, tails, "the ends of residuals");
                same(tokens, token, "greedy choice of " + n + ", the lowest of equals; and what was asked for");
                same(chosen, logit, "its logit");
                assertEquals(0, first(status));
            }
        }
    }

    @ParameterizedTest
    @ValueSource(floats = {Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY, Float.NaN, Float.MAX_VALUE})
    void aLogitThatIsNoNumberIsSaid(float scale) {
        int n = 1500;
        float[] rowScale = new float[n];
        rowScale[1200] = scale;
        int[] y = new int[n];
        y[1200] = 1;
        Buffer status = gpu.of(new int[1]);
        gpu.run(
                "find_logits",
                2,
                1,
                1,
                256,
                0,
                Gpu.ORDERS[0],
                gpu.of(y),
                gpu.of(new float[] {1f}),
                gpu.of(rowScale),
                n,
                gpu.memory(4L * n),
                gpu.memory(8L),
                status);
        assertEquals(Float.isFinite(scale) ? 0 : 1, first(status));
    }

    /** Rows that 16 bytes divide, and rows of which no two begin alike. */
    @ParameterizedTest
    @CsvSource({"300, 16", "101, 10", "64, 128", "4, 2", "2100, 64"})
    void theTraceIsLaidOutHashedAndReducedWhereItIs(int hidden, int size) {
        Random random = new Random(8);
        ModelConfig c = new ModelConfig(hidden, 40, 4, 2, size, 32, 8, 256, 1e-6f, Rope.plain(10_000), false, false);
        TraceLayout layout = new TraceLayout(c);
        int rows = 5;
        int[] positions = {0, 1, 2, 70, 255};
        short[] k = new short[rows * c.kvDim(0)];
        byte[] v = new byte[rows * c.kvDim(0)];
        for (int i = 0; i < k.length; i++) {
            k[i] = (short) (random.nextInt(4095) - 2047);
            v[i] = (byte) random.nextInt();
        }
        float[] sk = floats(random, rows * 2, 1);
        float[] sv = floats(random, rows * 2, 1);
        float[] h = floats(random, rows * hidden, 1);
        int[] tokens = {5, 4, 3, 2, 7};
        int record = layout.recordBytes(0);
        ByteBuffer records = ByteBuffer.allocate(rows * record).order(ByteOrder.LITTLE_ENDIAN);
        ByteBuffer finals = ByteBuffer.allocate(rows * layout.finalBytes()).order(ByteOrder.LITTLE_ENDIAN);
        for (int r = 0; r < rows; r++) {
            records.position(r * record);
            finals.position(r * layout.finalBytes());
            for (int i = 0; i < hidden; i++) {
                records.putFloat(h[r * hidden + i]);
                finals.putFloat(h[r * hidden + i]);
            }
            finals.putInt(tokens[r]).putInt(-1);
            for (int i = 0; i < c.kvDim(0); i++) {
                records.putShort(k[r * c.kvDim(0) + i]);
            }
            records.put(v, r * c.kvDim(0), c.kvDim(0));
            for (float scale : new float[] {sk[2 * r], sk[2 * r + 1], sv[2 * r], sv[2 * r + 1]}) {
                records.putFloat(scale);
            }
        }
        byte[] key = new byte[32];
        random.nextBytes(key);
        int[] words = new int[8];
        ByteBuffer.wrap(key).order(ByteOrder.LITTLE_ENDIAN).asIntBuffer().get(words);
        int steps = Math.toIntExact(layout.stepBytes() / 1024);
        int tail = (layout.finalBytes() - layout.tailOffset()) / 1024;
        int digestWords = TraceHasher.digestWords(layout);
        int[] cvs = ints(random, rows * steps * 8, Integer.MAX_VALUE - 1);
        int[] digests = new int[rows * digestWords];
        Hashing hashing = new Hashing(key);
        int layer = 7;
        int chunks = record / 1024;
        for (int r = 0; r < rows; r++) {
            long first = 1 + (long) positions[r] * steps;
            int at = (r * steps + layer * chunks) * 8;
            hashing.chunks(
                    MemorySegment.ofArray(records.array()).asSlice(r * record, record),
                    first + layer * chunks,
                    cvs,
                    at);
            int[] row = Arrays.copyOfRange(cvs, r * steps * 8, (r + 1) * steps * 8);
            hashing.reduce(row, 0, first, first + steps - tail, digests, r * digestWords);
            int count = Subtrees.count(first, first + steps - tail);
            System.arraycopy(cvs, (r * steps + steps - tail) * 8, digests, r * digestWords + count * 8, tail * 8);
        }
        int keyed = 16;
        for (long order : Gpu.ORDERS) {
            Buffer out = gpu.memory(rows * record);
            Buffer dh = gpu.of(h);
            gpu.run(
                    "trace_records",
                    (record + 8191) / 8192,
                    rows,
                    1,
                    128,
                    0,
                    order,
                    dh,
                    gpu.of(k),
                    gpu.of(v),
                    gpu.of(sk),
                    gpu.of(sv),
                    hidden,
                    c.kvDim(0),
                    2,
                    record,
                    out);
            same(records.array(), out, "records");
            Buffer last = gpu.memory(rows * layout.finalBytes());
            int bytes = layout.finalBytes();
            long stride = bytes;
            gpu.run("final_records", rows, 1, 1, 128, 0, order, dh, gpu.of(tokens), hidden, bytes, stride, last);
            same(finals.array(), last, "final records");
            int[] before = cvs.clone();
            for (int r = 0; r < rows; r++) {
                int at = (r * steps + layer * chunks) * 8;
                Arrays.fill(before, at, at + 8 * chunks, 0);
            }
            Buffer all = gpu.of(before);
            gpu.run(
                    "hash_records",
                    (rows * chunks + 127) / 128,
                    1,
                    1,
                    128,
                    0,
                    order,
                    out,
                    rows,
                    chunks,
                    gpu.of(positions),
                    steps,
                    layer * chunks,
                    gpu.of(words),
                    keyed,
                    all);
            same(cvs, all, "chaining values, and nothing else touched");
            Buffer inPlace = gpu.of(before);
            gpu.run(
                    "hash_rows",
                    (rows * chunks + 127) / 128,
                    1,
                    1,
                    128,
                    0,
                    order,
                    dh,
                    gpu.of(k),
                    gpu.of(v),
                    gpu.of(sk),
                    gpu.of(sv),
                    hidden,
                    c.kvDim(0),
                    2,
                    rows,
                    chunks,
                    gpu.of(positions),
                    steps,
                    layer * chunks,
                    gpu.of(words),
                    keyed,
                    inPlace);
            same(cvs, inPlace, "the same where the parts are");
            Buffer reduced = gpu.memory(4L * digests.length);
            gpu.run(
                    "reduce_subtrees",
                    digestWords / 8,
                    rows,
                    1,
                    32,
                    0,
                    order,
                    all,
                    gpu.of(positions),
                    steps,
                    tail,
                    gpu.of(words),
                    keyed,
                    digestWords,
                    reduced);
            same(digests, reduced, "digests");
        }
    }

    @Test
    void theGpuItselfIsMeasured() {
        var rates = Probe.measure(gpu.driver());
        assertTrue(rates.bytesPerSecond() > 0 && rates.int8OperationsPerSecond() > 0, rates.toString());
        assertTrue(rates.int8Peak() >= rates.int8OperationsPerSecond(), rates.toString());
        if (Gpu.isReal() && rates.datasheetInt8() > 0) {
            // Above the data sheet the clock or the count is wrong; far below it the probe does not measure what the
            // GPU can do.
            for (double share : new double[] {
                rates.bytesPerSecond() / rates.datasheetBytesPerSecond(), rates.int8Peak() / rates.datasheetInt8()
            }) {
                assertTrue(share > 0.3 && share < 1.1, share + " of the data sheet: " + rates);
            }
        }
    }

    /** Every reading is of all of the memory: what the loads in flight do not reach, the loop behind them does. */
    @Test
    void theProbeReadsEverything() {
        Random random = new Random(12);
        for (int n : new int[] {1, 255, 256, 2048, 4099, 10_000}) {
            int[] values = random.ints(4L * n).toArray();
            Buffer from = gpu.of(values);
            Buffer out = gpu.memory(2 * 256 * 4);
            gpu.run("probe_read", 2, 1, 1, 256, 0, 0, from, (long) n, out);
            int expected = Arrays.stream(values).reduce(0, (a, b) -> a ^ b);
            int[] found = gpu.read(out, 2 * 256 * 4).toArray(ValueLayout.JAVA_INT_UNALIGNED);
            assertEquals(expected, Arrays.stream(found).reduce(0, (a, b) -> a ^ b), n + " times 16 bytes");
        }
    }

    /** What the emulator enforces is what the compiler made, and there is no kernel that only one of them knows. */
    @Test
    void everyKernelDeclaresTheThreadsAndTheSharedMemoryThatItTakes() throws IOException {
        Map<String, Integer> compiled = new TreeMap<>();
        try (InputStream in = CudaKernelsTest.class.getResourceAsStream("/io/plumbline/native/cuda/kernels.txt")) {
            assumeTrue(in != null, "Skipped: the fatbin was not built (no nvcc here)");
            for (String line : new String(in.readAllBytes(), StandardCharsets.UTF_8)
                    .lines()
                    .toList()) {
                String[] words = line.split(" ");
                String name = words[0];
                int shared = Integer.parseInt(words[2]);
                compiled.put(name, shared);
                if (!Gpu.isReal()) {
                    assertEquals(Long.parseLong(words[1]), Gpu.ask("emu_most_threads", name), "threads of " + name);
                    assertEquals(shared, Gpu.ask("emu_static_shared", name), "static shared memory of " + name);
                }
            }
        }
        TreeSet<String> known = new TreeSet<>(Kernels.dynamicShared().keySet());
        known.addAll(Kernels.hopper().keySet());
        assertEquals(known, compiled.keySet());
        compiled.forEach((name, shared) -> {
            if (gpu.driver().has(name)) {
                assertEquals(shared, gpu.driver().staticShared(name), name);
            }
        });
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
