package io.plumbline.node.cli.model;

import com.beust.jcommander.Parameters;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.inference.tensor.TensorPackage;
import io.plumbline.node.network.Terminal;
import java.io.IOException;
import me.tongfei.progressbar.ProgressBar;

/** {@code plumbline model verify}. */
@Parameters(commandNames = "verify", commandDescription = "Check every byte of an imported model against its id.")
final class VerifyModelCommand extends ImportedModelCommand {
    @Override
    void run(LoadedModel model) throws IOException {
        try (ProgressBar bar = Terminal.progress("verify")) {
            model.verify(share -> bar.stepTo((long) (share * 100)));
        }
        Terminal.print("good     " + model.id());
    }

    @Override
    void run(TensorPackage model) throws IOException {
        try (ProgressBar bar = Terminal.progress("verify")) {
            model.verify(share -> bar.stepTo((long) (share * 100)));
        }
        Terminal.print("good     " + model.manifest().id());
    }
}
