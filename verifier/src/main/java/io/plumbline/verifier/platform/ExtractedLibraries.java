package io.plumbline.verifier.platform;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * Loads shared objects that other libraries ship in their jars. Those libraries copy them out themselves and remove the
 * copies when the process ends in order; a process that is killed leaves tens of megabytes behind, each time. Once a
 * shared object is mapped its name is no longer needed, so these copies are removed as soon as they are loaded.
 */
public final class ExtractedLibraries {
    /** Loads what was copied. */
    @FunctionalInterface
    public interface Loader {
        /** @param folder holds the copies, each under the last part of its resource's name. */
        void load(Path folder) throws IOException;
    }

    private ExtractedLibraries() {}

    /**
     * Copies resources to a new folder among the host's temporary files, has them loaded, and removes them.
     *
     * @param owner a class of the jar that has them.
     * @param resources absolute names.
     * @return whether they are there; where one is not, nothing is loaded.
     * @throws IOException where they cannot be copied, or as the loader does.
     */
    public static boolean load(Class<?> owner, List<String> resources, Loader loader) throws IOException {
        for (String resource : resources) {
            if (owner.getResource(resource) == null) {
                return false;
            }
        }
        Path folder = Files.createTempDirectory("plumbline-lib-");
        try {
            for (String resource : resources) {
                Path copy = folder.resolve(resource.substring(resource.lastIndexOf('/') + 1));
                try (InputStream in = owner.getResourceAsStream(resource)) {
                    Files.copy(in, copy);
                }
            }
            loader.load(folder);
            return true;
        } finally {
            Directories.delete(folder);
        }
    }
}
