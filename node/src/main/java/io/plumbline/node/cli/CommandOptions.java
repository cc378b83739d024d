package io.plumbline.node.cli;

import com.beust.jcommander.Parameter;
import java.nio.file.Path;

/** What every command understands. */
public abstract class CommandOptions {
    @Parameter(
            names = {"--help", "-h"},
            description = "print this help",
            help = true)
    private boolean help;

    /** The model in this repository. */
    public static Path shippedModel() {
        return Path.of(System.getProperty("plumbline.home", "."), "models", "plumbline-stories-2m");
    }

    /** Whether only help was asked for. */
    public final boolean isHelpWanted() {
        return help;
    }
}
