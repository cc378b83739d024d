package io.plumbline.node.full;

import io.plumbline.verifier.audit.Cell;
import java.util.ArrayList;
import java.util.List;

/** The cells that an audit has asked a node for, each before it is opened. One thread adds; any may look. */
final class AskedCells {
    /** Cells that are kept; at AUDITED there are no more, at FULL their order tells the rest. */
    static final int MAX_KEPT = 64;

    private final List<Cell> first = new ArrayList<>();
    private Cell last;
    private int layers;
    private long count;

    /**
     * An audit begins, perhaps anew: the node may have been lost in the last one.
     *
     * @param modelLayers of the answer's model: final records stand after the last of them.
     */
    synchronized void begin(int modelLayers) {
        layers = modelLayers;
        first.clear();
        count = 0;
    }

    synchronized void add(Cell cell) {
        last = cell;
        count++;
        if (first.size() < MAX_KEPT) {
            first.add(cell);
        }
    }

    /** The cell that was asked for last; null where none was. */
    synchronized Cell last() {
        return last;
    }

    /** The first of them, at most {@link #MAX_KEPT}. */
    synchronized List<Cell> first() {
        return List.copyOf(first);
    }

    /** How many there were. */
    synchronized long count() {
        return count;
    }

    /** Layers of the model; 0 of a model without cells. */
    synchronized int layers() {
        return layers;
    }
}
