package io.plumbline.node.cli.apikey;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import io.plumbline.node.network.Terminal;
import io.plumbline.node.tenant.TenantFile;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** {@code plumbline api-key credit}. */
@Parameters(commandNames = "credit", commandDescription = "Add to what a tenant's answers may cost.")
final class CreditApiKeyCommand extends ApiKeyOptions {
    @Parameter(description = "NAME AMOUNT: of the tenant, and in the ledger's smallest unit", required = true)
    private List<String> nameAndAmount = new ArrayList<>();

    @Override
    public Integer call() throws IOException {
        if (nameAndAmount.size() != 2 || !nameAndAmount.get(1).matches("\\d{1,18}")) {
            throw new IOException("Say whom to credit and with how much: ./plumbline api-key credit NAME AMOUNT.");
        }
        String name = nameAndAmount.get(0);
        long given = TenantFile.credit(file, name, Long.parseLong(nameAndAmount.get(1)));
        Terminal.print("credited  " + name + ", which was given " + given + " in all; servers know it within seconds");
        return 0;
    }
}
