package io.plumbline.inference.tensor;

import io.plumbline.inference.language.engine.DeviceHealth;
import io.plumbline.verifier.tensor.Fingerprint;
import io.plumbline.verifier.tensor.Tensor;
import java.io.IOException;
import java.util.List;

/**
 * A model on a backend, ready to run. Calls may come from any thread; a backend that runs one at a time makes others
 * wait.
 */
public interface LoadedTensorModel extends AutoCloseable {
    /** What a receipt says of it. */
    Fingerprint fingerprint();

    /** Most rows in a batch, or {@link Integer#MAX_VALUE} where there is no such bound. */
    int maxRows();

    /**
     * Runs the model.
     *
     * @param inputs all of the model's, of its types and shapes.
     * @param outputs names of those wanted.
     * @param stop ends the run early.
     * @return the outputs in that order.
     * @throws java.util.concurrent.CancellationException where {@code stop} did.
     * @throws IllegalArgumentException with the backend's words where these inputs cannot be run.
     * @throws IOException where the backend failed.
     */
    List<Tensor> run(List<Tensor> inputs, List<String> outputs, Stop stop) throws IOException;

    /**
     * What is asked whether the device that it runs on has failed, or null where it runs on none. The caller closes it.
     *
     * @throws IOException in a line why nothing can be asked on this host.
     */
    default DeviceHealth health() throws IOException {
        return null;
    }

    @Override
    void close();
}
