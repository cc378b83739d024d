package io.plumbline.inference.language.checkpoint;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.LinkOption;
import java.nio.file.Path;

/**
 * The files of one model's folder. A model may come from anyone, and its files name each other: an index its shards, an
 * ONNX file its external data, a manifest all of them. Only what lies in the folder is read, so that no model can make
 * its operator take in, hash and hand on another file of the host. What this refuses is refused by name.
 *
 * <p>Links out of the folder are refused too, but for those of the Hugging Face cache, which keeps the files of {@code
 * models--X/snapshots/REVISION} in {@code models--X/blobs}: both belong to the same download.
 */
public final class ModelFolder {
    private static final String POINTER = "version https://git-lfs";
    private static final int MAX_POINTER_BYTES = 1024;

    private static final String LINK_COUNT = "unix:nlink";

    private final Path folder;

    /** @param folder as the operator named it; it may itself be a link. */
    public ModelFolder(Path folder) {
        this.folder = folder;
    }

    /** The folder, as it was named. */
    public Path path() {
        return folder;
    }

    /** Whether something of this name is in the folder, be it a link that leads nowhere. */
    public boolean has(String name) {
        return Files.exists(folder.resolve(name), LinkOption.NOFOLLOW_LINKS);
    }

    /** As {@link #file(String, String)}, of a name that every model has. */
    public Path file(String name) throws IOException {
        return file(name, "a manifest");
    }

    /** As {@link #source(String, String)}, of a name that every model has. */
    public Path source(String name) throws IOException {
        return source(name, "a checkpoint");
    }

    /**
     * The file of this name.
     *
     * @param namedBy the file that names it, for messages.
     * @throws IOException where it does not exist, is no plain file, or does not lie in the folder.
     */
    public Path file(String name, String namedBy) throws IOException {
        Path file = folder.resolve(relative(name, namedBy));
        if (!Files.exists(file, LinkOption.NOFOLLOW_LINKS)) {
            throw new IOException(file + " does not exist, though " + namedBy
                    + " names it. Copy it there, or download the" + " model again. Nothing was loaded.");
        }
        Path real;
        try {
            real = file.toRealPath();
        } catch (FileSystemException e) {
            throw new IOException(
                    file + " is a link to a file that does not exist. Download the model again. Nothing was loaded.",
                    e);
        }
        Path home = folder.toRealPath();
        if (!real.startsWith(home) && !isBlobOf(home, real)) {
            throw new IOException(file + " is a link to " + real + ", which is not in the model's folder. Copy the file"
                    + " there if it belongs to the model. Nothing was loaded.");
        }
        if (!Files.isRegularFile(real)) {
            throw new IOException(file + " is no plain file. Download the model again. Nothing was loaded.");
        }
        return file;
    }

    /**
     * The file of this name, to be copied into another model: it must have no other name either. A hard link looks like
     * any file, and may be one that lies elsewhere.
     *
     * @param namedBy the file that names it, for messages.
     * @throws IOException as {@link #file(String, String)}, and where it is a hard link.
     */
    public Path source(String name, String namedBy) throws IOException {
        Path file = file(name, namedBy);
        boolean counts = Files.getFileStore(file).supportsFileAttributeView("unix");
        if (counts && Files.getAttribute(file, LINK_COUNT) instanceof Integer names && names > 1) {
            throw new IOException(file + " is a hard link: the same file has " + names + " names, and others may lie"
                    + " outside the model's folder. Replace it with a copy: cp FILE COPY, then mv COPY FILE."
                    + " Nothing was loaded.");
        }
        return file;
    }

    /**
     * A whole small file.
     *
     * @param file as this class gave it.
     * @param most bytes that any model has in such a file.
     * @throws IOException where it is larger.
     */
    public static byte[] bytes(Path file, int most) throws IOException {
        requireContents(file);
        requireSize(file, most);
        return Files.readAllBytes(file);
    }

    /**
     * Refuses a file that only says where its contents are: a repository that was cloned without Git LFS has such.
     *
     * @throws IOException where it is one, saying what to do. A file that does not exist is none.
     */
    public static void requireContents(Path file) throws IOException {
        if (!Files.isRegularFile(file) || Files.size(file) > MAX_POINTER_BYTES) {
            return;
        }
        if (new String(Files.readAllBytes(file), StandardCharsets.UTF_8).startsWith(POINTER)) {
            throw new IOException(file + " is a pointer of Git LFS, not the file itself. Run \"git lfs pull\" in its"
                    + " folder, or download the file. Nothing was loaded.");
        }
    }

    /**
     * Refuses a file that is too large to be what it should be.
     *
     * @param most bytes that any model has in such a file.
     */
    public static void requireSize(Path file, int most) throws IOException {
        long size = Files.size(file);
        if (size > most) {
            throw new IOException(file + " has " + size + " bytes; no model has more than " + most
                    + " in such a file. It is damaged or something else. Nothing was loaded.");
        }
    }

    private Path relative(String name, String namedBy) throws IOException {
        Path relative;
        try {
            relative = Path.of(name);
        } catch (InvalidPathException e) {
            throw new IOException(
                    namedBy + " names the file \"" + name.replace('\0', '?') + "\", which no file can be called. It"
                            + " is damaged: save or download the model again. Nothing was loaded.",
                    e);
        }
        boolean climbs = relative.isAbsolute();
        for (Path part : relative) {
            climbs |= part.toString().equals("..");
        }
        if (climbs || relative.normalize().toString().isEmpty()) {
            throw outside(name, namedBy);
        }
        return relative;
    }

    private IOException outside(String name, String namedBy) {
        return new IOException(namedBy + " names the file \"" + name + "\", which is not in " + folder
                + ". A model's files lie in its own folder: save or download the model again, all in one folder."
                + " Nothing was loaded.");
    }

    /** Whether {@code real} belongs to the download in the Hugging Face cache that {@code home} is a snapshot of. */
    private static boolean isBlobOf(Path home, Path real) {
        for (Path download = home.getParent(); download != null; download = download.getParent()) {
            Path name = download.getFileName();
            if (name != null && name.toString().startsWith("models--")) {
                return home.startsWith(download.resolve("snapshots")) && real.startsWith(download.resolve("blobs"));
            }
        }
        return false;
    }
}
