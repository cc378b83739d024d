package io.plumbline.node.serve;

import io.micrometer.core.instrument.MeterRegistry;
import io.plumbline.inference.tensor.TensorScheduler;
import io.plumbline.node.inference.LanguageEngine;
import io.plumbline.node.inference.TensorEngine;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.agrona.CloseHelper;

/**
 * The models that one process serves.
 *
 * @param folders of all of them, by the names that clients know them by.
 * @param language null where there is none.
 * @param tensors the ONNX models.
 */
public record LocalModels(Map<String, Path> folders, LanguageEngine language, List<TensorEngine> tensors)
        implements AutoCloseable {
    /** A language model alone. */
    public static LocalModels of(String name, Path folder, LanguageEngine language) {
        return new LocalModels(Map.of(name, folder), language, List.of());
    }

    /** Answers that are computed side by side, at most. */
    public int together() {
        return language == null ? TensorScheduler.Limits.USUAL.rows() : language.maxSequences();
    }

    /** Of each: completed with why, where what computes it has failed. */
    List<CompletableFuture<Throwable>> failed() {
        List<CompletableFuture<Throwable>> all = new ArrayList<>();
        if (language != null) {
            all.add(language.failed());
        }
        tensors.forEach(engine -> all.add(engine.failed()));
        return all;
    }

    /** Adds the metrics of all. */
    void bindTo(MeterRegistry registry) {
        if (language != null) {
            language.bindTo(registry);
        }
        tensors.forEach(engine -> engine.bindTo(registry));
    }

    /** Why one of them is not ready, for the operator; null where all are. */
    String notReady() {
        String why = language == null ? null : language.notReady();
        for (TensorEngine engine : tensors) {
            why = why == null ? engine.notReady() : why;
        }
        return why;
    }

    @Override
    public void close() {
        List<AutoCloseable> all = new ArrayList<>(tensors);
        all.add(language);
        CloseHelper.closeAll(all);
    }
}
