package io.plumbline.node.cli.config;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/**
 * The words of a command about a role's configuration file.
 *
 * @param file null where none is named.
 */
record RoleFile(String role, Path file) {
    /**
     * @param words ROLE and FILE.
     * @param needsFile whether FILE may not be missing.
     * @throws IOException where there are more or fewer.
     */
    static RoleFile of(List<String> words, boolean needsFile) throws IOException {
        if (words.size() > 2 || words.size() < (needsFile ? 2 : 1)) {
            throw new IOException("Name a role and " + (needsFile ? "its" : "perhaps its")
                    + " configuration file: ROLE FILE. Roles are " + String.join(", ", RoleOptions.names()) + ".");
        }
        return new RoleFile(words.getFirst(), words.size() == 1 ? null : Path.of(words.get(1)));
    }
}
