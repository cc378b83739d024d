package io.plumbline.node.cli.apikey;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.node.gateway.Http;
import io.plumbline.node.gateway.UsageApi;
import io.plumbline.node.network.Terminal;
import io.plumbline.node.tenant.Tenant;
import io.plumbline.node.tenant.TenantFile;
import io.plumbline.node.tenant.TenantUsage;
import io.plumbline.node.tenant.Tenants;
import io.plumbline.node.tenant.Usage;
import io.plumbline.node.tenant.UsageBook;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;

/** {@code plumbline api-key usage}. */
@Parameters(
        commandNames = "usage",
        commandDescription = "Show what each tenant has used of a server, and what it cost.")
final class ApiKeyUsageCommand extends ApiKeyOptions {
    private static final String FORMAT = "%-24s %-10s %10s %12s %12s %12s %12s";

    @Parameter(names = "--dir", required = true, description = "DIR: of the server, which may be running")
    private Path dir;

    @Parameter(names = "--json", description = "as JSON, one tenant a line")
    private boolean isJson;

    @Override
    public Integer call() throws IOException {
        Path usage = dir.resolve(Tenants.USAGE_FILE);
        if (!Files.exists(usage)) {
            throw new IOException(usage + " does not exist: no server with --api-keys has run with --dir " + dir + ".");
        }
        Map<String, Tenant> known = Files.exists(file)
                ? TenantFile.read(file).stream().collect(Collectors.toMap(Tenant::name, Function.identity()))
                : Map.of();
        List<TenantUsage> all = UsageBook.report(usage);
        if (isJson) {
            for (TenantUsage one : all) {
                Terminal.print(Http.MAPPER.writeValueAsString(described(one, known.get(one.tenant()))));
            }
            return 0;
        }
        Terminal.print(String.format(FORMAT, "tenant", "day", "answers", "prompts", "completions", "cost", "left"));
        for (TenantUsage one : all) {
            one.days().forEach((day, used) -> print(one.tenant(), day, used, ""));
            print(one.tenant(), "in all", one.total(), left(one, known.get(one.tenant())));
        }
        return 0;
    }

    private static void print(String tenant, String day, Usage used, String left) {
        Terminal.print(String.format(
                FORMAT, tenant, day, used.answers(), used.promptTokens(), used.completionTokens(), used.cost(), left));
    }

    private static String left(TenantUsage usage, Tenant tenant) {
        if (tenant == null) {
            return "no key";
        }
        return tenant.hasBudget() ? Long.toString(usage.left(tenant.budget())) : "any";
    }

    private static ObjectNode described(TenantUsage usage, Tenant tenant) {
        ObjectNode json = UsageApi.described(usage);
        if (tenant != null && tenant.hasBudget()) {
            json.putObject("budget")
                    .put("left", usage.left(tenant.budget()))
                    .put("spent", usage.charged())
                    .put("paid_in", usage.paid());
        }
        return json;
    }
}
