package io.plumbline.verifier.platform;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.HashSet;
import java.util.Set;

/** Files with secrets, which their owner alone may read and write. */
public final class PrivateFiles {
    private static final FileAttribute<Set<PosixFilePermission>> OWNER_ALONE =
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));

    private PrivateFiles() {}

    /**
     * Looks at a file's permissions before it is believed.
     *
     * @throws IOException where others than its owner may read, write or run it; the message names no file.
     */
    public static void requireOwnerAlone(Path file) throws IOException {
        Set<PosixFilePermission> others = new HashSet<>(Files.getPosixFilePermissions(file));
        others.removeAll(PosixFilePermissions.fromString("rwx------"));
        if (!others.isEmpty()) {
            throw new IOException("others than its owner may use it. Run chmod 600 " + file
                    + ", and think whether somebody has read it");
        }
    }

    /**
     * Writes a file whole or, where the process or the host ends meanwhile, not at all. Its folder is made where it is
     * missing.
     */
    public static void write(Path file, byte[] bytes) throws IOException {
        Path folder = Files.createDirectories(file.toAbsolutePath().getParent());
        Path partial = Files.createTempFile(folder, file.getFileName().toString(), ".partial", OWNER_ALONE);
        try {
            try (FileChannel channel = FileChannel.open(partial, StandardOpenOption.WRITE)) {
                for (ByteBuffer left = ByteBuffer.wrap(bytes); left.hasRemaining(); ) {
                    channel.write(left);
                }
                channel.force(true);
            }
            Files.move(partial, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } finally {
            Files.deleteIfExists(partial);
        }
    }
}
