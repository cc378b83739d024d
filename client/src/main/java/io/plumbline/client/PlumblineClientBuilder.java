package io.plumbline.client;

import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.lightclient.TrustedLedger;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;

/** Sets up a {@link PlumblineClient}. Not for several threads at once. */
public final class PlumblineClientBuilder {
    private static final long DEFAULT_MAX_BYTES = 64 << 20;

    private String baseUrl = "http://localhost:8080/v1";
    private String apiKey;
    private String model;
    private TrustedLedger ledger;
    private HttpClient http;
    private Duration timeout = Duration.ofMinutes(5);
    private long maxBytes = DEFAULT_MAX_BYTES;
    private int retries = 2;
    private Duration longestWait = Duration.ofSeconds(30);
    private boolean checksContent = true;
    private CallPayer payer;
    private ModelTerms meant = ModelTerms.UNKNOWN;

    PlumblineClientBuilder() {}

    /**
     * Where the API is, {@code http://localhost:8080/v1} where nothing is said.
     *
     * @throws IllegalArgumentException where it is no URL of http or https.
     */
    public PlumblineClientBuilder baseUrl(String url) {
        URI uri = URI.create(url);
        if (uri.getHost() == null || !String.valueOf(uri.getScheme()).matches("https?")) {
            throw new IllegalArgumentException("A base URL is http://HOST:PORT/v1 or https://..., not " + url + ".");
        }
        baseUrl = url.replaceFirst("/+$", "");
        return this;
    }

    /** Sent as a bearer token; null for none, which is the default. */
    public PlumblineClientBuilder apiKey(String key) {
        apiKey = key;
        return this;
    }

    /** The model of requests that name none; null for the server's only one, which is the default. */
    public PlumblineClientBuilder model(String name) {
        model = name;
        return this;
    }

    /**
     * The model that every answer of this client must be by: its receipts must name it, and the requests behind them.
     * A name is the server's to give to any model; this is not. A client for each model where there are several, and
     * for embeddings. Any model where nothing is said.
     *
     * @param id 64 hexadecimal digits, as {@code plumbline model info} prints them.
     * @throws IllegalArgumentException where they are none.
     */
    public PlumblineClientBuilder modelId(String id) {
        return modelId(Bytes32.of(HexFormat.of().parseHex(id)));
    }

    /** The same as a value. */
    public PlumblineClientBuilder modelId(Bytes32 id) {
        meant = new ModelTerms(Objects.requireNonNull(id, "id"), meant.context(), meant.stopTokens());
        return this;
    }

    /**
     * How long a prompt of that model and its answer may be together: an answer of fewer tokens than were asked for
     * must then have ended, or filled it. Where nothing is said, the server's word is taken for how many tokens the
     * context has left.
     *
     * @param tokens 1 or more, as {@code plumbline model info} prints them.
     * @throws IllegalArgumentException where it is below 1.
     */
    public PlumblineClientBuilder contextTokens(int tokens) {
        if (tokens < 1) {
            throw new IllegalArgumentException("A context has at least a token, not " + tokens + ".");
        }
        meant = new ModelTerms(meant.id(), tokens, meant.stopTokens());
        return this;
    }

    /**
     * The tokens that end an answer of that model. Where nothing is said, the server's word is taken for them.
     *
     * @param ids all of them, as {@code plumbline model info} prints them, in any order.
     */
    public PlumblineClientBuilder stopTokens(int... ids) {
        meant = new ModelTerms(
                meant.id(),
                meant.context(),
                Arrays.stream(ids).sorted().distinct().toArray());
        return this;
    }

    /**
     * The network whose settlements and facts are checked, by its file: the full nodes' keys in it are all that is
     * trusted.
     *
     * @param file as {@code plumbline network up} and {@code new-network} write it.
     * @throws IOException where it cannot be read.
     * @throws VerificationException named {@code NETWORK}, where it is no network's file.
     */
    public PlumblineClientBuilder network(Path file) throws IOException {
        ledger = NetworkFile.read(file);
        return this;
    }

    /**
     * The same without a file.
     *
     * @param genesisHash 32 bytes that name the ledger.
     * @param keys of all full nodes, 32 bytes each, in genesis order.
     * @throws IllegalArgumentException where they are of another length, or two of them alike.
     */
    public PlumblineClientBuilder fullNodes(Bytes32 genesisHash, List<Bytes32> keys) {
        ledger = new TrustedLedger(genesisHash, keys);
        return this;
    }

    /** An HTTP client in place of one of its own, for proxies and certificates; it is not closed with this one. */
    public PlumblineClientBuilder httpClient(HttpClient given) {
        http = Objects.requireNonNull(given, "given");
        return this;
    }

    /**
     * Of a whole answer, of a stream's beginning, and of each pause in a stream; five minutes where nothing is said.
     *
     * @throws IllegalArgumentException where it is not more than 0.
     */
    public PlumblineClientBuilder timeout(Duration most) {
        if (!most.isPositive()) {
            throw new IllegalArgumentException("A time-out is more than 0, not " + most + ".");
        }
        timeout = most;
        return this;
    }

    /**
     * Most bytes of an answer, whole or streamed; 64 MiB where nothing is said.
     *
     * @throws IllegalArgumentException where it is below 1.
     */
    public PlumblineClientBuilder maxResponseBytes(long most) {
        if (most < 1) {
            throw new IllegalArgumentException("An answer has at least a byte, not " + most + ".");
        }
        maxBytes = most;
        return this;
    }

    /**
     * How often a request is sent again to a server that is busy (429, 503): as soon as its {@code Retry-After} says,
     * and else after half a second, doubled each time. Twice, after at most 30 seconds each, where nothing is said.
     *
     * @param most 0 or more.
     * @param longestWait before one of them; a server that asks for more is not waited for.
     * @throws IllegalArgumentException where either is below 0.
     */
    public PlumblineClientBuilder retries(int most, Duration longestWait) {
        if (most < 0 || longestWait.isNegative()) {
            throw new IllegalArgumentException("Retries and their waits are 0 or more.");
        }
        retries = most;
        this.longestWait = longestWait;
        return this;
    }

    /**
     * Whether the server has to disclose the request and the answer behind a receipt, so that the client sees that they
     * are the messages and options it sent and the text it got; it does where nothing is said. It costs some bytes for
     * each token.
     */
    public PlumblineClientBuilder checkContent(boolean checks) {
        checksContent = checks;
        return this;
    }

    /**
     * Pays for each call of a gateway that is paid so, from an account of its ledger: with the account's credit there,
     * or by a payment of what that does not cover. A call that may cost more is refused as the gateway refuses it, with
     * {@link ApiException} and status 402. Nothing is paid where nothing is said.
     *
     * @param account whose money it is.
     * @param most that one call may cost, in the ledger's smallest unit.
     * @throws IllegalArgumentException where it is below 0.
     */
    public PlumblineClientBuilder payPerCall(KeyPair account, long most) {
        if (most < 0) {
            throw new IllegalArgumentException("The most that a call may cost is 0 or more, not " + most + ".");
        }
        payer = new CallPayer(Objects.requireNonNull(account, "account"), most);
        return this;
    }

    /** The client; its threads begin with its first call. */
    public PlumblineClient build() {
        HttpCalls calls = new HttpCalls(
                http, baseUrl, new HttpCalls.Settings(apiKey, timeout, maxBytes, retries, longestWait, payer));
        return new PlumblineClient(calls, model, new SettlementWatch(calls, ledger), ledger, checksContent, meant);
    }
}
