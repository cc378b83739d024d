package io.plumbline.node.cli.config;

import com.beust.jcommander.JCommander;
import com.beust.jcommander.Parameters;
import io.plumbline.node.cli.CommandOptions;
import java.io.IOException;
import java.util.concurrent.Callable;

/** {@code plumbline config}: configuration files of roles. */
@Parameters(commandNames = "config", commandDescription = "Look over, show or make a role's configuration file.")
public final class ConfigCommand extends CommandOptions implements Callable<Integer> {
    public static void addTo(JCommander config) {
        config.addCommand(new CheckCommand());
        config.addCommand(new ShowCommand());
        config.addCommand(new TemplateCommand());
    }

    @Override
    public Integer call() throws IOException {
        throw new IOException("Say what to do with the configuration: check, show or template.");
    }
}
