package io.plumbline.node.cli.apikey;

import com.beust.jcommander.JCommander;
import com.beust.jcommander.Parameters;
import io.plumbline.node.cli.CommandOptions;
import java.io.IOException;
import java.util.concurrent.Callable;

/** {@code plumbline api-key}: who may use a server, and how much. */
@Parameters(commandNames = "api-key", commandDescription = "Give API keys to those that may use a server.")
public final class ApiKeyCommand extends CommandOptions implements Callable<Integer> {
    public static void addTo(JCommander apiKey) {
        apiKey.addCommand(new NewApiKeyCommand());
        apiKey.addCommand(new ListApiKeysCommand());
        apiKey.addCommand(new CreditApiKeyCommand());
        apiKey.addCommand(new ApiKeyUsageCommand());
        apiKey.addCommand(new RevokeApiKeyCommand());
    }

    @Override
    public Integer call() throws IOException {
        throw new IOException("Say what to do with API keys: new, list, credit, usage or revoke.");
    }
}
