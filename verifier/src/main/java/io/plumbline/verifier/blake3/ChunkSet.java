package io.plumbline.verifier.blake3;

import java.util.Arrays;

/**
 * Which chunks of a message a slice holds. Byte ranges are widened to whole chunks. Memory is by the ranges that were
 * added, not by how long the message is said to be: a stranger may say anything. Not for several threads at once.
 */
public final class ChunkSet {
    /** Runs {@code [from, to)}, one after the other; where {@link #isSorted}, ascending, and none touches the next. */
    private int[] runs = new int[8];

    private int count;
    private boolean isSorted = true;

    /** Adds the chunks that bytes {@code from} (inclusive) to {@code to} (exclusive) touch. */
    public ChunkSet addBytes(long from, long to) {
        if (from < 0 || to < from) {
            throw new IllegalArgumentException("Not a byte range: " + from + " to " + to + ".");
        }
        if (to > from) {
            add(Math.toIntExact(from / 1024), Math.toIntExact((to + 1023) / 1024));
        }
        return this;
    }

    private void add(int from, int to) {
        if (count > 0 && isSorted && from >= runs[2 * count - 2]) {
            // In order: most are.
            if (from <= runs[2 * count - 1]) {
                runs[2 * count - 1] = Math.max(to, runs[2 * count - 1]);
                return;
            }
        } else if (count > 0) {
            isSorted = false;
        }
        if (2 * count == runs.length) {
            runs = Arrays.copyOf(runs, 4 * count);
        }
        runs[2 * count] = from;
        runs[2 * count + 1] = to;
        count++;
    }

    private void sort() {
        if (isSorted) {
            return;
        }
        long[] all = new long[count];
        for (int i = 0; i < count; i++) {
            all[i] = (long) runs[2 * i] << 32 | runs[2 * i + 1];
        }
        Arrays.sort(all);
        count = 0;
        isSorted = true;
        for (long one : all) {
            add((int) (one >>> 32), (int) one);
        }
    }

    /** Number of chunks in the set. */
    public int size() {
        sort();
        int size = 0;
        for (int i = 0; i < count; i++) {
            size += runs[2 * i + 1] - runs[2 * i];
        }
        return size;
    }

    boolean any(int from, int to) {
        int next = next(from);
        return next >= 0 && next < to;
    }

    boolean contains(int chunk) {
        return next(chunk) == chunk;
    }

    /** The first chunk of the set from {@code from} on; -1 where there is none. */
    int next(int from) {
        sort();
        // The first run that ends beyond it.
        int low = 0;
        int high = count;
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (runs[2 * middle + 1] > from) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        return low == count ? -1 : Math.max(from, runs[2 * low]);
    }

    /** The last chunk of the set; -1 where it has none. */
    int last() {
        sort();
        return count == 0 ? -1 : runs[2 * count - 1] - 1;
    }
}
