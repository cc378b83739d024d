package io.plumbline.inference.tensor;

import io.plumbline.inference.language.checkpoint.ModelFolder;
import io.plumbline.inference.language.tokenizer.TokenizerFile;
import io.plumbline.inference.tensor.onnx.OnnxModel;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.model.Manifest;
import io.plumbline.verifier.platform.Directories;
import io.plumbline.verifier.tensor.Precision;
import io.plumbline.verifier.tensor.TensorManifest;
import io.plumbline.verifier.tensor.TensorSpec;
import io.plumbline.verifier.tolerant.Bounds;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.DoubleConsumer;

/**
 * An imported ONNX model: a folder with its file, its external data, a tokenizer where it has one, the manifest that
 * names it all, and once it is calibrated the bounds its answers are held to.
 *
 * @param onnx what its file says of itself.
 */
public record TensorPackage(Path folder, TensorManifest manifest, OnnxModel onnx) {
    /** Tokenizer files that come along when they lie beside the model. */
    static final List<String> COMPANIONS = List.of(TokenizerFile.NAME, "tokenizer_config.json");

    /** The model with other names of its files, while it is imported. */
    private static final String RENAMED_FILE = ".renamed.onnx";

    private static final String SHAPES_FILE = "plumbline.shapes";

    /** Files that import or calibration writes. */
    private static final Set<String> OWN_FILES =
            Set.of(TensorManifest.MODEL_FILE, Manifest.FILE_NAME, Bounds.FILE_NAME, SHAPES_FILE);

    /** Bytes of a manifest, bounds or shapes; those of models have some thousands. */
    private static final int MAX_TEXT_BYTES = 16 << 20;

    /** More than a manifest's first line. */
    private static final int FIRST_BYTES = 64;

    private static final int BUFFER_BYTES = 1 << 20;

    /** Whether a folder holds an imported ONNX model, not a language model. */
    public static boolean isIn(Path folder) throws IOException {
        Path manifest = folder.resolve(Manifest.FILE_NAME);
        if (!Files.isRegularFile(manifest)) {
            return false;
        }
        try (InputStream in = Files.newInputStream(manifest)) {
            return TensorManifest.describes(new String(in.readNBytes(FIRST_BYTES), StandardCharsets.UTF_8));
        }
    }

    public static TensorPackage open(Path folder) throws IOException {
        Path file = folder.resolve(Manifest.FILE_NAME);
        ModelFolder inside = new ModelFolder(folder);
        try {
            if (!inside.has(Manifest.FILE_NAME)) {
                throw new NoSuchFileException(file.toString());
            }
            TensorManifest manifest = TensorManifest.parse(text(folder, Manifest.FILE_NAME));
            for (String name : manifest.files().keySet()) {
                inside.file(name, file.toString());
            }
            Path model = inside.file(TensorManifest.MODEL_FILE);
            OnnxModel onnx = OnnxModel.read(model);
            for (String name : onnx.externalFiles()) {
                if (!manifest.files().containsKey(plain(name))) {
                    throw new IOException(model + " keeps weights in \"" + name + "\", which " + Manifest.FILE_NAME
                            + " does not name: they are no part of the model's id. Import the model again.");
                }
            }
            return new TensorPackage(folder, manifest, onnx);
        } catch (NoSuchFileException e) {
            throw new IOException(
                    e.getFile() + " does not exist: " + folder
                            + " is no imported model. Import one with plumbline model import.",
                    e);
        } catch (IllegalArgumentException e) {
            throw new IOException(file + ": " + e.getMessage(), e);
        }
    }

    /** Where models are kept when nobody says where: a folder for each, named by its id. */
    public static Path store() {
        String named = System.getProperty("plumbline.models", System.getenv("PLUMBLINE_MODELS"));
        return named != null && !named.isEmpty()
                ? Path.of(named)
                : Path.of(System.getProperty("user.home"), ".plumbline", "models");
    }

