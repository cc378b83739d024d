package io.plumbline.node.cli.ledger;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import io.plumbline.ledger.cluster.Snapshots;
import io.plumbline.ledger.state.Account;
import io.plumbline.ledger.state.LedgerState;
import io.plumbline.node.cli.CommandOptions;
import io.plumbline.node.cli.NamedPaths;
import io.plumbline.node.network.Network;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.Callable;

/** {@code plumbline ledger read-snapshot}. */
@Parameters(
        commandNames = "read-snapshot",
        commandDescription = "FILE: say how the ledger stood when a snapshot was taken, such as an archived one.")
final class ReadSnapshotCommand extends CommandOptions implements Callable<Integer> {
    @Parameter(required = true, description = "FILE")
    private List<Path> files;

    @Parameter(names = "--network", required = true, description = "FILE: the network's full nodes and genesis")
    private Path network;

    @Parameter(names = "--account", description = "KEY: also say what this public key had")
    private String account;

    @Override
    public Integer call() throws IOException {
        Path file = files.getFirst();
        NamedPaths.requireFile("read-snapshot", file);
        NamedPaths.requireFile("--network", network);
        LedgerState state = read(file);
        System.out.println("height     " + state.height());
        System.out.println("block      " + state.block());
        System.out.println("time       " + Instant.ofEpochMilli(state.timeMs()));
        System.out.println("state root " + Blake3.hex(state.root()));
        System.out.println("deposited  " + state.deposited());
        System.out.println("nodes      " + state.nodes().size());
        if (account != null) {
            Bytes32 key = PublicKeys.parse(account, "--account");
            Account had = state.account(key);
            System.out.println("balance    " + had.balance());
            System.out.println("stake      " + had.stake());
        }
        return 0;
    }

    private LedgerState read(Path file) throws IOException {
        try {
            return Snapshots.decode(Network.read(network).genesis(), Files.readAllBytes(file));
        } catch (IllegalStateException e) {
            // Its message advises a full node's operator.
            throw new IOException(file + " is no whole snapshot, or this build is not the one that wrote it.", e);
        } catch (MalformedException e) {
            throw new IOException(file + " is no snapshot of the ledger of " + network + ": " + e.getMessage(), e);
        }
    }
}
