package io.plumbline.inference;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;

/** Test inputs that do not ship with the project: tests that need them skip, and say so, where they are absent. */
public final class Material {
    private static final Path FOLDER = Path.of("../../shared/material");

    private Material() {}

    /** A file or folder of the test material. */
    public static Path of(String name) {
        Path path = FOLDER.resolve(name);
        assumeTrue(Files.exists(path), name + " is not here: it is test material that does not ship with the project");
        return path;
    }
}
