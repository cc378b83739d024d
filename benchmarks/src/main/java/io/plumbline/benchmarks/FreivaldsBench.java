package io.plumbline.benchmarks;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.inference.kernels.Backend;
import io.plumbline.inference.kernels.IntKernels;
import io.plumbline.verifier.freivalds.MatrixKey;
import io.plumbline.verifier.freivalds.SecretInts;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.Callable;

/** Headline freivalds: checking a row of products without the matrix, beside computing it again with the fastest kernels. */
@Parameters(
        commandNames = "freivalds",
        commandDescription = "Checking products by Freivalds beside computing them again.")
final class FreivaldsBench implements Callable<Integer> {
    /** Gate and up of an 8B model's layer. */
    private static final int ROWS = 28_672;

    private static final int COLUMNS = 4096;

    /** Tokens in a batch: as many as fit a cell. */
    private static final int TOKENS = 256;

    /** Rows that are checked together. */
    private static final int TOGETHER = 4;

    @Parameter(names = "--rounds", description = "readings")
    private int rounds = 9;

    @Parameter(names = "--results", description = "DIR: where results are written")
    private Path results = Path.of("benchmarks", "results");

    @Override
    public Integer call() throws IOException {
        Random random = new Random(5);
        byte[] x = bytes(random, TOKENS * COLUMNS);
        int[] y = new int[TOKENS * ROWS];
        double[] check = new double[rounds];
        double[] again = new double[rounds];
        double[] make = new double[rounds];
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment weights = arena.allocate((long) ROWS * COLUMNS, 64);
            for (int n = 0; n < ROWS; n++) {
                MemorySegment.copy(
                        bytes(random, COLUMNS), 0, weights, ValueLayout.JAVA_BYTE, (long) n * COLUMNS, COLUMNS);
            }
            IntKernels kernels = Backend.best().kernels().get();
            for (int i = -3; i < rounds; i++) {
                long begin = System.nanoTime();
                kernels.multiply(x, TOKENS, COLUMNS, weights, 0, ROWS, y, 0, ROWS);
                long multiplied = System.nanoTime();
                MatrixKey key = new MatrixKey(ROWS, COLUMNS, new SecretInts());
                key.addRows(0, ROWS, weights, 0);
                long made = System.nanoTime();
                check(key, x, y, false);
                long checked = System.nanoTime();
                if (i >= 0) {
                    again[i] = (multiplied - begin) / 1e3 / TOKENS;
                    make[i] = (double) ROWS * COLUMNS / (made - multiplied);
                    check[i] = (checked - made) / 1e3 / TOKENS;
                }
                y[ROWS + 17] ^= 1 << random.nextInt(32);
                check(key, x, y, true);
            }
        }
        ObjectNode details = new ObjectMapper().createObjectNode();
        details.put("matrix", ROWS + " x " + COLUMNS).put("tokens", TOKENS).put("rounds", MatrixKey.ROUNDS);
        details.put("keyMadeGBs", new Sample(make).toString());
        details.put("keyBytes", MatrixKey.bytes(ROWS, COLUMNS));
        new Headline(
                        "freivalds",
                        new Sample(check),
                        "us of one core a token and matrix",
                        true,
                        "the same products computed again in batches of 256, fastest kernels",
                        new Sample(again),
                        null,
                        "./plumbline bench freivalds",
                        details)
                .write(results);
        return 0;
    }

    private static byte[] bytes(Random random, int count) {
        byte[] bytes = new byte[count];
        random.nextBytes(bytes);
        for (int i = 0; i < count; i++) {
            bytes[i] = bytes[i] == Byte.MIN_VALUE ? 0 : bytes[i];
        }
        return bytes;
    }

    private static void check(MatrixKey key, byte[] x, int[] y, boolean lie) {
        int found = -1;
        byte[] inputs = new byte[TOGETHER * COLUMNS];
        int[] products = new int[TOGETHER * ROWS];
        for (int t = 0; t < TOKENS && found < 0; t += TOGETHER) {
            System.arraycopy(x, t * COLUMNS, inputs, 0, inputs.length);
            System.arraycopy(y, t * ROWS, products, 0, products.length);
            int bad = key.firstFalse(inputs, products, TOGETHER);
            found = bad < 0 ? -1 : t + bad;
        }
        if (lie != (found == 1)) {
            throw new IllegalStateException(Arrays.toString(new Object[] {"the check found row", found}));
        }
    }
}
