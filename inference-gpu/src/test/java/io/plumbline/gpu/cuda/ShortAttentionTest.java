package io.plumbline.gpu.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.plumbline.gpu.cuda.Gpu.Buffer;
import io.plumbline.verifier.model.HeadRows;
import io.plumbline.verifier.model.LayerParameters;
import io.plumbline.verifier.model.LayerSteps;
import io.plumbline.verifier.model.ModelConfig;
import io.plumbline.verifier.model.RotaryTables;
import io.plumbline.verifier.numerics.Rope;
import io.plumbline.verifier.numerics.RopeTable;
import io.plumbline.verifier.trace.TraceLayout;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * {@code attend_short_*}: from the products of queries, keys and values to attention's output in one kernel, pages and
 * records beside it, equal the specification to the bit.
 */
@Tag("slow")
class ShortAttentionTest extends KernelTest {
    private static final int MOST = Kernels.SHORT_CONTEXT;

    /** Contexts that begin and end inside pages; heads in one block, in two, and as many as key heads. */
    @ParameterizedTest
    @CsvSource({
        // size, heads, key heads, keys of the longest row, bias and norm
        "128, 8, 2, 150, false",
        "128, 4, 2, 1, true",
        "64, 4, 4, 64, true",
        "80, 4, 2, 65, false",
        "16, 14, 2, 129, true",
        "32, 9, 1, 200, false",
        "256, 4, 2, 70, true",
        "16, 4, 2, 1024, false",
    })
    void answersPagesAndRecordsAreThoseOfTheSpecification(
            int size, int heads, int kvHeads, int longest, boolean biasAndNorm) {
        for (int threads : new int[] {256, 384}) {
            run(size, heads, kvHeads, longest, biasAndNorm, threads, 1f);
        }
    }

    @Test
    void anAttentionThatIsNoNumberIsSaid() {
        for (float scale : new float[] {Float.NaN, Float.POSITIVE_INFINITY}) {
            assertEquals(1, run(16, 4, 2, 70, false, 256, scale), "status for a scale of " + scale);
        }
    }

