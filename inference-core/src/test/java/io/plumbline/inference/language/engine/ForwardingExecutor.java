package io.plumbline.inference.language.engine;

import io.plumbline.inference.language.model.LoadedModel;
import java.util.List;

/** An executor that leaves everything to another: for those that change one thing. */
class ForwardingExecutor implements Executor {
    private final Executor inner;

    /** @param inner closed with this. */
    ForwardingExecutor(Executor inner) {
        this.inner = inner;
    }

    @Override
    public LoadedModel model() {
        return inner.model();
    }

    @Override
    public String name() {
        return inner.name();
    }

    @Override
    public KvCache pages(int most) {
        return inner.pages(most);
    }

    @Override
    public boolean leavesProcessorsIdle() {
        return inner.leavesProcessorsIdle();
    }

    @Override
    public long cpuNanos() {
        return inner.cpuNanos();
    }

    @Override
    public void run(List<Segment> batch, int[] tokens, LogitsRequests choices) {
        inner.run(batch, tokens, choices);
    }

    @Override
    public void close() {
        inner.close();
    }
}