    /**
     * Imports an ONNX file with all that belongs to it. The folder is made whole or not at all.
     *
     * @param to folder to make; null for one in the {@link #store}, where a model that is there already is taken as it
     *     is.
     * @param progress told the share of the bytes that is copied, 0 to 1.
     */
    public static TensorPackage importModel(Path file, Path to, DoubleConsumer progress) throws IOException {
        ModelFolder.requireContents(file);
        OnnxModel onnx = OnnxModel.read(file);
        try {
            onnx.requireServable();
        } catch (IOException e) {
            throw new IOException(file + " cannot be served: " + e.getMessage() + ". Nothing was imported.", e);
        }
        if (!onnx.shapeless().isEmpty()) {
            throw new IOException(file + ": inputs " + String.join(", ", onnx.shapeless())
                    + " are no tensors, or do not say how many dimensions they have. Export the model with shapes.");
        }
        ModelFolder inside = new ModelFolder(file.toAbsolutePath().getParent());
        SortedMap<String, Path> sources = new TreeMap<>();
        sources.put(TensorManifest.MODEL_FILE, file);
        for (String name : onnx.externalFiles()) {
            sources.put(plain(name), external(inside, plain(name), file));
        }
        for (String name : COMPANIONS) {
            if (inside.has(name)) {
                sources.put(name, inside.source(name));
            }
        }
        Path parent = to == null ? store() : to.toAbsolutePath().getParent();
        Files.createDirectories(parent);
        Path partial = Files.createTempDirectory(parent, ".import-");
        try {
            // A runtime would look for the folder that such a name leads through.
            boolean isPlain =
                    onnx.externalFiles().stream().allMatch(name -> plain(name).equals(name));
            if (!isPlain) {
                sources.put(TensorManifest.MODEL_FILE, partial.resolve(RENAMED_FILE));
                onnx.writeRenamed(TensorPackage::plain, partial.resolve(RENAMED_FILE));
            }
            TensorManifest manifest = copy(file, onnx, sources, partial, progress);
            Files.deleteIfExists(partial.resolve(RENAMED_FILE));
            Files.writeString(partial.resolve(Manifest.FILE_NAME), manifest.text());
            Path target = to == null ? parent.resolve(manifest.id().toString()) : to;
            if (to == null && Files.exists(target)) {
                return open(target);
            }
            Files.move(partial, target, StandardCopyOption.ATOMIC_MOVE);
            return open(target);
        } catch (FileAlreadyExistsException e) {
            throw new IOException(to + " exists already. Name a folder that does not, or remove it.", e);
        } finally {
            Directories.delete(partial);
        }
    }

    private static TensorManifest copy(
            Path file, OnnxModel onnx, SortedMap<String, Path> sources, Path partial, DoubleConsumer progress)
            throws IOException {
        long total = 0;
        for (Path source : sources.values()) {
            ModelFolder.requireContents(source);
            total += Files.size(source);
        }
        Share share = new Share(total, progress);
        SortedMap<String, TensorManifest.Content> contents = new TreeMap<>();
        for (String name : sources.keySet()) {
            Path target = partial.resolve(name);
            Files.createDirectories(target.getParent());
            try (OutputStream out = Files.newOutputStream(target)) {
                byte[] hash = hashed(sources.get(name), out, share);
                contents.put(name, new TensorManifest.Content(Files.size(target), hash));
            }
        }
        Path model = partial.resolve(TensorManifest.MODEL_FILE);
        try (OnnxRuntimeModel loaded =
                OnnxRuntimeModel.load(model, onnx.precision(), OnnxRuntimeModel.Options.serving(1))) {
            TensorManifest manifest = new TensorManifest(onnx.opsets(), loaded.inputs(), loaded.outputs(), contents);
            requireShapes(manifest);
            return manifest;
        } catch (IOException e) {
            throw new IOException(
                    file + ": " + e.getMessage().replace(model.toString(), "it").replace(partial + "/", ""), e);
        }
    }

    /** A model that gives nothing, or that no request could ask, is no use to anybody. */
    private static void requireShapes(TensorManifest manifest) throws IOException {
        if (manifest.outputs().isEmpty()) {
            throw new IOException("it has no outputs. Export the model with what it computes");
        }
        for (TensorSpec input : manifest.inputs()) {
            long elements = 1;
            for (long size : input.shape()) {
                elements = size < 0 ? elements : Math.multiplyHigh(elements, size) == 0 ? elements * size : -1;
                if (elements <= 0 || elements > Integer.MAX_VALUE) {
                    throw new IOException("input " + input + (size == 0 ? " has no elements" : " has too many elements")
                            + ": no request could hold it. Export the model with other sizes, or with a name where"
                            + " requests choose a size");
                }
            }
        }
    }

    /** A name without what leads into a folder and out of it again: "sub/../w.bin" lies beside the model. */
    private static String plain(String name) {
        try {
            Path plain = Path.of(name).normalize();
            return plain.isAbsolute()
                            || plain.startsWith("..")
                            || plain.toString().isEmpty()
                    ? name
                    : plain.toString();
        } catch (InvalidPathException e) {
            return name;
        }
    }

