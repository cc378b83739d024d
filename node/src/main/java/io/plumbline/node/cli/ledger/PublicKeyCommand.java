package io.plumbline.node.cli.ledger;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import com.beust.jcommander.converters.PathConverter;
import io.plumbline.node.cli.CommandOptions;
import io.plumbline.node.network.Network;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;

/** {@code plumbline ledger public-key}. */
@Parameters(commandNames = "public-key", commandDescription = "Show a key file's public key, also of a key in a token.")
final class PublicKeyCommand extends CommandOptions implements Callable<Integer> {
    @Parameter(description = "FILE: the key file", required = true, converter = PathConverter.class)
    private Path file;

    @Override
    public Integer call() throws IOException {
        System.out.println(Network.readKey(file).publicKey().toString());
        return 0;
    }
}
