package io.plumbline.node.cli.role;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import com.beust.jcommander.ParametersDelegate;
import io.plumbline.node.cli.Check;
import io.plumbline.node.cli.ConfigurableCommand;
import io.plumbline.node.cli.ModelById;
import io.plumbline.node.cli.NamedPaths;
import io.plumbline.node.cli.OperatorOptions;
import io.plumbline.node.cli.blob.BlobPlaces;
import io.plumbline.node.health.FaultListener;
import io.plumbline.node.health.Lifecycle;
import io.plumbline.node.health.RunningRole;
import io.plumbline.node.metrics.DiskMetrics;
import io.plumbline.node.network.Event;
import io.plumbline.node.network.Events;
import io.plumbline.node.network.Network;
import io.plumbline.node.page.PageSource;
import io.plumbline.verifier.platform.Directories;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Options that every role has. */
abstract class RoleCommand extends ConfigurableCommand {
    @Parameter(names = "--network", required = true, description = "FILE: the network's full nodes and genesis")
    private Path network;

    @ParametersDelegate
    final KeyOption key;

    @Parameter(names = "--dir", required = true, description = "DIR: this role's data")
    Path dir;

    @Parameter(names = "--host", description = "address others reach this process at")
    String host = "localhost";

    @Parameter(
            names = "--exit-with-stdin",
            description = "end when standard input ends, for a parent that must leave nothing behind")
    private boolean exitWithStdin;

    @ParametersDelegate
    final OperatorOptions operator;

    /** Once it is called. */
    Events events;

    private Lifecycle life;

    /** Run by its options. */
    RoleCommand() {
        this(new KeyFileOption());
    }

    /** With another way to say what signs. */
    RoleCommand(KeyOption key) {
        this(key, new OperatorOptions());
    }

    private RoleCommand(KeyOption key, OperatorOptions operator) {
        this.key = key;
        this.operator = operator;
    }

    /** Run by another command, which has the operator's options. */
    RoleCommand(Place place, OperatorOptions operator) {
        this(new KeyFileOption(place.key), operator);
        this.network = place.network;
        this.dir = place.dir;
        this.host = place.host;
    }

    /**
     * Where a role runs, and as whom.
     *
     * @param network file of its network.
     * @param key file of its key.
     * @param dir for its data.
     * @param host address that others reach it at.
     */
    public record Place(Path network, Path key, Path dir, String host) {}

    /**
     * Starts the role.
     *
     * @param faults hears that it cannot go on: what cannot must not linger half dead.
     */
    abstract RunningRole open(Network on, KeyPair keys, FaultListener faults) throws Exception;

    /** Whether the role has a page at its operator's port. */
    boolean hasPage() {
        return false;
    }

    /** Conditions on the options that one role has and others do not. */
    abstract List<Check> ownChecks();

    @Override
    protected final List<Check> checks() {
        List<Check> checks = new ArrayList<>(List.of(
                () -> {
                    NamedPaths.requireFile("--network", network);
                    Network.read(network);
                },
                key::require,
                () -> NamedPaths.requireWritable("--dir", dir),
                () -> NamedPaths.requireHost("--host", host)));
        checks.addAll(operator.checks());
        checks.addAll(ownChecks());
        return checks;
    }

    @Override
    public Integer call() throws Exception {
        requireSound();
        events = operator.events(getClass().getAnnotation(Parameters.class).commandNames()[0]);
        life = new Lifecycle(events::emit);
        keepTemporaryFiles();
        if (exitWithStdin) {
            Thread.ofPlatform().daemon().name("stdin").start(this::followStdin);
        }
        return life.run(this::started, operator.drainBound()).code();
    }

    private RunningRole started(FaultListener faults) throws Exception {
        operator.listen(host, life, events::emit, hasPage());
        Network on = Network.read(network);
        RunningRole role = open(on, key.open(on), faults);
        if (role instanceof PageSource source) {
            operator.show(source);
        }
        role.bindTo(operator.metrics().registry());
        new DiskMetrics(dir).bindTo(operator.metrics().registry());
        return role;
    }

    /** Folder of a model that is named by its id: here, or fetched from the network's data nodes. */
    final Path pulled(Path modelId, Network on) throws IOException {
        return ModelById.find(
                modelId,
                () -> BlobPlaces.of(on),
                percent -> events.emit(new Event.Pulling(modelId.toString(), percent)),
                warning -> events.emit(new Event.Warning(warning)));
    }

    /**
     * Some libraries unpack native code to a file when they are first used, and leave it there when the process is
     * killed: in this role's own folder, where the next start takes it away. It serves those that read the property
     * themselves; the JDK's own temporary files are where they were when the process began, so large libraries are
     * loaded by {@link io.plumbline.verifier.platform.ExtractedLibraries}.
     */
    private void keepTemporaryFiles() throws IOException {
        Path temporary = dir.resolve("tmp");
        Directories.delete(temporary);
        Files.createDirectories(temporary);
        System.setProperty("java.io.tmpdir", temporary.toString());
    }

    private void followStdin() {
        try {
            while (System.in.read() >= 0) {
                Thread.onSpinWait();
            }
        } catch (IOException e) {
            // The parent is gone, which is what we wait for.
        }
        life.end();
    }
}
