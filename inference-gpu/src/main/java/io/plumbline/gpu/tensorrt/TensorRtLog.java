package io.plumbline.gpu.tensorrt;

import java.util.ArrayDeque;
import java.util.Deque;
import org.bytedeco.tensorrt.nvinfer.ILogger;

/**
 * TensorRT's logger, which keeps its last complaints for our errors. One for the process: TensorRT takes the logger
 * of its first object for all later ones, and calls it until the last of them is freed. A logger of each model would
 * be collected before that.
 */
final class TensorRtLog extends ILogger {
    private static final int KEPT = 8;

    private static TensorRtLog only;

    private final Deque<String> complaints = new ArrayDeque<>();

    private TensorRtLog() {}

    /** The logger that every object of TensorRT's is made with. The bindings must be loaded. */
    static synchronized TensorRtLog ofProcess() {
        if (only == null) {
            only = new TensorRtLog();
        }
        return only;
    }

    @Override
    public void log(ILogger.Severity severity, String message) {
        switch (severity) {
            case kINTERNAL_ERROR, kERROR -> {
                synchronized (complaints) {
                    complaints.add(message);
                    if (complaints.size() > KEPT) {
                        complaints.remove();
                    }
                }
            }
            default -> {
                // Too much to listen to.
            }
        }
    }

    /** What it has complained of since this was asked last, on one line. */
    String complaints() {
        synchronized (complaints) {
            String text = String.join(" ", complaints);
            complaints.clear();
            return text.isEmpty() ? "TensorRT gives no reason." : "TensorRT says: " + text;
        }
    }
}
