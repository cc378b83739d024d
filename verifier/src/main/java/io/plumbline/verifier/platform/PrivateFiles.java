package io.plumbline.verifier.platform;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.HashSet;
import java.util.Set;

/** Files with secrets, which their owner alone may read and write. */
public final class PrivateFiles {
    private static final String FILE = "rw-------";
    private static final String FOLDER = "rwx------";

    private PrivateFiles() {}

    /** With what a file or folder is made, so that no moment lets others in; nothing where there are no such rights. */
    private static FileAttribute<?>[] ownerAlone(Path folder, String rights) throws IOException {
        return hasRights(folder)
                ? new FileAttribute<?>[] {PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString(rights))}
                : new FileAttribute<?>[0];
    }

    private static boolean hasRights(Path of) throws IOException {
        return Files.getFileStore(of).supportsFileAttributeView(PosixFileAttributeView.class);
    }

    /** Makes a folder that its owner alone may enter, where it is missing; one that is there stays as it is. */
    public static Path folder(Path folder) throws IOException {
        Path whole = folder.toAbsolutePath();
        if (!Files.isDirectory(whole)) {
            Path above = Files.createDirectories(whole.getParent());
            try {
                Files.createDirectory(whole, ownerAlone(above, FOLDER));
            } catch (FileAlreadyExistsException e) {
                if (!Files.isDirectory(whole)) {
                    throw e;
                }
            }
        }
        return folder;
    }

    /**
     * Makes a file, which outlasts the host's power when this returns.
     *
     * @throws FileAlreadyExistsException where there is one.
     */
    public static void create(Path file, byte[] bytes) throws IOException {
        Path folder = file.toAbsolutePath().getParent();
        Set<StandardOpenOption> isNew = Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
        try (FileChannel channel = FileChannel.open(file, isNew, ownerAlone(folder, FILE))) {
            put(channel, bytes);
        }
        Directories.forceNames(folder);
    }

    private static void put(FileChannel channel, byte[] bytes) throws IOException {
        for (ByteBuffer left = ByteBuffer.wrap(bytes); left.hasRemaining(); ) {
            channel.write(left);
        }
        channel.force(true);
    }

    /**
     * Looks at a file's permissions before it is believed.
     *
     * @throws IOException where others than its owner may read, write or run it; the message names no file.
     */
    public static void requireOwnerAlone(Path file) throws IOException {
        if (!hasRights(file)) {
            return;
        }
        Set<PosixFilePermission> others = new HashSet<>(Files.getPosixFilePermissions(file));
        others.removeAll(PosixFilePermissions.fromString("rwx------"));
        if (!others.isEmpty()) {
            throw new IOException("others than its owner may use it. Run chmod 600 " + file
                    + ", and think whether somebody has read it");
        }
    }

    /**
     * Writes a file whole or, where the process or the host ends meanwhile, not at all; it outlasts the host's power
     * when this returns. Its folder is made where it is missing.
     */
    public static void write(Path file, byte[] bytes) throws IOException {
        Path folder = Directories.create(file.toAbsolutePath().getParent());
        Path partial =
                Files.createTempFile(folder, file.getFileName().toString(), ".partial", ownerAlone(folder, FILE));
        try {
            try (FileChannel channel = FileChannel.open(partial, StandardOpenOption.WRITE)) {
                put(channel, bytes);
            }
            Files.move(partial, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            Directories.forceNames(folder);
        } finally {
            Files.deleteIfExists(partial);
        }
    }
}
