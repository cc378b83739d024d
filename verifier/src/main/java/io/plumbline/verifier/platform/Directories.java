package io.plumbline.verifier.platform;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Comparator;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;

/** Folders whose names outlast the host's power, and their end when they are no longer needed or never finished. */
public final class Directories {
    private static final int ATTEMPTS = 10;
    private static final long PAUSE_NS = 100_000_000;

    private Directories() {}

    /** Makes a folder, and those above it, where they are missing: there also after the power has gone. */
    public static Path create(Path folder) throws IOException {
        Path whole = folder.toAbsolutePath();
        if (!Files.isDirectory(whole)) {
            if (whole.getParent() != null) {
                create(whole.getParent());
            }
            Files.createDirectories(whole);
            if (whole.getParent() != null) {
                forceNames(whole.getParent());
            }
        }
        return folder;
    }

    /**
     * Has the names in a folder outlast the host's power: of a file that was made or renamed in it the bytes alone are
     * on the disk when the file is.
     */
    public static void forceNames(Path folder) throws IOException {
        try (FileChannel names = FileChannel.open(folder, StandardOpenOption.READ)) {
            names.force(true);
        }
    }

    /** Removes a folder and all in it, if it is there. */
    public static void delete(Path folder) throws IOException {
        if (Files.exists(folder)) {
            try (Stream<Path> files = Files.walk(folder)) {
                for (Path path : files.sorted(Comparator.reverseOrder()).toList()) {
                    Files.delete(path);
                }
            }
        }
    }

    /**
     * Removes what is needed no more, as far as it can: again where what used it is just ending and still changes it.
     * What stays is no error of the command that leaves it.
     */
    public static void discard(Path folder) {
        for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
            try {
                delete(folder);
                return;
            } catch (IOException | UncheckedIOException e) {
                LockSupport.parkNanos(PAUSE_NS);
            }
        }
    }
}
