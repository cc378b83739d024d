package io.plumbline.verifier.platform;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;

/** Removes folders that are no longer needed, or were never finished. */
public final class Directories {
    private static final int ATTEMPTS = 10;
    private static final long PAUSE_NS = 100_000_000;

    private Directories() {}

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
