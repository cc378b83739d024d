package io.plumbline.ledger.faults;

import io.plumbline.ledger.cluster.Backup;
import io.plumbline.ledger.state.Genesis;
import io.plumbline.verifier.receipt.Keys;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Copies the ledger into a folder, on a host of its own. */
final class FaultBackup {
    private FaultBackup() {}

    /** Arguments: genesis file, members, own host, folder. */
    public static void main(String[] arguments) throws Exception {
        Genesis genesis = Genesis.decode(Files.readAllBytes(Path.of(arguments[0])));
        long position = Backup.run(
                List.of(arguments[1].split(",")),
                arguments[2],
                Path.of(arguments[3]),
                FaultMember.TERM_BYTES,
                Keys.random(),
                genesis.hash(),
                at -> {});
        System.out.println("copied " + position);
    }
}
