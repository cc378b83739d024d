package io.plumbline.node.cli.model;

import com.beust.jcommander.Parameters;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.inference.tensor.TensorPackage;
import io.plumbline.node.network.Terminal;

/** {@code plumbline model id}. */
@Parameters(commandNames = "id", commandDescription = "Print an imported model's id alone.")
final class IdCommand extends ImportedModelCommand {
    @Override
    void run(LoadedModel model) {
        Terminal.print(model.id().toString());
    }

    @Override
    void run(TensorPackage model) {
        Terminal.print(model.manifest().id().toString());
    }
}
