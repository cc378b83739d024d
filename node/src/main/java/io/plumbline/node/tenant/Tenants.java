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
import org.agrona.CloseHelper;

/**
 * Those that may use an API, by the keys of a file, which is read again when it changes. Any thread may call, but for
 * {@link #lookAgain}, which one calls every second.
 */
public final class Tenants implements AutoCloseable {
    /** The name of the file of what tenants have used, in the folder of a server. */
    public static final String USAGE_FILE = "usage.jsonl";

    private static final String TOKENS_FILE = "tokens-today.json";

    private final Path file;
    private final FileWatch watch;
    private final DailyTokens daily;
    private final UsageBook book;
    private final Spending spending;
    private final Turns turns;
    private final Consumer<Event> events;
    private final LongSupplier nanos;
    private final InstantSource wall;
    private final Map<String, Account> accounts = new HashMap<>();
    private volatile Map<Bytes32, Account> byKey = Map.of();

    /** By what payments name them: anybody may have a gateway look for many that name nobody. */
    private volatile Map<Bytes32, Account> byReference = Map.of();

    private boolean cannotSave;

    /**
     * Reads them.
     *
     * @param file of API keys.
     * @param folder where is kept what was used: the day's tokens, and {@link #USAGE_FILE}.
     * @param together answers that are computed side by side, 1 or more; further requests wait for their turn.
     * @param events hears when the file was read again, or could not be.
     * @throws IOException where one of the files is damaged.
     */
    public Tenants(Path file, Path folder, int together, Consumer<Event> events) throws IOException {
        this(file, folder, together, events, System::nanoTime, InstantSource.system());
    }

    /**
     * With other clocks.
     *
     * @param nanos goes forward, see {@link System#nanoTime}.
     * @param wall by which days begin.
     */
    Tenants(Path file, Path folder, int together, Consumer<Event> events, LongSupplier nanos, InstantSource wall)
            throws IOException {
        this.file = file;
        this.watch = new FileWatch(file);
        this.events = events;
        this.nanos = nanos;
        this.wall = wall;
        this.daily = new DailyTokens(folder.resolve(TOKENS_FILE), wall.instant());
        this.turns = new Turns(together, Turns.MOST_WAITING_OF_ONE, Turns.MOST_WAITING);
        List<Tenant> read = TenantFile.read(file);
        this.book = new UsageBook(folder.resolve(USAGE_FILE), wall.instant());
        this.spending = new Spending(book);
        take(read);
    }

    private void take(List<Tenant> tenants) {
        Map<Bytes32, Account> keys = new HashMap<>();
        Map<Bytes32, Account> references = new HashMap<>();
        long now = nanos.getAsLong();
        for (Tenant tenant : tenants) {
            Account account = accounts.get(tenant.name());
            if (account == null) {
                account = new Account(tenant, daily, spending, now);
                accounts.put(tenant.name(), account);
            } else {
                account.update(tenant, now);
            }
            keys.put(tenant.keyHash(), account);
            references.put(Spending.reference(tenant), account);
        }
        accounts.values().retainAll(Set.copyOf(keys.values()));
        byKey = Map.copyOf(keys);
        byReference = Map.copyOf(references);
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
            book.save(wall.instant());
            cannotSave = false;
        } catch (IOException e) {
            if (!cannotSave) {
                events.accept(new Event.Warning(
                        "What tenants have used cannot be kept, and would be forgotten by a restart: " + e));
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

    /** Whether a request shows a key, known or not. */
    public static boolean showsKey(HttpExchange http) {
        return secret(http) != null;
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

    /** From now on payments to this account of the ledger are credit for those that they name. */
    public void takePayments(Bytes32 account) {
        spending.takePayments(account);
    }

    /** The last payment on the ledger that was counted; 0 for none. */
    public long lastPayment() {
        return spending.lastPayment();
    }

    /** Whether the payment of this number was counted. */
    public boolean hasCounted(long payment) {
        return spending.hasCounted(payment);
    }

    /** The tenant that a payment's reference names; null where it names none. */
    public String named(Bytes32 reference) {
        Tenant tenant = find(reference);
        return tenant == null ? null : tenant.name();
    }

    private Tenant find(Bytes32 reference) {
        Account account = byReference.get(reference);
        return account == null ? null : account.tenant();
    }

    /**
     * Counts a payment to the account that takes them, once; nothing where it names nobody.
     *
     * @throws IOException where it is not on the disk yet: it is counted, and comes again after a restart.
     */
    public void credit(Bytes32 reference, long amount, long payment) throws IOException {
        Tenant tenant = find(reference);
        if (tenant != null) {
            spending.credit(tenant, amount, payment, wall.instant());
        }
    }

    /** Sends away what waits, and keeps what was used. */
    @Override
    public void close() {
        turns.close();
        save();
        CloseHelper.close(book);
    }
}
