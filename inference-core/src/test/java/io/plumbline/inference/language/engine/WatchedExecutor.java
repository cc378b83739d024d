package io.plumbline.inference.language.engine;

import io.plumbline.inference.language.kernels.Backend;
import io.plumbline.inference.language.model.LoadedModel;
import java.util.List;

/** The processors; counts rows, holds them to what may ever run, and overflows on a token at will. */
final class WatchedExecutor extends ForwardingExecutor {
    private final boolean isDevice;
    volatile int mostPosition;
    volatile int poison = -1;
    volatile int overflows;

    WatchedExecutor(LoadedModel model, boolean isDevice) {
        super(new ForwardPass(model, model.layers(), Backend.best(), new Workers(2)));
        this.isDevice = isDevice;
    }

    @Override
    public boolean leavesProcessorsIdle() {
        return isDevice;
    }

    @Override
    public void run(List<Segment> batch, int[] tokens, LogitsRequests choices) {
        int row = 0;
        for (Segment segment : batch) {
            mostPosition = Math.max(mostPosition, segment.first() + segment.count() - 1);
            for (int i = 0; i < segment.count(); i++) {
                if (tokens[row++] == poison && i > 0 && choices.count() > batch.size()) {
                    overflows = overflows + 1;
                    throw new ArithmeticException("A guess overflows.");
                }
            }
        }
        super.run(batch, tokens, choices);
    }
}
