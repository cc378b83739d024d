package io.plumbline.inference.tensor;

import io.plumbline.inference.language.checkpoint.FilesVersion;
import io.plumbline.inference.tensor.onnx.OnnxModel;
import io.plumbline.verifier.tensor.TensorManifest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.DoubleConsumer;
import java.util.stream.Stream;

/**
 * ONNX models imported on the way: the first time that a file is named it is imported into a folder here, and found
 * there afterwards with its bounds, as long as the file and those that belong to it are the same by size and time.
 */
public final class TensorStore {
    private static final String SUFFIX = ".onnx";

    private final Path folder;

    /** @param folder made where it is not there. */
    public TensorStore(Path folder) {
        this.folder = folder;
    }

    /** Whether a path names an ONNX model: a file, or an imported model's folder. */
    public static boolean takes(Path model) throws IOException {
        return model.toString().endsWith(SUFFIX) || TensorPackage.isIn(model);
    }

    /**
     * An imported model, which need not be calibrated.
     *
     * @param model an ONNX file, or an imported model's folder, which is taken as it is.
     * @param progress told the share of the import that is done, 0 to 1; not called where nothing is imported.
     * @throws IOException where there is no such model, or it cannot be imported.
     */
    public TensorPackage find(Path model, DoubleConsumer progress) throws IOException {
        if (!Files.exists(model)) {
            throw new IOException(model + " does not exist. Name an ONNX file, or an imported model's folder.");
        }
        if (TensorPackage.isIn(model)) {
            return TensorPackage.open(model);
        }
        Path to = folder.resolve(name(model) + "-" + FilesVersion.of(model, files(model)));
        return TensorPackage.isIn(to) ? TensorPackage.open(to) : TensorPackage.importModel(model, to, progress);
    }

    /** A model's name for people: that of its file, or of its folder where the file is called as most are. */
    public static String name(Path model) {
        Path path = model.toAbsolutePath().normalize();
        if (path.endsWith(TensorManifest.MODEL_FILE) && path.getNameCount() > 1) {
            path = path.getParent();
        }
        String name = path.getFileName().toString();
        return name.endsWith(SUFFIX) ? name.substring(0, name.length() - SUFFIX.length()) : name;
    }

    /** The file with all that an import takes from beside it. */
    private static List<Path> files(Path model) throws IOException {
        Stream<String> beside = Stream.concat(
                OnnxModel.read(model).externalFiles().stream().sorted(), TensorPackage.COMPANIONS.stream());
        return Stream.concat(
                        Stream.of(model),
                        beside.map(name -> model.toAbsolutePath().resolveSibling(name))
                                .filter(Files::exists))
                .toList();
    }
}