    /** A file that a model names must lie beside it, and be no other of the files that a package is made of. */
    private static Path external(ModelFolder inside, String name, Path model) throws IOException {
        Path file = inside.source(name, model.toString());
        if (OWN_FILES.contains(name) || COMPANIONS.contains(name)) {
            throw new IOException(model + " keeps weights in \"" + name + "\", a name that an imported model has for"
                    + " something else. Save its external data under another.");
        }
        return file;
    }

    /** The ONNX file. */
    public Path file() {
        return folder.resolve(TensorManifest.MODEL_FILE);
    }

    /** What it computes in as it is written. */
    public Precision precision() {
        return onnx.precision();
    }

    /** For people: the folder's name. */
    public String name() {
        return folder.toAbsolutePath().normalize().getFileName().toString();
    }

    /** The bounds it is calibrated to, or null. */
    public Bounds bounds() throws IOException {
        Path file = folder.resolve(Bounds.FILE_NAME);
        if (!Files.exists(file)) {
            return null;
        }
        try {
            Bounds bounds = Bounds.parse(text(folder, Bounds.FILE_NAME));
            if (!bounds.modelId().equals(manifest.id())) {
                throw new IllegalArgumentException("it belongs to model " + bounds.modelId()
                        + ". Calibrate this one: plumbline model calibrate " + folder);
            }
            return bounds;
        } catch (IllegalArgumentException e) {
            throw new IOException(file + ": " + e.getMessage(), e);
        }
    }

    /** The bounds it is calibrated to, or an error that says what to do. */
    public Bounds requireBounds() throws IOException {
        Bounds bounds = bounds();
        if (bounds == null) {
            throw new IOException(
                    folder + " is not calibrated: nobody could judge its answers. Run plumbline model calibrate "
                            + folder + ".");
        }
        return bounds;
    }

    /** Keeps bounds with the model. */
    public void keep(Bounds bounds) throws IOException {
        keep(Bounds.FILE_NAME, bounds.text());
    }

    /** Sizes that were declared for the model's dimensions; none where nothing was. */
    public ShapeRanges shapes() throws IOException {
        return Files.exists(folder.resolve(SHAPES_FILE))
                ? ShapeRanges.parse(text(folder, SHAPES_FILE).lines().toList())
                : ShapeRanges.none();
    }

    private static String text(Path folder, String name) throws IOException {
        byte[] bytes = ModelFolder.bytes(new ModelFolder(folder).file(name), MAX_TEXT_BYTES);
        return new String(bytes, StandardCharsets.UTF_8);
    }

    /** Keeps declared sizes with the model. They are its operator's, and not part of its id. */
    public void keep(ShapeRanges shapes) throws IOException {
        keep(SHAPES_FILE, String.join("\n", shapes.texts()) + "\n");
    }

    private void keep(String name, String text) throws IOException {
        Path partial = folder.resolve(name + ".partial");
        Files.writeString(partial, text);
        Files.move(partial, folder.resolve(name), StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    /** Checks every byte against the manifest. */
    public void verify(DoubleConsumer progress) throws IOException {
        long total = manifest.files().values().stream()
                .mapToLong(TensorManifest.Content::bytes)
                .sum();
        Share share = new Share(total, progress);
        for (String name : manifest.files().keySet()) {
            Path file = folder.resolve(name);
            byte[] hash = hashed(file, OutputStream.nullOutputStream(), share);
            if (!Arrays.equals(hash, manifest.files().get(name).hash())) {
                throw new IOException(file + " is not what the manifest says: it is damaged. Import the model again.");
            }
        }
    }

    /** How much of several files is done. */
    private static final class Share {
        private final long total;
        private final DoubleConsumer progress;
        private long done;

        Share(long total, DoubleConsumer progress) {
            this.total = Math.max(1, total);
            this.progress = progress;
        }

        void add(int bytes) {
            done += bytes;
            progress.accept(Math.min(1, (double) done / total));
        }
    }

    /** BLAKE3 of a file, which is copied to {@code out} on the way. */
    private static byte[] hashed(Path file, OutputStream out, Share share) throws IOException {
        Blake3 hash = Blake3.plain();
        byte[] buffer = new byte[BUFFER_BYTES];
        MemorySegment view = MemorySegment.ofArray(buffer);
        try (InputStream in = Files.newInputStream(file)) {
            for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
                hash.update(view.asSlice(0, read));
                out.write(buffer, 0, read);
                share.add(read);
            }
        }
        return hash.digest();
    }
}
