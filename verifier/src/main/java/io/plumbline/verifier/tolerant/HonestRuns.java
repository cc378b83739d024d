package io.plumbline.verifier.tolerant;

import io.plumbline.verifier.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * What an auditor computes to judge one answer: the same request, run several times.
 *
 * @param reference outputs of the auditor's own engine.
 * @param panel the same outputs of stand-ins for engines that round otherwise. How far they lie apart on this request
 *     says how far an honest answer to it may lie from the reference.
 */
public record HonestRuns(List<Tensor> reference, List<List<Tensor>> panel) {
    /** An output with what the other runs made of it. */
    record Center(Tensor run, List<Tensor> others) {}

    /**
     * One output, as each of the runs has it, the reference's first. Where a rounding decides how many detections there
     * are, or which of two comes first, an honest answer agrees with one of the runs and not with all.
     *
     * @param output its place among the outputs.
     */
    List<Center> centers(int output) {
        List<Tensor> runs = new ArrayList<>();
        runs.add(reference.get(output));
        panel.forEach(run -> runs.add(run.get(output)));
        List<Center> centers = new ArrayList<>();
        for (int i = 0; i < runs.size(); i++) {
            List<Tensor> others = new ArrayList<>(runs);
            others.remove(i);
            centers.add(new Center(runs.get(i), others));
        }
        return centers;
    }
}
