package io.plumbline.verifier.blake3;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.util.BitSet;
import java.util.Random;
import org.junit.jupiter.api.Test;

class ChunkSetTest {
    @Test
    void itHoldsTheChunksThatRangesTouchInWhateverOrderTheyCome() {
        for (int seed = 0; seed < 300; seed++) {
            Random random = new Random(seed);
            ChunkSet set = new ChunkSet();
            BitSet expected = new BitSet();
            for (int ranges = random.nextInt(40); ranges > 0; ranges--) {
                int from = random.nextInt(200_000);
                int to = from + random.nextInt(9_000);
                set.addBytes(from, to);
                if (to > from) {
                    expected.set(from / 1024, (to + 1023) / 1024);
                }
                assertEquals(expected.cardinality(), set.size(), "seed " + seed);
            }
            assertEquals(expected.length() - 1, set.last());
            for (int chunk = 0; chunk < 220; chunk++) {
                assertEquals(expected.nextSetBit(chunk), set.next(chunk), "seed " + seed + " from " + chunk);
                assertEquals(expected.get(chunk), set.contains(chunk));
                int next = expected.nextSetBit(chunk);
                assertEquals(next >= 0 && next < chunk + 3, set.any(chunk, chunk + 3));
            }
        }
        assertThrows(IllegalArgumentException.class, () -> new ChunkSet().addBytes(5, 4));
    }

    /** How long a message is, and where in it something stands, a stranger says. */
    @Test
    void memoryIsByTheRangesAndNotByTheMessage() {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long before = threads.getCurrentThreadAllocatedBytes();
        ChunkSet set = new ChunkSet();
        for (int i = 1_000; i > 0; i--) {
            set.addBytes(i * (2_000_000_000L << 10) / 1_000, i * (2_000_000_000L << 10) / 1_000 + 1);
        }
        assertEquals(1_000, set.size());
        assertEquals(2_000_000_000, set.last());
        long allocated = threads.getCurrentThreadAllocatedBytes() - before;
        assertTrue(allocated < 1 << 20, allocated + " bytes");
    }
}
