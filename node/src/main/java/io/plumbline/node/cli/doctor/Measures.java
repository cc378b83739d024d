package io.plumbline.node.cli.doctor;

import io.plumbline.inference.language.engine.Workers;
import io.plumbline.inference.language.kernels.Backend;
import io.plumbline.inference.language.kernels.IntKernels;
import io.plumbline.verifier.blake3.Blake3;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import java.util.concurrent.TimeUnit;

/** Rates of this host, each measured for a fixed time after a warm-up, the best of its rounds. */
final class Measures implements AutoCloseable {
    /** Read through by each round: no cache holds it. */
    private static final long MEMORY_BYTES = 512L << 20;

    /** A matrix as an 8B model has them; 16 MiB. */
    private static final int WIDTH = 4096;

    /** Weight rows that a task takes. */
    private static final int TASK_ROWS = 64;

    static final int MOST_ROWS = 512;

    private final long measureNs;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment memory;
    private final MemorySegment weights;
    private final byte[] inputs = new byte[MOST_ROWS * WIDTH];
    private final int[] sums = new int[MOST_ROWS * WIDTH];

    /** What is read, so that it is read. */
    private volatile long seen;

    /**
     * @param measureMs for each rate, after as long to warm up.
     * @param share of the memory and the matrix that are gone through; 1 for all.
     */
    Measures(long measureMs, double share) {
        measureNs = TimeUnit.MILLISECONDS.toNanos(measureMs);
        memory = arena.allocate((long) (MEMORY_BYTES * share) & -64, 64);
        weights = arena.allocate((long) rows(share) * WIDTH, 64);
        Random random = new Random(1);
        byte[] row = new byte[WIDTH];
        for (long at = 0; at < weights.byteSize(); at += WIDTH) {
            random.nextBytes(row);
            for (int i = 0; i < WIDTH; i++) {
                row[i] = row[i] == Byte.MIN_VALUE ? 0 : row[i];
            }
            MemorySegment.copy(row, 0, weights, ValueLayout.JAVA_BYTE, at, WIDTH);
            if (at < inputs.length) {
                System.arraycopy(row, 0, inputs, (int) at, WIDTH);
            }
        }
        memory.fill((byte) 1);
    }

    private static int rows(double share) {
        return Math.max(MOST_ROWS, (int) (WIDTH * share));
    }

    /** One round of work. */
    private interface Round {
        void run();
    }

    /** The shortest round, in seconds. */
    private double seconds(Round round) {
        long end = System.nanoTime() + measureNs;
        do {
            round.run();
        } while (System.nanoTime() < end);
        double best = Double.MAX_VALUE;
        end = System.nanoTime() + measureNs;
        do {
            long begin = System.nanoTime();
            round.run();
            best = Math.min(best, (System.nanoTime() - begin) / 1e9);
        } while (System.nanoTime() < end);
        return best;
    }

    /** Bytes of memory read in a second, in 10^9. */
    double memory(int threads) {
        try (Workers workers = new Workers(threads)) {
            long part = memory.byteSize() / threads & -64;
            return part
                    * threads
                    / 1e9
                    / seconds(() -> workers.run(threads, (worker, task) -> {
                        MemorySegment own = memory.asSlice(task * part, part);
                        long sum = 0;
                        for (long at = 0; at < part; at += Long.BYTES) {
                            sum += own.get(ValueLayout.JAVA_LONG, at);
                        }
                        seen = sum;
                    }));
        }
    }

    /**
     * Products of int8 that are summed in a second, in 10^9.
     *
     * @param rows of inputs: 1 as in decoding one answer.
     */
    double int8(Backend form, int threads, int rows) {
        int weightRows = (int) (weights.byteSize() / WIDTH);
        int tasks = weightRows / TASK_ROWS;
        IntKernels[] kernels = new IntKernels[threads];
        for (int i = 0; i < threads; i++) {
            kernels[i] = form.kernels().get();
        }
        try (Workers workers = new Workers(threads)) {
            double seconds = seconds(() -> workers.run(
                    tasks,
                    (worker, task) -> kernels[worker].multiply(
                            inputs,
                            0,
                            rows,
                            WIDTH,
                            weights,
                            task * TASK_ROWS,
                            (task + 1) * TASK_ROWS,
                            sums,
                            0,
                            weightRows)));
            return (double) rows * WIDTH * tasks * TASK_ROWS / 1e9 / seconds;
        }
    }

    /** Bytes hashed in a second by one thread, in 10^9. */
    double hash() {
        byte[] bytes = new byte[8 << 20];
        return bytes.length / 1e9 / seconds(() -> seen = Blake3.hash(bytes)[0]);
    }

    @Override
    public void close() {
        arena.close();
    }
}
