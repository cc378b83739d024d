package io.plumbline.verifier.trace;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.model.ModelConfig;
import io.plumbline.verifier.numerics.Rope;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The root is the hash of the trace's bytes, however it was cut into blocks and whenever those joined the tree. */
class TraceHasherTest {
    private static final int[] BLOCKS = {1, 1, 1, 2, 63, 64, 65, 1000};
    private static final ExecutorService THREAD =
            Executors.newSingleThreadExecutor(Thread.ofPlatform().daemon().factory());

    /** When a block joins the tree. */
    private enum Folding {
        AT_ONCE {
            @Override
            Executor executor(Random random) {
                return Runnable::run;
            }
        },
        NEVER_UNLESS_AWAITED {
            @Override
            Executor executor(Random random) {
                return task -> {};
            }
        },
        AFTER_THREE_MORE_BLOCKS {
            @Override
            Executor executor(Random random) {
                Queue<Runnable> waiting = new ArrayDeque<>();
                return task -> {
                    waiting.add(task);
                    if (waiting.size() > 3) {
                        waiting.remove().run();
                    }
                };
            }
        },
        ON_ANOTHER_THREAD {
            @Override
            Executor executor(Random random) {
                return THREAD;
            }
        },
        IN_ANY_ORDER_ON_MANY_THREADS {
            @Override
            Executor executor(Random random) {
                return task -> {
                    int nanos = random.nextInt(500_000);
                    Thread.startVirtualThread(() -> {
                        LockSupport.parkNanos(nanos);
                        task.run();
                    });
                };
            }
        };

        abstract Executor executor(Random random);
    }

    @AfterAll
    static void close() {
        THREAD.shutdown();
    }

    private static TraceLayout layout(Random random) {
        int hidden = new int[] {8, 250, 256, 300, 520}[random.nextInt(5)];
        int kvHeads = 1 + random.nextInt(3);
        int headDim = 2 * (1 + random.nextInt(40));
        int layers = 1 + random.nextInt(4);
        return new TraceLayout(new ModelConfig(
                hidden, layers, kvHeads, kvHeads, headDim, 8, 100, 4096, 1e-5f, Rope.plain(10_000), false, false));
    }

    /** A trace of random records, nothing chosen yet. */
    private static final class Trace {
        private final TraceLayout layout;
        private final ByteBuffer bytes;

        Trace(TraceLayout layout, int tokens, Random random) {
            this.layout = layout;
            byte[] all = new byte[Math.toIntExact(layout.traceBytes(tokens))];
            random.nextBytes(all);
            this.bytes = ByteBuffer.wrap(all).order(ByteOrder.LITTLE_ENDIAN);
            for (int t = 0; t < tokens; t++) {
                for (int i = choiceAt(t) + 12; i < layout.offset(t + 1, 0); i++) {
                    bytes.put(i, (byte) 0);
                }
                choose(t, -1, 0);
            }
        }

        /** Where a token's id, the token chosen after it and its logit stand. */
        private int choiceAt(int token) {
            return Math.toIntExact(layout.offset(token, layout.layers())) + layout.finalEnd() - 12;
        }

        void choose(int token, int chosen, float logit) {
            bytes.putInt(choiceAt(token) + 4, chosen).putFloat(choiceAt(token) + 8, logit);
        }

        void chooseIn(TraceHasher hasher, int token, int chosen, float logit) {
            float[] tail = new float[layout.tailFloats() + 1];
            for (int i = 0; i < layout.tailFloats(); i++) {
                tail[i + 1] = bytes.getFloat(choiceAt(token) - 4 * (layout.tailFloats() - i));
            }
            hasher.choose(token, tail, 1, bytes.getInt(choiceAt(token)), chosen, logit);
        }

        /** Hashes the records of the block that was begun. */
        void gatherIn(TraceHasher hasher, int first, int tokens) {
            hasher.gathering();
            TraceHasher.Gathered gathered = hasher.gather();
            for (int l = 0; l <= layout.layers(); l++) {
                for (int t = first; t < first + tokens; t++) {
                    int size = l == layout.layers() ? layout.finalBytes() : layout.recordBytes(l);
                    int at = gathered.add(t, l);
                    MemorySegment.copy(
                            MemorySegment.ofArray(bytes.array()), layout.offset(t, l), gathered.bytes(), at, size);
                }
            }
            gathered.flush();
            hasher.reduce();
        }

        byte[] header() {
            byte[] header = new byte[TraceLayout.HEADER_BYTES];
            bytes.get(0, header);
            return header;
        }

        byte[] root(byte[] key) {
            return Blake3.keyed(key).update(bytes.array()).digest();
        }
    }

