package io.plumbline.gpu.cuda;

import io.plumbline.inference.language.engine.LogitsRequests;
import io.plumbline.inference.language.engine.Segment;
import java.util.List;

/** One batch on its way through {@link DevicePass}. */
final class DeviceBatch {
    /** Rows of a batch that is recorded as a graph. */
    static final int MOST_RECORDED = 64;

    /** Rows from which on records are hashed between the layers. */
    private static final int MOST_BESIDE = 256;

    final List<Segment> segments;
    final LogitsRequests choices;
    int rows;

    /** Rows at the front that are a segment each. */
    int decoding;

    /** Tiles of attention that the other rows make. */
    int tiles;

    /** Most keys that one of the rows at the front sees. */
    int longest;

    boolean trace;

    /** Whether records are wanted whole. */
    boolean copy;

    /** Whether all logits of a row are wanted. */
    boolean all;

    /** Whether one kernel does all of its attention, and writes its records, which are hashed after the last. */
    boolean isShort;

    DeviceBatch(List<Segment> segments, LogitsRequests choices) {
        this.segments = segments;
        this.choices = choices;
    }

    /**
     * Whether records are hashed beside the layers, which hides how long a chunk takes. Blocks of many rows would take
     * the layers' places, which would wait for them longer than behind them.
     */
    boolean hashesBeside() {
        return rows < MOST_BESIDE;
    }

    /** Whether it can be launched as a graph: one row a sequence, each choosing. */
    boolean onlyDecodes() {
        return decoding == rows && choices.count() == rows && rows <= MOST_RECORDED && !copy;
    }
}
