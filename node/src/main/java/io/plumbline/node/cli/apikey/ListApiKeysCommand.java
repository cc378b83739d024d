package io.plumbline.node.cli.apikey;

import com.beust.jcommander.Parameters;
import io.plumbline.node.network.Terminal;
import io.plumbline.node.tenant.Quota;
import io.plumbline.node.tenant.Tenant;
import io.plumbline.node.tenant.TenantFile;
import java.io.IOException;

/** {@code plumbline api-key list}. */
@Parameters(
        commandNames = "list",
        commandDescription = "Name the tenants that have an API key, and what each may ask for.")
final class ListApiKeysCommand extends ApiKeyOptions {
    private static final String FORMAT = "%-24s %-10s %12s %12s %12s %10s %12s  %s";

    @Override
    public Integer call() throws IOException {
        Terminal.print(String.format(
                FORMAT,
                "tenant",
                "since",
                "requests/min",
                "tokens/min",
                "tokens/day",
                "concurrent",
                "budget",
                "models"));
        for (Tenant tenant : TenantFile.read(file)) {
            Quota quota = tenant.quota();
            Terminal.print(String.format(
                    FORMAT,
                    tenant.name(),
                    tenant.created(),
                    limit(quota.requestsPerMinute()),
                    limit(quota.tokensPerMinute()),
                    limit(quota.tokensPerDay()),
                    limit(quota.concurrent()),
                    tenant.hasBudget() ? Long.toString(tenant.budget()) : "any",
                    tenant.models().isEmpty()
                            ? "all"
                            : String.join(
                                    ", ", tenant.models().stream().sorted().toList())));
        }
        return 0;
    }

    private static String limit(long most) {
        return most == 0 ? "any" : Long.toString(most);
    }
}
