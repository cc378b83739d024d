package io.plumbline.node.cli.config;

import java.nio.file.Path;

/**
 * The place that an option's value comes from.
 *
 * @param file a configuration file; null for a variable.
 * @param line from 1; 0 for the file as a whole.
 * @param variable of the environment; null for a file.
 */
record Origin(Path file, int line, String variable) {
    static Origin of(Path file, int line) {
        return new Origin(file, line, null);
    }

    static Origin of(String variable) {
        return new Origin(null, 0, variable);
    }

    /** {@code FILE:LINE}, {@code FILE}, or the variable. */
    @Override
    public String toString() {
        if (variable != null) {
            return variable;
        }
        return line == 0 ? file.toString() : file + ":" + line;
    }
}
