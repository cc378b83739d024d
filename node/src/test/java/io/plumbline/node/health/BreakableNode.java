package io.plumbline.node.health;

import com.beust.jcommander.JCommander;
import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import io.plumbline.inference.language.engine.DeviceFailedException;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.node.cli.role.InferenceNodeCommand;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.AbstractList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;

/** An inference node whose weights can no longer be read once a file is there: as a GPU fails, or a disk. */
@Parameters(commandNames = "breakable-node")
public final class BreakableNode extends InferenceNodeCommand {
    @Parameter(names = "--broken", description = "FILE: from when it is there on nothing is computed any more")
    private Path broken;

    @Parameter(names = "--how", description = "what happens then: an error, a device's failure")
    private String how;

    @Parameter(names = "--token-ms", description = "what a token takes at least")
    private long tokenMs;

    public static void main(String[] arguments) throws Exception {
        BreakableNode node = new BreakableNode();
        JCommander.newBuilder().addObject(node).build().parse(arguments);
        System.exit(node.call());
    }

    @Override
    protected List<LoadedModel.Layer> layers(LoadedModel loaded) {
        List<LoadedModel.Layer> layers = loaded.layers();
        return new AbstractList<>() {
            @Override
            public LoadedModel.Layer get(int index) {
                if (broken != null && Files.exists(broken)) {
                    if (how.equals("error")) {
                        throw new OutOfMemoryError("no memory, as a test wants it");
                    }
                    throw new DeviceFailedException("the device is gone, as a test wants it");
                }
                if (index == 0 && tokenMs > 0) {
                    LockSupport.parkNanos(tokenMs * 1_000_000);
                }
                return layers.get(index);
            }

            @Override
            public int size() {
                return layers.size();
            }
        };
    }
}
