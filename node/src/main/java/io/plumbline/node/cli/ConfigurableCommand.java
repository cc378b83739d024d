package io.plumbline.node.cli;

import com.beust.jcommander.Parameter;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;

/** A command that stays, whose options may stand in a configuration file and in the environment as well. */
public abstract class ConfigurableCommand extends CommandOptions implements Callable<Integer> {
    @Parameter(
            names = "--config",
            description =
                    "FILE: options in TOML, by their names without dashes; ./plumbline config template makes one."
                            + " The command line goes before PLUMBLINE_ variables of the environment, and those before the file")
    private Path config;

    /** The configuration file; null where none is named. */
    public final Path config() {
        return config;
    }

    /** Conditions on the options that were read; each is looked at, also where one before it does not hold. */
    protected abstract List<Check> checks();

    /** Each condition that does not hold, in words; empty where the process can be started. */
    public final List<String> faults() {
        List<String> faults = new ArrayList<>();
        for (Check check : checks()) {
            try {
                check.run();
            } catch (IOException | IllegalArgumentException e) {
                if (!faults.contains(e.getMessage())) {
                    faults.add(e.getMessage());
                }
            }
        }
        return faults;
    }

    /** @throws WrongOptionsException with each condition that does not hold. */
    protected final void requireSound() throws WrongOptionsException {
        List<String> faults = faults();
        if (!faults.isEmpty()) {
            throw new WrongOptionsException(faults);
        }
    }
}
