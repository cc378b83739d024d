package io.plumbline.node.cli.model;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.ParameterException;
import com.beust.jcommander.Parameters;
import io.plumbline.inference.language.engine.SpeedProbe;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.node.cli.CommandOptions;
import io.plumbline.node.network.Terminal;
import io.plumbline.verifier.model.VerifierKey;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import me.tongfei.progressbar.ProgressBar;

/** {@code plumbline model key}. */
@Parameters(
        commandNames = "key",
        commandDescription = "Make the secret key that a full node audits with in place of the weights.")
final class KeyCommand extends CommandOptions implements Callable<Integer> {
    @Parameter(description = "DIR FILE: imported model; the key file to make")
    private List<Path> paths = new ArrayList<>();

    @Override
    public Integer call() throws IOException {
        if (paths.size() != 2) {
            throw new ParameterException("Name two: the imported model's folder, and the key file to make.");
        }
        boolean wasThere = Files.exists(paths.get(1));
        try (LoadedModel model = LoadedModel.open(paths.get(0))) {
            VerifierKey key;
            try (ProgressBar bar = Terminal.progress("verifier key")) {
                key = model.verifierKey(paths.get(1), share -> bar.stepTo((long) (share * 100)));
            }
            Terminal.print((wasThere ? "good     " : "made     ") + paths.get(1) + ", " + key.bytes() / 1_000_000
                    + " MB of secrets in place of " + SpeedProbe.weightBytes(model) / 1_000_000
                    + " MB of weights; readable by you alone");
        }
        return 0;
    }
}
