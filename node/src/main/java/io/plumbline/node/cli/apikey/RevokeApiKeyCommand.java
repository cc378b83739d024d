package io.plumbline.node.cli.apikey;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import io.plumbline.node.network.Terminal;
import io.plumbline.node.tenant.TenantFile;
import java.io.IOException;

/** {@code plumbline api-key revoke}. */
@Parameters(commandNames = "revoke", commandDescription = "Take a tenant's API key away.")
final class RevokeApiKeyCommand extends ApiKeyOptions {
    @Parameter(description = "NAME: of the tenant", required = true)
    private String name;

    @Override
    public Integer call() throws IOException {
        TenantFile.remove(file, name);
        Terminal.print(
                "revoked   the key of " + name + "; servers refuse it within seconds, and end what they have begun");
        return 0;
    }
}
