package io.plumbline.node.cli.serve;

import io.plumbline.node.network.Terminal;
import java.util.function.DoubleConsumer;
import me.tongfei.progressbar.ProgressBar;

/** A bar that is shown once there is something to show: what is found done needs none. */
final class LateBar implements DoubleConsumer, AutoCloseable {
    private final String task;
    private ProgressBar bar;

    LateBar(String task) {
        this.task = task;
    }

    /** @param share that is done, 0 to 1. */
    @Override
    public void accept(double share) {
        if (bar == null) {
            bar = Terminal.progress(task);
        }
        bar.stepTo((long) (share * 100));
    }

    @Override
    public void close() {
        if (bar != null) {
            bar.close();
        }
    }
}
