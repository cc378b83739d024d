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
 * @param languages the language models, by the same names.
 * @param tensors the ONNX models.
 */
public record LocalModels(Map<String, Path> folders, Map<String, LanguageEngine> languages, List<TensorEngine> tensors)
        implements AutoCloseable {
    /** A language model alone. */
    public static LocalModels of(String name, Path folder, LanguageEngine language) {
        return new LocalModels(Map.of(name, folder), Map.of(name, language), List.of());
    }

    /** Answers that are computed side by side, at most. */
    public int together() {
        return languages.isEmpty()
                ? TensorScheduler.Limits.USUAL.rows()
                : languages.values().stream()
                        .mapToInt(LanguageEngine::maxSequences)
                        .sum();
    }

    /** Of each: completed with why, where what computes it has failed. */
    List<CompletableFuture<Throwable>> failed() {
        List<CompletableFuture<Throwable>> all = new ArrayList<>();
        languages.values().forEach(engine -> all.add(engine.failed()));
        tensors.forEach(engine -> all.add(engine.failed()));
        return all;
    }

    /** Adds the metrics of all. */
    void bindTo(MeterRegistry registry) {
        languages.values().forEach(engine -> engine.bindTo(registry));
        tensors.forEach(engine -> engine.bindTo(registry));
    }

    /** Why one of them is not ready, for the operator; null where all are. */
    String notReady() {
        String why = null;
        for (LanguageEngine engine : languages.values()) {
            why = why == null ? engine.notReady() : why;
        }
        for (TensorEngine engine : tensors) {
            why = why == null ? engine.notReady() : why;
        }
        return why;
    }

    @Override
    public void close() {
        List<AutoCloseable> all = new ArrayList<>(tensors);
        all.addAll(languages.values());
        CloseHelper.closeAll(all);
    }
}
