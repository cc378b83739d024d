package io.plumbline.node.cli;

import io.plumbline.data.store.BlobIds;
import io.plumbline.data.transfer.BlobNode;
import io.plumbline.data.transfer.RateLimit;
import io.plumbline.inference.tensor.TensorPackage;
import io.plumbline.node.data.KnownDataNodes;
import io.plumbline.node.data.ModelPull;
import io.plumbline.verifier.encoding.Bytes32;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.IntConsumer;

/** Models that are named by their ids alone: fetched from data nodes once, and found here afterwards. */
public final class ModelById {
    private ModelById() {}

    /** Whether a word names a model by its id, not a folder or a file. */
    public static boolean is(Path model) {
        return model.toString().matches("[0-9a-fA-F]{64}") && !Files.exists(model);
    }

    /**
     * A model's folder.
     *
     * @param model its id.
     * @param nodes asked for where it is not here.
     * @param percent hears how far it is, every ten percent.
     * @param warnings hears of data nodes that failed while others went on.
     */
    public static Path find(Path model, KnownDataNodes nodes, IntConsumer percent, Consumer<String> warnings)
            throws IOException {
        Bytes32 id = BlobIds.parse(model.toString());
        Path folder = TensorPackage.store().resolve(id.toString());
        if (Files.exists(folder)) {
            return folder;
        }
        List<BlobNode> found = nodes.find();
        if (found.isEmpty()) {
            throw new IOException(
                    "Model " + id + " is not in " + folder.getParent()
                            + ", and there is no data node to fetch it from. Name one by --data-node URL, or a model's folder.");
        }
        ModelPull.run(id, found, RateLimit.none(), folder, new Percents(percent, warnings));
        return folder;
    }

    /** Tells of every tenth. */
    private static final class Percents implements ModelPull.Listener {
        private static final int STEP = 10;

        private final IntConsumer percent;
        private final Consumer<String> warnings;
        private long all;
        private long done;
        private int told = -1;

        Percents(IntConsumer percent, Consumer<String> warnings) {
            this.percent = percent;
            this.warnings = warnings;
        }

        @Override
        public void begins(long bytes) {
            all = Math.max(1, bytes);
        }

        @Override
        public void more(long bytes) {
            done += bytes;
            int now = (int) Math.min(100, 100 * done / all);
            if (now / STEP > told / STEP || told < 0) {
                told = now;
                percent.accept(now);
            }
        }

        @Override
        public void warn(String warning) {
            warnings.accept(warning);
        }
    }
}
