package io.plumbline.node.cli.role;

import com.beust.jcommander.Parameter;
import io.plumbline.node.cli.CommandOptions;
import io.plumbline.node.network.Events;
import io.plumbline.node.network.Network;
import io.plumbline.verifier.platform.Directories;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;

/** Options that every role has. */
abstract class RoleCommand extends CommandOptions implements Callable<Integer> {
    @Parameter(names = "--network", required = true, description = "FILE: the network's full nodes and genesis")
    private Path network;

    @Parameter(names = "--key", required = true, description = "FILE: this role's Ed25519 key")
    private Path key;

    @Parameter(names = "--dir", required = true, description = "DIR: this role's data")
    Path dir;

    @Parameter(names = "--host", description = "address others reach this process at")
    String host = "localhost";

    @Parameter(
            names = "--exit-with-stdin",
            description = "end when standard input ends, for a parent that must leave nothing behind")
    private boolean exitWithStdin;

    final Events events = new Events(System.out);
    private final CountDownLatch end = new CountDownLatch(1);
    private volatile boolean failed;
    private volatile boolean isOpen;

    /** Run by its options. */
    RoleCommand() {}

    /** Run by another command. */
    RoleCommand(Place place) {
        this.network = place.network;
        this.key = place.key;
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

    /** Ends the process: what cannot go on must not linger half dead. */
    final void fail() {
        failed = true;
        end.countDown();
    }

    /** Starts the role. */
    abstract AutoCloseable open(Network on, KeyPair keys) throws Exception;

    @Override
    public Integer call() throws Exception {
        keepTemporaryFiles();
        if (exitWithStdin) {
            Thread.ofPlatform().daemon().start(this::followStdin);
        }
        AutoCloseable role = open(Network.read(network), Network.readKey(key));
        isOpen = true;
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                role.close();
            } catch (Exception e) {
                System.err.println("plumbline: while closing: " + e);
            }
        }));
        end.await();
        return failed ? 1 : 0;
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
        end.countDown();
        if (!isOpen) {
            // It may wait for the ledger, and nobody for it.
            Runtime.getRuntime().halt(0);
        }
    }
}