    /**
     * @param factor of one row's scales: where it is no number, only the status is looked at.
     * @return the status.
     */
    private int run(int size, int heads, int kvHeads, int longest, boolean biasAndNorm, int threads, float factor) {
        Random random = new Random(size * 31L + heads * 7L + longest);
        int hidden = 40;
        ModelConfig c = new ModelConfig(
                hidden, 2, heads, kvHeads, size, 32, 8, MOST, 1e-6f, Rope.plain(10_000), biasAndNorm, biasAndNorm);
        RotaryTables rotary = RotaryTables.of(c);
        RopeTable rope = rotary.full();
        TraceLayout layout = new TraceLayout(c);
        int[] positions = {longest - 1, 0, longest / 2};
        int rows = positions.length;
        int[] y = random.ints(rows * c.qkvDim(0), -100_000, 100_001).toArray();
        float[] in = {0.013f, 0.5f, 0.002f};
        LayerParameters p = new LayerParameters(
                null,
                null,
                floats(random, c.qkvDim(0), 0.01),
                null,
                null,
                null,
                biasAndNorm ? floats(random, c.qkvDim(0), 5) : null,
                biasAndNorm ? floats(random, size, 1) : null,
                biasAndNorm ? floats(random, size, 1) : null);
        HeadRows own = HeadRows.of(c, rows);
        LayerSteps steps = new LayerSteps(c, rotary, math);
        float root = 1f / (float) Math.sqrt(size);
        float[] h = floats(random, rows * hidden, 1);
        float[] expected = new float[rows * c.queryDim(0)];
        int[] most = new int[rows];
        int layerBytes = 64 * kvHeads * (3 * size + 8);
        byte[][][] before = new byte[rows][][];
        byte[][][] after = new byte[rows][][];
        ByteBuffer records = ByteBuffer.allocate(rows * layout.recordBytes(0)).order(ByteOrder.LITTLE_ENDIAN);
        boolean finite = Float.isFinite(factor);
        for (int r = 0; r < rows; r++) {
            steps.heads(0, p, positions[r], y, r * c.qkvDim(0), in[r], own, r);
            int n = positions[r] + 1;
            short[] k = new short[n * c.kvDim(0)];
            byte[] v = new byte[n * c.kvDim(0)];
            for (int i = 0; i < k.length; i++) {
                k[i] = (short) (random.nextInt(4095) - 2047);
                v[i] = (byte) (random.nextInt(255) - 127);
            }
            float[] sk = floats(random, n * kvHeads, 1e-3);
            float[] sv = floats(random, n * kvHeads, 1e-2);
            for (int i = 0; i < sk.length; i++) {
                sk[i] = Math.abs(sk[i]);
                sv[i] = Math.abs(sv[i]);
            }
            before[r] = pages(c, random, k, v, sk, sv, positions[r], layerBytes);
            System.arraycopy(own.k(), r * c.kvDim(0), k, positions[r] * c.kvDim(0), c.kvDim(0));
            System.arraycopy(own.v(), r * c.kvDim(0), v, positions[r] * c.kvDim(0), c.kvDim(0));
            System.arraycopy(own.sk(), r * kvHeads, sk, positions[r] * kvHeads, kvHeads);
            System.arraycopy(own.sv(), r * kvHeads, sv, positions[r] * kvHeads, kvHeads);
            after[r] = new byte[before[r].length][];
            for (int i = 0; i < before[r].length; i++) {
                after[r][i] = before[r][i].clone();
            }
            byte[] lastPage = after[r][positions[r] / 64];
            AttentionKernelsTest.page(c, k, v, sk, sv, positions[r], 1, positions[r] % 64, lastPage, layerBytes);
            for (int head = 0; head < heads && finite; head++) {
                float scale = own.sq()[r * heads + head] * root;
                AttentionKernelsTest.expectedHead(math, c, own.q(), r, head, k, v, n, scale, sk, sv, expected);
            }
            for (int i = 0; i < c.queryDim(0); i++) {
                most[r] = Math.max(most[r], Float.floatToRawIntBits(Math.abs(expected[r * c.queryDim(0) + i])));
            }
            records.position(r * layout.recordBytes(0));
            for (int i = 0; i < hidden; i++) {
                records.putFloat(h[r * hidden + i]);
            }
            for (int i = 0; i < c.kvDim(0); i++) {
                records.putShort(own.k()[r * c.kvDim(0) + i]);
            }
            records.put(own.v(), r * c.kvDim(0), c.kvDim(0));
            for (float[] scales : new float[][] {own.sk(), own.sv()}) {
                for (int g = 0; g < kvHeads; g++) {
                    records.putFloat(scales[r * kvHeads + g]);
                }
            }
        }
        float[] given = in.clone();
        given[1] *= factor;
        int status = 0;
        for (long order : Gpu.ORDERS) {
            for (boolean isTraced : new boolean[] {true, false}) {
                Buffer[][] pages = new Buffer[rows][];
                long[] tables = new long[rows];
                for (int r = 0; r < rows; r++) {
                    pages[r] = new Buffer[before[r].length];
                    long[] list = new long[before[r].length];
                    for (int i = 0; i < list.length; i++) {
                        pages[r][i] = gpu.of(before[r][i]);
                        list[i] = pages[r][i].address();
                    }
                    tables[r] = gpu.of(list).address();
                }
                byte[] trash = new byte[rows * layout.recordBytes(0)];
                random.nextBytes(trash);
                Buffer found = gpu.of(trash);
                Buffer out = gpu.memory(4L * expected.length);
                Buffer largest = gpu.of(new int[rows]);
                Buffer said = gpu.of(new int[1]);
                gpu.run(
                        Kernels.shortAttention(heads / kvHeads, size),
                        1,
                        kvHeads * ((heads / kvHeads + 7) / 8),
                        rows,
                        threads,
                        Kernels.shortAttentionShared(heads / kvHeads, threads),
                        order,
                        gpu.of(y),
                        gpu.of(given),
                        gpu.of(p.qkvScale()),
                        biasAndNorm ? gpu.of(p.qkvBias()) : null,
                        biasAndNorm ? gpu.of(p.queryGain()) : null,
                        biasAndNorm ? gpu.of(p.keyGain()) : null,
                        c.eps(),
                        gpu.of(rope.cos()),
                        gpu.of(rope.sin()),
                        gpu.of(tables),
                        (long) layerBytes,
                        gpu.of(positions),
                        root,
                        heads,
                        kvHeads,
                        size,
                        gpu.of(h),
                        hidden,
                        layout.recordBytes(0),
                        (long) layout.recordBytes(0),
                        isTraced ? found : null,
                        out,
                        largest,
                        said);
                status = gpu.read(said, 4).get(ValueLayout.JAVA_INT_UNALIGNED, 0);
                if (!finite) {
                    continue;
                }
                assertEquals(0, status);
                float[] values = gpu.read(out, 4L * expected.length).toArray(ValueLayout.JAVA_FLOAT_UNALIGNED);
                for (int i = 0; i < values.length; i++) {
                    assertEquals(
                            Float.floatToRawIntBits(expected[i]),
                            Float.floatToRawIntBits(values[i]),
                            "output " + i % c.queryDim(0) + " of row " + i / c.queryDim(0));
                }
                assertArrayEquals(
                        most, gpu.read(largest, 4L * rows).toArray(ValueLayout.JAVA_INT_UNALIGNED), "largest");
                for (int r = 0; r < rows; r++) {
                    for (int i = 0; i < pages[r].length; i++) {
                        byte[] page = gpu.read(pages[r][i], after[r][i].length).toArray(ValueLayout.JAVA_BYTE);
                        assertArrayEquals(after[r][i], page, "page " + i + " of row " + r);
                    }
                }
                byte[] record = gpu.read(found, trash.length).toArray(ValueLayout.JAVA_BYTE);
                assertArrayEquals(isTraced ? records.array() : trash, record, "records");
            }
        }
        return status;
    }

    /** Pages of all tokens before {@code position}; what stands behind them is anything. */
    private static byte[][] pages(
            ModelConfig c, Random random, short[] k, byte[] v, float[] sk, float[] sv, int position, int layerBytes) {
        byte[][] pages = new byte[position / 64 + 1][2 * layerBytes];
        for (int i = 0; i < pages.length; i++) {
            random.nextBytes(pages[i]);
            int tokens = Math.min(64, position - i * 64);
            AttentionKernelsTest.page(c, k, v, sk, sv, i * 64, Math.max(0, tokens), 0, pages[i], layerBytes);
        }
        return pages;
    }
}
