package io.plumbline.inference.language.importer;

import io.plumbline.inference.language.checkpoint.FilesVersion;
import io.plumbline.verifier.model.Manifest;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;
import java.util.function.DoubleConsumer;
import java.util.stream.Stream;

/**
 * Language models imported on the way: the first time that a checkpoint is named it is imported into a folder here, and
 * found there afterwards, as long as the checkpoint's files are the same by size and time.
 */
public final class ModelStore {
    private final Path folder;
    private final WeightBits bits;

    /** Of matrices in 8 bits. */
    public ModelStore(Path folder) {
        this(folder, WeightBits.INT8);
    }

    /**
     * @param folder made where it is not there.
     * @param bits of the matrices of what is imported.
     */
    public ModelStore(Path folder, WeightBits bits) {
        this.folder = folder;
        this.bits = bits;
    }

    /** Whether a folder is an imported language model. */
    public static boolean isImported(Path model) {
        return Files.isRegularFile(model.resolve(Manifest.FILE_NAME));
    }

    /**
     * An imported model.
     *
     * @param model an imported model's folder, which is taken as it is; a Hugging Face folder or a GGUF file.
     * @param progress told the share of the import that is done, 0 to 1; not called where nothing is imported.
     * @param notes told, a line each, what of the checkpoint is left out or not kept as it was.
     * @throws IOException where there is no such model, or it cannot be imported.
     */
    public Path find(Path model, DoubleConsumer progress, Consumer<String> notes) throws IOException {
        if (!Files.exists(model)) {
            throw new IOException(model + " does not exist. Name a Hugging Face folder, a GGUF file, or an imported"
                    + " model's folder.");
        }
        if (isImported(model)) {
            return model;
        }
        String form = bits == WeightBits.INT8 ? "" : "-" + bits.name().toLowerCase(Locale.ROOT);
        Path to = folder.resolve(name(model) + "-" + version(model) + form);
        if (!isImported(to)) {
            try {
                ModelImport.run(model, to, bits, progress, notes);
            } catch (FileAlreadyExistsException e) {
                // Another process was first.
            }
        }
        return to;
    }

    /** A checkpoint's name for people: that of its file or its folder. */
    public static String name(Path model) {
        String name = model.toAbsolutePath().normalize().getFileName().toString();
        return name.endsWith(".gguf") ? name.substring(0, name.length() - ".gguf".length()) : name;
    }

    /** Twelve digits that are others when any file of it was changed. */
    private static String version(Path model) throws IOException {
        List<Path> files;
        try (Stream<Path> all = Files.isDirectory(model) ? Files.list(model) : Stream.of(model)) {
            files = all.sorted().toList();
        }
        return FilesVersion.of(model, files);
    }
}
