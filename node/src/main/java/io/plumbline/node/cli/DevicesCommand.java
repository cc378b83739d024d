package io.plumbline.node.cli;

import com.beust.jcommander.Parameters;
import io.plumbline.inference.language.engine.Accelerator;
import io.plumbline.inference.language.engine.Device;
import io.plumbline.inference.language.kernels.Backend;
import io.plumbline.inference.tensor.TensorBackend;
import io.plumbline.node.network.Terminal;
import java.util.concurrent.Callable;

/** Says what an inference node on this host would compute with. */
@Parameters(commandNames = "devices", commandDescription = "List what this host can run models on.")
public final class DevicesCommand extends CommandOptions implements Callable<Integer> {
    @Override
    public Integer call() {
        for (Accelerator accelerator : Accelerator.all()) {
            Accelerator.Found found = accelerator.find();
            for (int i = 0; i < found.devices().size(); i++) {
                Device device = found.devices().get(i);
                Terminal.print(i + "    " + device.name() + ", " + accelerator.kind() + ", --device " + device.id()
                        + ", PCI " + device.bus());
            }
            if (found.devices().isEmpty()) {
                Terminal.print("      " + accelerator.kind() + ": none; " + found.why());
            }
        }
        Terminal.print(
                "cpu   " + Backend.best().name() + ", " + Runtime.getRuntime().availableProcessors() + " processors");
        for (TensorBackend backend : TensorBackend.all()) {
            String absence = backend.absence();
            Terminal.print("onnx  " + backend.name() + ": "
                    + (absence == null ? "here, in " + backend.precisions() : absence));
        }
        return 0;
    }
}