    @ParameterizedTest
    @EnumSource
    void theRootIsTheHashOfTheTrace(Folding folding) {
        for (long seed = 0; seed < 8; seed++) {
            Random random = new Random(seed);
            byte[] key = new byte[32];
            random.nextBytes(key);
            TraceLayout layout = layout(random);
            int tokens = seed % 4 == 0 ? 1100 : 1 + random.nextInt(300);
            Trace trace = new Trace(layout, tokens, random);
            TraceHasher hasher = new TraceHasher(layout, key);
            Executor by = folding.executor(random);
            int words = hasher.digestWords();
            int[] kept = new int[tokens * words];
            int prefix = 0;
            for (int at = 0; at < tokens; ) {
                int block = Math.min(BLOCKS[random.nextInt(BLOCKS.length)], tokens - at);
                if (random.nextInt(4) == 0) {
                    // A step that throws leaves its block half done, and is run again.
                    hasher.begin(at, block);
                    hasher.putDigest(at, random.ints(words).toArray(), 0);
                }
                // Rows behind the block were computed on a guess that was wrong, and are dropped.
                int dropped = random.nextInt(3);
                hasher.begin(at, block + dropped);
                trace.gatherIn(hasher, at, Math.min(block + dropped, tokens - at));
                for (int t = at + block; t < at + block + dropped; t++) {
                    hasher.putDigest(t, random.ints(words).toArray(), 0);
                }
                for (int t = at; t < at + block; t++) {
                    hasher.copyDigest(t, kept, t * words);
                }
                if (prefix == 0) {
                    prefix = at + block;
                } else if (random.nextBoolean()) {
                    trace.choose(at, 5, -1.5f);
                    trace.chooseIn(hasher, at, 5, -1.5f);
                }
                hasher.cut(block);
                hasher.end(by);
                at += block;
            }
            String what = "seed " + seed + ", " + tokens + " tokens";
            byte[] expected = trace.root(key);
            assertArrayEquals(expected, hasher.root(trace.header()), what);

            TraceHasher shared = new TraceHasher(layout, key);
            for (int at = 0; at < tokens; at = at == 0 ? prefix : at + 1) {
                int block = at == 0 ? prefix : 1;
                shared.begin(at, block);
                for (int t = at; t < at + block; t++) {
                    shared.putDigest(t, kept, t * words);
                }
                if (at > 0 && trace.bytes.getInt(trace.choiceAt(at) + 4) == 5) {
                    trace.chooseIn(shared, at, 5, -1.5f);
                }
                shared.end(by);
            }
            assertArrayEquals(expected, shared.root(trace.header()), what + ", digests from a cache");
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 63, 64, 65, 1000})
    void blocksOfOneSizeGiveTheRootToo(int block) {
        Random random = new Random(block);
        TraceLayout layout = layout(random);
        Trace trace = new Trace(layout, 2 * block, random);
        TraceHasher hasher = new TraceHasher(layout, new byte[32]);
        for (int first : new int[] {0, block}) {
            hasher.begin(first, block);
            trace.gatherIn(hasher, first, block);
            hasher.end();
        }
        assertArrayEquals(trace.root(new byte[32]), hasher.root(trace.header()));
    }

    /** A block that was not begun has no digests, so joining it fails, on whatever thread that is tried. */
    @ParameterizedTest
    @EnumSource
    void aBlockThatCannotJoinIsReportedFromThenOn(Folding folding) {
        Random random = new Random(3);
        TraceLayout layout = layout(random);
        Trace trace = new Trace(layout, 3, random);
        TraceHasher hasher = new TraceHasher(layout, new byte[32]);
        Executor by = folding.executor(random);
        hasher.begin(0, 1);
        trace.gatherIn(hasher, 0, 1);
        hasher.end(by);
        hasher.end(by);
        IllegalStateException e = assertThrows(IllegalStateException.class, hasher::await);
        assertEquals(ArrayIndexOutOfBoundsException.class, e.getCause().getClass());
        assertThrows(IllegalStateException.class, () -> hasher.end(by));
        assertThrows(IllegalStateException.class, hasher::end);
        assertThrows(IllegalStateException.class, () -> hasher.root(trace.header()));
    }

    @Test
    void aBlockFollowsTheOneBefore() {
        TraceHasher hasher = new TraceHasher(layout(new Random(1)), new byte[32]);
        assertThrows(IllegalStateException.class, () -> hasher.begin(1, 1));
    }

    @Test
    void aBlockKeepsATokenAtLeastAndGainsNone() {
        TraceHasher hasher = new TraceHasher(layout(new Random(1)), new byte[32]);
        hasher.begin(0, 3);
        assertThrows(IllegalArgumentException.class, () -> hasher.cut(0));
        assertThrows(IllegalArgumentException.class, () -> hasher.cut(4));
    }
}
