package io.plumbline.inference.language.checkpoint;

import java.util.Arrays;
import java.util.List;

/** Matrices of one width, one below the other, as one. */
public final class StackedWeights implements Weights {
    private final String name;
    private final Weights[] parts;

    /** The first row of each part, and behind them the count of all rows. */
    private final int[] starts;

    /** @param parts from the top, at least one; all of one dtype where their bytes are read. */
    public StackedWeights(String name, List<Weights> parts) {
        this.name = name;
        this.parts = parts.toArray(Weights[]::new);
        this.starts = new int[this.parts.length + 1];
        for (int i = 0; i < this.parts.length; i++) {
            starts[i + 1] = starts[i] + this.parts[i].rows();
        }
    }

    private int part(int r) {
        int found = Arrays.binarySearch(starts, r);
        return found >= 0 ? found : -found - 2;
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public String dtype() {
        return parts[0].dtype();
    }

    @Override
    public int rows() {
        return starts[parts.length];
    }

    @Override
    public int columns() {
        return parts[0].columns();
    }

    @Override
    public void row(int r, float[] out) {
        int part = part(r);
        parts[part].row(r - starts[part], out);
    }

    @Override
    public void rawRow(int r, byte[] out) {
        int part = part(r);
        parts[part].rawRow(r - starts[part], out);
    }
}
