package io.plumbline.inference.tensor;

import io.plumbline.verifier.tensor.Precision;
import io.plumbline.verifier.tensor.Tensor;
import io.plumbline.verifier.tolerant.HonestRuns;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/**
 * A model as an auditor runs it: once as it is, and for each precision a panel of stand-ins for engines that round
 * otherwise. It keeps {@value #PANEL} more copies of the weights for each precision.
 */
public final class AuditRuns implements AutoCloseable {
    /** Stand-ins for one precision. */
    public static final int PANEL = 3;

    private final LoadedTensorModel reference;
    private final Map<Precision, List<LoadedTensorModel>> panels = new EnumMap<>(Precision.class);

    private AuditRuns(LoadedTensorModel reference) {
        this.reference = reference;
    }

    /**
     * Loads the model and its stand-ins.
     *
     * @param precisions of the answers that are to be judged.
     * @throws IOException where one of them cannot be loaded, or the model cannot honestly be served in it.
     */
    public static AuditRuns open(TensorPackage model, Collection<Precision> precisions) throws IOException {
        AuditRuns runs = new AuditRuns(Variants.reference(model));
        try {
            for (Precision precision : precisions) {
                List<LoadedTensorModel> panel = new ArrayList<>();
                runs.panels.put(precision, panel);
                for (Variants.Variant member : Variants.panel(model, precision)) {
                    panel.add(member.open());
                }
            }
            return runs;
        } catch (IOException | RuntimeException e) {
            runs.close();
            throw e;
        }
    }

    /** The model as it is. */
    public LoadedTensorModel reference() {
        return reference;
    }

    /**
     * Runs a request as it is judged by: once, and once by each of the panel.
     *
     * @param precision one of those that this was opened for.
     * @param stop ends the runs early.
     * @throws java.util.concurrent.CancellationException where {@code stop} did.
     * @throws IllegalArgumentException where these inputs cannot be run.
     * @throws IOException where the backend failed.
     */
    public HonestRuns run(Precision precision, List<Tensor> inputs, List<String> outputs, Stop stop)
            throws IOException {
        List<Tensor> right = reference.run(inputs, outputs, stop);
        List<List<Tensor>> panel = new ArrayList<>();
        for (LoadedTensorModel member : panels.get(precision)) {
            Random random = new Random(panel.size());
            List<Tensor> moved = RandomInputs.rounded(inputs, Variants.panelNoise(precision), random);
            panel.add(member.run(moved, outputs, stop));
        }
        return new HonestRuns(right, panel);
    }

    @Override
    public void close() {
        reference.close();
        panels.values().forEach(panel -> panel.forEach(LoadedTensorModel::close));
    }
}
