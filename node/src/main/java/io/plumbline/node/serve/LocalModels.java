package io.plumbline.node.serve;

import io.plumbline.inference.tensor.TensorScheduler;
import io.plumbline.node.inference.LanguageEngine;
import io.plumbline.node.inference.TensorEngine;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
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

    @Override
    public void close() {
        List<AutoCloseable> all = new ArrayList<>(tensors);
        all.add(language);
        CloseHelper.closeAll(all);
    }
}
