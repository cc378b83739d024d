package io.plumbline.verifier.blake3;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Subtrees that are joined at once give the root that their chunks give one after the other. */
class SubtreeRunTest {
    private static final byte[] KEY = new byte[32];

    private static byte[] root(ChunkTree tree) {
        return tree.root(new int[8]);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 7, 64, 4096})
    void runsGiveTheRootOfTheirChunks(int most) {
        for (long seed = 0; seed < 60; seed++) {
            Random random = new Random(seed);
            int chunks = 2 + random.nextInt(seed % 3 == 0 ? 3000 : 200);
            int[] cvs = random.ints(8L * chunks).toArray();
            ChunkTree expected = new ChunkTree(KEY, true);
            for (int i = 1; i < chunks; i++) {
                expected.push(cvs, 8 * i);
            }
            ChunkTree found = new ChunkTree(KEY, true);
            for (int at = 1; at < chunks; ) {
                int end = Math.min(chunks, at + 1 + random.nextInt(seed % 2 == 0 ? 3000 : 50));
                pushRun(new SubtreeRun(found, cvs, most), cvs, at, end, random);
                at = end;
            }
            assertArrayEquals(root(expected), root(found), "seed " + seed + ", " + chunks + " chunks");
        }
    }

    /** Chunks {@code at} to {@code end} as subtrees of whatever levels fit there. */
    private static void pushRun(SubtreeRun run, int[] cvs, int at, int end, Random random) {
        int chunk = at;
        while (chunk < end) {
            int level = random.nextInt(1 + Subtrees.level(chunk, end));
            Subtrees.reduce(
                    ChunkCompressor.best(), ChunkTree.keyWords(KEY), ChunkTree.keyFlags(KEY), cvs, 8 * chunk, level);
            run.push(8 * chunk, level);
            chunk += 1 << level;
            if (random.nextInt(100) == 0) {
                run.flush();
            }
        }
        run.flush();
    }

    @Test
    void aRunDoesNotBeginWithChunkZero() {
        ChunkTree empty = new ChunkTree(KEY, false);
        assertThrows(IllegalArgumentException.class, () -> new SubtreeRun(empty, new int[8], 1));
    }
}
