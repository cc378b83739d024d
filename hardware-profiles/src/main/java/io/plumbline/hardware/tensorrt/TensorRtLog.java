package io.plumbline.hardware.tensorrt;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.function.Consumer;
import org.bytedeco.tensorrt.nvinfer.ILogger;

/** Hears what TensorRT says: keeps its last complaints for our errors, and passes on what it is doing. */
final class TensorRtLog extends ILogger {
    private static final int KEPT = 8;

    private final Deque<String> complaints = new ArrayDeque<>();
    private volatile Consumer<String> listener = doing -> {};

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
            case kWARNING, kINFO -> listener.accept(message);
            default -> {
                // Too much to listen to.
            }
        }
    }

    /** Who hears what it is doing. Calls come from TensorRT's threads. */
    void onMessage(Consumer<String> hears) {
        listener = hears;
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
