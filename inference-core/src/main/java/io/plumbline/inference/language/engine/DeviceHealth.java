package io.plumbline.inference.language.engine;

import java.io.IOException;

/** A device as its driver sees it while it computes. Used by one thread at a time. */
public interface DeviceHealth extends AutoCloseable {
    /**
     * Asks the driver now.
     *
     * @return in a sentence why nothing that the device computes can be trusted, and what mends it; null where the
     *     driver reports nothing of the kind, or does not tell of it for this device.
     * @throws IOException where the driver gave no answer: another try may have one.
     */
    String fault() throws IOException;

    @Override
    void close();
}
