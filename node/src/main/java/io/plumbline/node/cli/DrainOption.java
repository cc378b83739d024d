package io.plumbline.node.cli;

import com.beust.jcommander.Parameter;
import java.io.IOException;
import java.time.Duration;

/** The time that a process has for what it has begun, once it is told to end. */
public final class DrainOption {
    private static final int DEFAULT_S = 30;

    @Parameter(
            names = "--drain-seconds",
            description = "once it is told to end: seconds for what was begun, after which it is cut and receipted")
    private int seconds = DEFAULT_S;

    /** Looks at the option, before anything is started. */
    public void requireSound() throws IOException {
        if (seconds < 0) {
            throw new IOException("--drain-seconds must be 0 or more, not " + seconds + ".");
        }
    }

    public Duration bound() {
        return Duration.ofSeconds(seconds);
    }
}
