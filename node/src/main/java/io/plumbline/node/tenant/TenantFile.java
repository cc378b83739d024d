package io.plumbline.node.tenant;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.platform.PrivateFiles;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;

/**
 * The tenants of an API in a JSON file, which its owner alone may read: hashes of keys, and what each may ask for.
 *
 * <pre>{@code
 * {"tenants": [{"name": "app", "key_hash": "64 hexadecimal digits", "created": "2026-11-26",
 *               "requests_per_minute": 60, "tokens_per_minute": 10000, "tokens_per_day": 1000000,
 *               "concurrent": 4, "budget": 50000, "models": ["stories"]}]}
 * }</pre>
 */
public final class TenantFile {
    /** More would be looked through at each reading, and belong into a database. */
    static final int MOST_TENANTS = 10_000;

    private static final long MOST_BYTES = 16 << 20;

    private static final ObjectMapper MAPPER = JsonMapper.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    private TenantFile() {}

    @JsonInclude(JsonInclude.Include.NON_DEFAULT)
    private record Entry(
            String name,
            @JsonProperty("key_hash") String keyHash,
            String created,
            @JsonProperty("requests_per_minute") long requestsPerMinute,
            @JsonProperty("tokens_per_minute") long tokensPerMinute,
            @JsonProperty("tokens_per_day") long tokensPerDay,
            int concurrent,
            @JsonInclude(JsonInclude.Include.NON_NULL) Long budget,
            List<String> models) {
        static Entry of(Tenant tenant) {
            Quota quota = tenant.quota();
            List<String> models = tenant.models().stream().sorted().toList();
            return new Entry(
                    tenant.name(),
                    tenant.keyHash().toString(),
                    tenant.created(),
                    quota.requestsPerMinute(),
                    quota.tokensPerMinute(),
                    quota.tokensPerDay(),
                    quota.concurrent(),
                    tenant.hasBudget() ? tenant.budget() : null,
                    models.isEmpty() ? null : models);
        }

        Tenant tenant() {
            Quota quota = new Quota(requestsPerMinute, tokensPerMinute, tokensPerDay, concurrent);
            return new Tenant(
                    name == null ? "" : name,
                    Bytes32.of(HexFormat.of().parseHex(keyHash == null ? "" : keyHash)),
                    created == null ? "" : created,
                    quota,
                    budget == null ? Tenant.NO_BUDGET : budget,
                    models == null ? Set.of() : new HashSet<>(models));
        }
    }

    private record Content(List<Entry> tenants) {}

    /**
     * Reads all of them.
     *
     * @throws IOException naming the file, what is wrong with it and where.
     */
    public static List<Tenant> read(Path file) throws IOException {
        try {
            PrivateFiles.requireOwnerAlone(file);
            if (Files.size(file) > MOST_BYTES) {
                throw new IOException("it has more than " + MOST_BYTES + " bytes");
            }
            Content content = MAPPER.readValue(Files.readAllBytes(file), Content.class);
            if (content == null || content.tenants == null) {
                throw new IOException("it has no list \"tenants\"");
            }
            return tenants(content.tenants);
        } catch (NoSuchFileException e) {
            throw new IOException(
                    file + " does not exist. ./plumbline api-key new NAME --file " + file + " makes it.", e);
        } catch (JacksonException e) {
            String at =
                    e.getLocation() == null ? "" : ", line " + e.getLocation().getLineNr();
            throw new IOException(file + " is not a file of API keys" + at + ": " + words(e), e);
        } catch (IOException e) {
            throw new IOException(file + " is not a file of API keys: " + e.getMessage(), e);
        }
    }

    /** The parser's message, without its own classes and places. */
    private static String words(JacksonException why) {
        return why.getOriginalMessage().split(" \\(", 2)[0];
    }

    private static List<Tenant> tenants(List<Entry> entries) throws IOException {
        if (entries.size() > MOST_TENANTS) {
            throw new IOException("it has " + entries.size() + " tenants, and " + MOST_TENANTS + " are the most");
        }
        List<Tenant> tenants = new ArrayList<>();
        Set<Object> seen = new HashSet<>();
        for (Entry entry : entries) {
            try {
                Tenant tenant = entry.tenant();
                if (!seen.add(tenant.name()) || !seen.add(tenant.keyHash())) {
                    throw new IllegalArgumentException("its name or its key stands twice.");
                }
                tenants.add(tenant);
            } catch (IllegalArgumentException | NullPointerException e) {
                throw new IOException("tenant " + (tenants.size() + 1) + ": " + e.getMessage(), e);
            }
        }
        return tenants;
    }

