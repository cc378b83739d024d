package io.plumbline.node.cli.model;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.converters.PathConverter;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.inference.tensor.TensorPackage;
import io.plumbline.node.cli.CommandOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;

/** Commands on one imported model. */
abstract class ImportedModelCommand extends CommandOptions implements Callable<Integer> {
    @Parameter(description = "DIR: imported model", required = true, converter = PathConverter.class)
    private Path folder;

    abstract void run(LoadedModel model) throws IOException;

    /** The same for an ONNX model. */
    abstract void run(TensorPackage model) throws IOException;

    @Override
    public Integer call() throws IOException {
        if (TensorPackage.isIn(folder)) {
            run(TensorPackage.open(folder));
            return 0;
        }
        try (LoadedModel model = LoadedModel.open(folder)) {
            run(model);
        }
        return 0;
    }
}
