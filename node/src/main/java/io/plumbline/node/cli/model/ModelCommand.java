package io.plumbline.node.cli.model;

import com.beust.jcommander.JCommander;
import com.beust.jcommander.Parameters;
import io.plumbline.node.cli.CommandOptions;
import java.io.IOException;
import java.util.concurrent.Callable;

/** {@code plumbline model}: import and inspect models. */
@Parameters(commandNames = "model", commandDescription = "Import and inspect models.")
public final class ModelCommand extends CommandOptions implements Callable<Integer> {
    public static void addTo(JCommander model) {
        model.addCommand(new ImportCommand());
        model.addCommand(new InfoCommand());
        model.addCommand(new IdCommand());
        model.addCommand(new VerifyModelCommand());
        model.addCommand(new KeyCommand());
        model.addCommand(new CalibrateCommand());
        model.addCommand(new PushCommand());
        model.addCommand(new PullCommand());
    }

    @Override
    public Integer call() throws IOException {
        throw new IOException("Say what to do with the model: import, info, id, verify, key, calibrate, push or pull.");
    }
}
