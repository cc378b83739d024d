package io.plumbline.node.cli.role;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import com.beust.jcommander.ParametersDelegate;
import io.plumbline.data.store.BlobIds;
import io.plumbline.node.cli.Bounds;
import io.plumbline.node.cli.Check;
import io.plumbline.node.cli.ModelById;
import io.plumbline.node.cli.NamedPaths;
import io.plumbline.node.full.FullNode;
import io.plumbline.node.health.FaultListener;
import io.plumbline.node.health.RunningRole;
import io.plumbline.node.network.Network;
import io.plumbline.verifier.model.VerifierKeyFile;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** {@code plumbline full-node}. */
@Parameters(commandNames = "full-node", commandDescription = "Order, audit and settle, on a host without a GPU.")
public final class FullNodeCommand extends RoleCommand {
    @Parameter(
            names = "--model",
            description =
                    "DIR: imported model whose answers it judges, or a model's ID to fetch it from the network's data"
                            + " nodes; again for more. ONNX models, and at most one language model")
    private List<Path> models = new ArrayList<>();

    @Parameter(
            names = "--verifier-key",
            description = "FILE: the verifier key, made of the model where it is not there; in --dir where none is"
                    + " named")
    private Path verifierKey;

    @Parameter(
            names = "--snapshot-mib",
            description =
                    "MiB of the ledger's log from one snapshot to the next; what is older than the last but one is dropped",
            validateValueWith = Bounds.AtLeastOne.class)
    private long snapshotMib = FullNode.SNAPSHOT_BYTES >> 20;

    @ParametersDelegate
    private ArchiveOptions archive = new ArchiveOptions();

    private final FullNodeKeyOption signing;

    public FullNodeCommand() {
        this(new FullNodeKeyOption());
    }

    private FullNodeCommand(FullNodeKeyOption signing) {
        super(signing);
        this.signing = signing;
    }

    @Override
    boolean hasPage() {
        return true;
    }

    @Override
    List<Check> ownChecks() {
        List<Check> checks = new ArrayList<>(archive.checks());
        for (Path model : models) {
            checks.add(() -> {
                if (!ModelById.is(model)) {
                    NamedPaths.requireFolder("--model", model);
                }
            });
        }
        checks.add(() -> {
            if (models.isEmpty() && !Files.exists(verifierKey())) {
                throw new IOException("--verifier-key: " + verifierKey()
                        + " does not exist; name the model to make it of with --model, or a key with --verifier-key.");
            }
        });
        return checks;
    }

    private Path verifierKey() {
        return verifierKey == null ? dir.resolve("verifier.key") : verifierKey;
    }

    @Override
    RunningRole open(Network on, KeyPair keys, FaultListener faults) throws IOException {
        List<Path> here = new ArrayList<>();
        for (Path model : models) {
            if (!ModelById.is(model)) {
                here.add(model);
            } else if (!hasKeyOf(model)) {
                here.add(pulled(model, on));
            }
        }
        FullNode.Context context = new FullNode.Context(
                        here, verifierKey(), dir, snapshotMib << 20, FullNode.ANSWER_TIMEOUT_MS)
                .archivingAt(archive.open())
                .signingBy(signing.remote());
        return FullNode.launch(on, keys, context, events, faults);
    }

    /** A language model is read once: with its key here, its weights need not be. */
    private boolean hasKeyOf(Path modelId) throws IOException {
        return Files.exists(verifierKey())
                && VerifierKeyFile.modelId(verifierKey()).equals(BlobIds.parse(modelId.toString()));
    }
}
