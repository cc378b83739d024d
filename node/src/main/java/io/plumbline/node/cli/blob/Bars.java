package io.plumbline.node.cli.blob;

import io.plumbline.node.network.Terminal;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;

/** Bars of bytes on their way. */
public final class Bars {
    private static final long MIB = 1L << 20;

    private Bars() {}

    public static ProgressBar of(String task, long bytes) {
        return Terminal.bar(new ProgressBarBuilder()
                .setTaskName(task)
                .setInitialMax(bytes)
                .setUnit(" MiB", MIB)
                .showSpeed());
    }
}
