package io.plumbline.node.tenant;

import io.plumbline.node.http.HttpException;
import io.plumbline.node.http.HttpExchange;
import io.plumbline.node.http.HttpHandler;
import io.plumbline.node.network.Event;
import io.plumbline.node.network.FileWatch;
import io.plumbline.verifier.encoding.Bytes32;
import java.io.IOException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.InstantSource;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/**
 * Those that may use an API, by the keys of a file, which is read again when it changes. Any thread may call, but for
 * {@link #lookAgain}, which one calls every second.
 */
public final class Tenants implements AutoCloseable {
    /** Requests that may wait for their turn: of one tenant, and of all, each with its body in memory. */
    private static final int MOST_WAITING_OF_ONE = 64;

    private static final int MOST_WAITING = 512;

    private final Path file;
    private final FileWatch watch;
    private final DailyTokens daily;
    private final Turns turns;
    private final Consumer<Event> events;
    private final LongSupplier nanos;
    private final InstantSource wall;
    private final Map<String, Account> accounts = new HashMap<>();
    private volatile Map<Bytes32, Account> byKey = Map.of();
    private boolean cannotSave;

    /**
     * Reads them.
     *
     * @param file of API keys.
     * @param usage where tokens of the day are kept.
     * @param together answers that are computed side by side, 1 or more; further requests wait for their turn.
     * @param events hears when the file was read again, or could not be.
     * @throws IOException where either file is damaged.
     */
    public Tenants(Path file, Path usage, int together, Consumer<Event> events) throws IOException {
        this(file, usage, together, events, System::nanoTime, InstantSource.system());
    }

    /**
     * With other clocks.
     *
     * @param nanos goes forward, see {@link System#nanoTime}.
     * @param wall by which days begin.
     */
    Tenants(Path file, Path usage, int together, Consumer<Event> events, LongSupplier nanos, InstantSource wall)
            throws IOException {
        this.file = file;
        this.watch = new FileWatch(file);
        this.events = events;
        this.nanos = nanos;
        this.wall = wall;
        this.daily = new DailyTokens(usage, wall.instant());
        this.turns = new Turns(together, MOST_WAITING_OF_ONE, MOST_WAITING);
        take(TenantFile.read(file));
    }

    private void take(List<Tenant> tenants) {
        Map<Bytes32, Account> keys = new HashMap<>();
        long now = nanos.getAsLong();
        for (Tenant tenant : tenants) {
            Account account = accounts.get(tenant.name());
            if (account == null) {
                account = new Account(tenant, daily, now);
                accounts.put(tenant.name(), account);
            } else {
                account.update(tenant, now);
            }
            keys.put(tenant.keyHash(), account);
        }
        accounts.values().retainAll(Set.copyOf(keys.values()));
        byKey = Map.copyOf(keys);
    }

    /** Reads the file again where it has changed, and keeps the tokens of the day. */
    public void lookAgain() {
        if (watch.hasChanged()) {
            try {
                List<Tenant> tenants = TenantFile.read(file);
                take(tenants);
                events.accept(new Event.Renewed(file.toString(), "tenants: " + tenants.size()));
            } catch (IOException e) {
                events.accept(new Event.Warning("The API keys of before stay in force. " + e.getMessage()));
            }
        }
        save();
    }

    private void save() {
        try {
            daily.save();
            cannotSave = false;
        } catch (IOException e) {
            if (!cannotSave) {
                events.accept(new Event.Warning(
                        "Tokens of the day cannot be kept, and would begin anew after a restart: " + e));
            }
            cannotSave = true;
        }
    }

    /** Lets requests through to a handler that show a key. */
    public HttpHandler guard(HttpHandler handler, boolean isCounted) {
        return http -> {
            try (TenantAdmission admission = new TenantAdmission(account(http), turns, nanos, wall, isCounted)) {
                admission.headers().forEach(http::responseHeader);
                http.attach(Admission.class, admission);
                handler.handle(http);
            }
        };
    }

    /**
     * The tenant whose key a request shows. Its hash is looked up, so time tells nothing of the secrets: a client
     * cannot choose the hash of its guess.
     */
    private Account account(HttpExchange http) {
        String secret = secret(http);
        if (secret == null) {
            throw unauthorized("This server needs an API key: send Authorization: Bearer KEY, or x-api-key: KEY. Its"
                    + " operator gives keys out.");
        }
        Bytes32 hash = ApiKey.hash(secret);
        Account account = byKey.get(hash);
        if (account == null || !MessageDigest.isEqual(account.tenant().keyHash().bytes(), hash.bytes())) {
            throw unauthorized("This API key is not known here: it is misspelt, or was revoked. Ask the server's"
                    + " operator for another.");
        }
        return account;
    }

    /** OpenAI's clients send the one header, Anthropic's the other. */
    private static String secret(HttpExchange http) {
        String authorization = http.requestHeader("Authorization");
        if (authorization != null && authorization.regionMatches(true, 0, "Bearer ", 0, "Bearer ".length())) {
            return authorization.substring("Bearer ".length()).strip();
        }
        return http.requestHeader("x-api-key");
    }

    private static HttpException unauthorized(String message) {
        return new HttpException(401, "invalid_api_key", message, Map.of("WWW-Authenticate", "Bearer"));
    }

    /** Sends away what waits, and keeps the tokens of the day. */
    @Override
    public void close() {
        turns.close();
        save();
    }
}
