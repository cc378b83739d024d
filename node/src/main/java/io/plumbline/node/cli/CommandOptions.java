package io.plumbline.node.cli;

import com.beust.jcommander.Parameter;

/** What every command understands. */
public abstract class CommandOptions {
    @Parameter(
            names = {"--help", "-h"},
            description = "print this help",
            help = true)
    private boolean help;

    /** Whether only help was asked for. */
    public final boolean isHelpWanted() {
        return help;
    }
}
