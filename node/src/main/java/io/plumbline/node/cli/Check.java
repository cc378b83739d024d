package io.plumbline.node.cli;

import java.io.IOException;

/** A condition on options, or on the files that they name, which is looked at before anything is started. */
@FunctionalInterface
public interface Check {
    /** @throws IOException where it does not hold; the message names the option, as {@code --port}, or the file. */
    void run() throws IOException;
}
