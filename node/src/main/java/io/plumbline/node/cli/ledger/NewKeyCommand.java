package io.plumbline.node.cli.ledger;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import com.beust.jcommander.converters.PathConverter;
import io.plumbline.node.cli.CommandOptions;
import io.plumbline.node.network.Network;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;

/** {@code plumbline ledger new-key}. */
@Parameters(commandNames = "new-key", commandDescription = "Make a key file, and show its public key.")
final class NewKeyCommand extends CommandOptions implements Callable<Integer> {
    @Parameter(description = "FILE: must not exist", required = true, converter = PathConverter.class)
    private Path file;

    @Override
    public Integer call() throws IOException {
        if (Files.exists(file)) {
            throw new IOException(file + " exists, and may be the only copy of a key. Name another file.");
        }
        KeyPair keys = KeyPair.random();
        Network.writeKey(file, keys);
        System.err.println("The public key of " + file + ", to be given to others; the file itself is the only copy"
                + " of the secret key:");
        System.out.println(keys.publicKey().toString());
        return 0;
    }
}
