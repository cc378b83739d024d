package io.plumbline.node.metrics;

import java.util.List;

/** Names of the metrics that only a host with a GPU has. */
public final class GpuColumns {
    public static final List<String> NAMES = GpuMetrics.names();

    private GpuColumns() {}
}
