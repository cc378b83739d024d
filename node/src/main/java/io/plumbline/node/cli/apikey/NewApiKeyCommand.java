package io.plumbline.node.cli.apikey;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import io.plumbline.node.network.Terminal;
import io.plumbline.node.tenant.Quota;
import io.plumbline.node.tenant.Tenant;
import io.plumbline.node.tenant.TenantFile;
import java.io.IOException;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;

/** {@code plumbline api-key new}. */
@Parameters(
        commandNames = "new",
        commandDescription = "Make an API key for a tenant; it is shown once, and kept as a hash.")
final class NewApiKeyCommand extends ApiKeyOptions {
    @Parameter(description = "NAME: of the tenant", required = true)
    private String name;

    @Parameter(names = "--requests-per-minute", description = "that it may begin; any number where none is named")
    private long requestsPerMinute;

    @Parameter(
            names = "--tokens-per-minute",
            description = "of prompts and answers, as they are asked for; any number where none is named")
    private long tokensPerMinute;

    @Parameter(
            names = "--tokens-per-day",
            description = "of prompts and answers, from midnight UTC on; any number where none is named")
    private long tokensPerDay;

    @Parameter(
            names = "--concurrent",
            description = "requests under way and waiting together; any number where none is named")
    private int concurrent;

    @Parameter(
            names = "--budget",
            description =
                    "all that its answers may cost, in the ledger's smallest unit; any amount where none is named."
                            + " 0 for what it pays in itself")
    private long budget = Tenant.NO_BUDGET;

    @Parameter(names = "--models", description = "A,B: names of the models that it may ask; all where none is named")
    private List<String> models = new ArrayList<>();

    @Override
    public Integer call() throws IOException {
        String day = LocalDate.now(ZoneOffset.UTC).toString();
        String secret;
        try {
            Quota quota = new Quota(requestsPerMinute, tokensPerMinute, tokensPerDay, concurrent);
            secret = TenantFile.add(file, name, quota, budget, new HashSet<>(models), day);
        } catch (IllegalArgumentException e) {
            throw new IOException(e.getMessage(), e);
        }
        Terminal.print("key       " + secret);
        Terminal.print("          It is shown this once. A client sends it as Authorization: Bearer KEY.");
        Terminal.print("file      " + file + "; a server started with --api-keys " + file + " takes it within seconds");
        return 0;
    }
}
