package io.plumbline.inference.language.engine;

import io.plumbline.inference.language.model.LoadedModel;
import java.util.List;

/**
 * Runs batches of rows through a model: on this host's processors ({@link ForwardPass}) or on a device. All give the
 * same bits, so the scheduler, the trace and the receipt above it do not know which it is. One caller at a time.
 */
public interface Executor extends AutoCloseable {
    LoadedModel model();

    /** For people: what computes. */
    String name();

    /**
     * Memory for keys and values, of at most {@code most} pages; taken when the first is, or at once where that is
     * how a device works.
     */
    KvCache pages(int most);

    /** Whether this host's processors wait while {@link #run} does: other work may go on beside it then. */
    default boolean leavesProcessorsIdle() {
        return false;
    }

    /** CPU time of all threads so far, in ns. */
    long cpuNanos();

    /**
     * Runs all layers over a batch and answers what is asked after some of its rows. Segments with a trace have their
     * digests put there.
     *
     * @param tokens ids of all rows, segment after segment.
     * @param choices what is wanted; answered when this returns.
     * @throws ArithmeticException when a number overflows: the model cannot be run exactly on this input.
     */
    void run(List<Segment> batch, int[] tokens, LogitsRequests choices);

    @Override
    void close();
}