    /** A change of all tenants. */
    @FunctionalInterface
    interface Change {
        List<Tenant> of(List<Tenant> tenants) throws IOException;
    }

    /**
     * Changes a file, or begins one; one command after the other. A process that serves by it reads it again.
     *
     * @throws IOException where it is damaged, or {@code change} does not hold; it stays as it was then.
     */
    static void edit(Path file, Change change) throws IOException {
        Path folder = Files.createDirectories(file.toAbsolutePath().getParent());
        Path lock = folder.resolve(file.getFileName() + ".lock");
        try (FileChannel channel = FileChannel.open(lock, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            // Held until the channel is closed.
            channel.lock();
            List<Tenant> before = Files.exists(file) ? read(file) : List.of();
            List<Entry> after = change.of(before).stream().map(Entry::of).toList();
            tenants(after);
            PrivateFiles.write(file, MAPPER.writerWithDefaultPrettyPrinter().writeValueAsBytes(new Content(after)));
        }
    }

    /**
     * Gives a new tenant a key, by which its answers may cost anything.
     *
     * @return the secret, which is written nowhere.
     * @throws IOException where there is a tenant of that name.
     */
    public static String add(Path file, String name, Quota quota, Set<String> models, String created)
            throws IOException {
        return add(file, name, quota, Tenant.NO_BUDGET, models, created);
    }

    /**
     * Gives a new tenant a key.
     *
     * @param budget see {@link Tenant}.
     * @return the secret, which is written nowhere.
     * @throws IOException where there is a tenant of that name.
     */
    public static String add(Path file, String name, Quota quota, long budget, Set<String> models, String created)
            throws IOException {
        String secret = ApiKey.random();
        Tenant added = new Tenant(name, ApiKey.hash(secret), created, quota, budget, models);
        edit(file, before -> {
            if (before.stream().anyMatch(tenant -> tenant.name().equals(name))) {
                throw new IOException(file + " has a tenant " + name + " already. Choose another name, or take its key"
                        + " away first: ./plumbline api-key revoke " + name + " --file " + file);
            }
            List<Tenant> after = new ArrayList<>(before);
            after.add(added);
            return after;
        });
        return secret;
    }

    /**
     * Adds to a tenant's budget.
     *
     * @return all that it was given.
     * @throws IOException where there is no tenant of that name, or it has no budget.
     */
    public static long credit(Path file, String name, long amount) throws IOException {
        if (amount <= 0 || amount > Tenant.MOST_BUDGET) {
            throw new IOException("A credit is 1 to " + Tenant.MOST_BUDGET + ", not " + amount + ".");
        }
        long[] given = new long[1];
        edit(file, before -> {
            List<Tenant> after = new ArrayList<>(before);
            Tenant tenant = after.stream()
                    .filter(one -> one.name().equals(name))
                    .findFirst()
                    .orElseThrow(() -> unknown(file, name));
            if (!tenant.hasBudget()) {
                throw new IOException(name + " has no budget: its answers may cost anything. A key with one is made by"
                        + " ./plumbline api-key new NAME --budget N.");
            }
            if (amount > Tenant.MOST_BUDGET - tenant.budget()) {
                throw new IOException(
                        name + " has " + tenant.budget() + ", and " + Tenant.MOST_BUDGET + " are the most.");
            }
            Tenant credited = tenant.credited(amount);
            after.set(after.indexOf(tenant), credited);
            given[0] = credited.budget();
            return after;
        });
        return given[0];
    }

    /**
     * By which a payment on the ledger names a tenant, in hexadecimal.
     *
     * @throws IOException where there is no tenant of that name.
     */
    public static String reference(Path file, String name) throws IOException {
        return read(file).stream()
                .filter(tenant -> tenant.name().equals(name))
                .map(tenant -> Spending.reference(tenant).toString())
                .findFirst()
                .orElseThrow(() -> unknown(file, name));
    }

    private static IOException unknown(Path file, String name) {
        return new IOException(
                file + " has no tenant " + name + ". ./plumbline api-key list --file " + file + " names all.");
    }

    /**
     * Takes a tenant's key away. What it has under way goes on to its end.
     *
     * @throws IOException where there is no tenant of that name.
     */
    public static void remove(Path file, String name) throws IOException {
        if (!Files.exists(file)) {
            throw new IOException(file + " does not exist: there is no key to revoke.");
        }
        edit(file, before -> {
            List<Tenant> after = before.stream()
                    .filter(tenant -> !tenant.name().equals(name))
                    .toList();
            if (after.size() == before.size()) {
                throw unknown(file, name);
            }
            return after;
        });
    }
}
