package io.plumbline.node.gateway;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.state.Payment;
import io.plumbline.ledger.state.Signed;
import io.plumbline.node.http.HttpException;
import io.plumbline.node.http.HttpExchange;
import io.plumbline.node.http.HttpHandler;
import io.plumbline.node.tenant.Admission;
import io.plumbline.node.tenant.PaidCall;
import io.plumbline.node.tenant.Payers;
import io.plumbline.node.tenant.Rest;
import io.plumbline.node.tenant.Usage;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.InstantSource;
import java.util.Base64;
import java.util.HexFormat;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/**
 * Lets calls through that are paid, one by one, by accounts of the ledger (HTTP 402, as x402 has it). A call without a
 * payment is told the most that it may cost, and a reference; sent again, it hands in a payment on the ledger that
 * names the reference. The gateway submits it, waits until a quorum has signed it, and counts it as the account's
 * credit: the call is paid with that, and what it did not cost stays. Nothing moves on the ledger before all that can
 * be looked at holds, and money that has moved is credit, whatever happens to the call.
 */
final class PayPerCall implements Payee, AutoCloseable {
    /** Payments on their way to the ledger; more are asked to come again. */
    private static final int MOST_SETTLING = 64;

    /** Quotes that were paid and are not out of date: each stood for a payment, or a call with credit. */
    private static final int MOST_TAKEN = 1 << 16;

    /** Of a call that may cost nothing too: to be kept here an account must have paid something. */
    private static final long LEAST_QUOTE = 1;

    /** A block that is not signed by then leaves the payment to be looked for later. */
    private static final long CERTIFIED_NS = TimeUnit.SECONDS.toNanos(30);

    /** For so long may the ledger take a payment that is handed in; it refuses those that are signed for twice that. */
    private static final long MOST_LIFE_MS = Signed.MAX_LIFE_MS / 2;

    /** A quote is remembered for longer than it is taken: its payment may be on its way by then. */
    private static final long KEPT_MS = TimeUnit.SECONDS.toMillis(60);

    private static final HexFormat HEX = HexFormat.of();

    private final LedgerClient ledger;
    private final LedgerFees fees;
    private final Bytes32 genesisHash;
    private final Bytes32 account;
    private final String network;
    private final Payers payers;
    private final Quotes quotes;
    private final String scheme;
    private final Semaphore settling = new Semaphore(MOST_SETTLING);

    /** By reference: until when a quote that is being paid, or is, would be taken. */
    private final Map<Bytes32, Long> taken = new ConcurrentHashMap<>();

    /** The same of payments that were sent to the ledger, by accounts that had the money. */
    private final Map<Sent, Long> sent = new ConcurrentHashMap<>();

    private record Sent(Bytes32 payer, Bytes32 reference) {}

    /** By reference, the numbers of payments that were counted lately; its monitor tells of them. */
    private final Map<Bytes32, Long> counted = new ConcurrentHashMap<>();

    /** Has payments looked for at once. */
    private volatile Runnable onAwaited = () -> {};

    /**
     * @param ledger asked as {@code keys}.
     * @param keys of the account that is paid.
     * @param isTls whether the gateway is reached by https.
     */
    PayPerCall(LedgerClient ledger, LedgerFees fees, Bytes32 genesisHash, KeyPair keys, Payers payers, boolean isTls) {
        this.ledger = ledger;
        this.fees = fees;
        this.genesisHash = genesisHash;
        this.account = keys.publicKey();
        this.network = CallPayment.network(genesisHash);
        this.payers = payers;
        this.quotes = new Quotes(keys, InstantSource.system());
        this.scheme = isTls ? "https://" : "http://";
    }

    /** Has {@code action} run where a payment is waited for: it has payments looked for at once. */
    void onAwaited(Runnable action) {
        onAwaited = action;
    }

    /** The credit of an account. */
    long left(Bytes32 of) {
        return payers.left(of);
    }

    /** Lets requests through to a handler that are paid once it is known what they may cost. */
    HttpHandler guard(String path, HttpHandler handler) {
        return http -> {
            try (Call call = new Call(path)) {
                http.attach(Admission.class, call);
                handler.handle(http);
            }
        };
    }

    /** One call. */
    private final class Call implements Admission, AutoCloseable {
        private final String path;
        private PaidCall paid;
        private ObjectNode told;

        Call(String path) {
            this.path = path;
        }

        @Override
        public boolean mayAsk(String model) {
            return true;
        }

        @Override
        public void begin(HttpExchange http, int answers, long tokens, long most) throws IOException {
            // A client may name 0 as its highest price: a quote of nothing would be paid by keys that anybody makes.
            long cost = Math.max(LEAST_QUOTE, most);
            String header = http.requestHeader(CallPayment.HEADER);
            if (header == null) {
                throw required(
                        http,
                        path,
                        cost,
                        "This gateway is paid for each call. Pay as \"accepts\" says, and send"
                                + " the request again with the header " + CallPayment.HEADER + ".");
            }
            CallPayment payment;
            try {
                payment = CallPayment.read(header, network);
            } catch (IllegalArgumentException e) {
                throw refused(http, path, cost, e.getMessage());
            }
            String fault = fault(payment, path, cost);
            if (fault != null) {
                throw refused(http, path, cost, fault);
            }
            take(http, payment, cost);
            boolean hasBegun = false;
            try {
                long number = payment instanceof CallPayment.Transfer transfer ? settle(http, transfer, cost) : -1;
                PaidCall call = payers.call(payment.payer());
                call.begin(http, answers, tokens, cost);
                paid = call;
                hasBegun = true;
                told = Http.MAPPER
                        .createObjectNode()
                        .put("success", true)
                        .put("transaction", number < 0 ? "" : Payment.id(number).toString())
                        .put("network", network)
                        .put("payer", payment.payer().toString());
                told.putObject("extra").put("held", cost).put("left", call.left());
                tell(http);
            } finally {
                if (!hasBegun) {
                    // The same header may come again: it moves no money twice, and nothing was computed for it.
                    taken.remove(payment.reference());
                }
            }
        }

        /** Takes the quote, so that it is paid once. */
        private void take(HttpExchange http, CallPayment payment, long cost) {
            taken.values().removeIf(until -> until < System.currentTimeMillis());
            if (taken.size() >= MOST_TAKEN) {
                throw busy("As many calls have been paid in the last minutes as may.");
            }
            if (taken.putIfAbsent(payment.reference(), Quotes.untilMs(payment.reference())) != null) {
                throw refused(http, path, cost, "its quote has been paid: each pays one call");
            }
        }

        /** Has the payment ordered, certified and counted; returns its number. */
        private long settle(HttpExchange http, CallPayment.Transfer payment, long cost) throws IOException {
            Long before = counted.get(payment.reference());
            if (before != null) {
                return before;
            }
            if (!settling.tryAcquire()) {
                throw busy("As many payments are on their way to the ledger as may.");
            }
            try {
                requireMoney(http, payment, cost);
                LedgerClient.Outcome outcome = submitted(payment);
                if (!outcome.isApplied()) {
                    throw required(http, path, cost, "The ledger refused the payment: " + outcome.reason() + ".");
                }
                return awaitCounted(payment.reference());
            } finally {
                settling.release();
            }
        }

        /** The ledger would order what it then refuses, and keys without money are anybody's to make. */
        private void requireMoney(HttpExchange http, CallPayment.Transfer payment, long cost) throws IOException {
            sent.values().removeIf(until -> until < System.currentTimeMillis());
            // What was sent before may have been taken: sent again it is paid once.
            Sent one = new Sent(payment.payer(), payment.reference());
            if (sent.containsKey(one)) {
                return;
            }
            long balance = ledger.account(payment.payer()).balance();
            long amount = payment.transfer().amount();
            if (balance < Usage.sum(amount, fees.ofPayment())) {
                throw required(
                        http,
                        path,
                        cost,
                        "The account has " + balance + " on the ledger, and the payment is of " + amount
                                + " and the ledger's fee of " + fees.ofPayment() + ".");
            }
            sent.put(one, Quotes.untilMs(payment.reference()));
        }

        @Override
        public void used(Usage used, Rest rest) {
            if (paid != null) {
                paid.used(used, rest);
            }
        }

        @Override
        public void tell(HttpExchange http) {
            if (told != null) {
                if (paid.hasEnded()) {
                    ObjectNode extra = (ObjectNode) told.get("extra");
                    extra.remove("held");
                    extra.put("used", paid.charged()).put("left", paid.left());
                }
                http.responseHeader(
                        CallPayment.RESPONSE_HEADER,
                        Base64.getEncoder().encodeToString(told.toString().getBytes(StandardCharsets.UTF_8)));
            }
        }

        @Override
        public Told told() {
            return null;
        }

        @Override
        public void close() {
            used(Usage.NONE);
        }
    }

    private LedgerClient.Outcome submitted(CallPayment.Transfer payment) throws IOException {
        try {
            return ledger.submit(payment.signed()).getFirst();
        } catch (IOException e) {
            throw new IOException(
                    e.getMessage() + " Send the same request again: it pays once, and what was paid is the account's"
                            + " credit.",
                    e);
        }
    }

    /** Why a payment is none for this call, for a person; null where all holds that can be looked at here. */
    private String fault(CallPayment payment, String path, long cost) {
        String fault = quotes.fault(payment.reference(), path, cost);
        if (fault != null) {
            return fault;
        }
        long amount = 0;
        if (payment instanceof CallPayment.Transfer transfer) {
            amount = transfer.transfer().amount();
            if (!transfer.transfer().to().equals(account)) {
                return "it pays another account than this gateway's";
            }
            long lifeMs = transfer.signed().lastMs() - ledger.timeMs();
            if (lifeMs < 0 || lifeMs > MOST_LIFE_MS) {
                return "the ledger would take it until " + transfer.signed().lastMs() + " ms of its clock, which is"
                        + " over, or more than " + MOST_LIFE_MS / 1_000 + " s away";
            }
        }
        long left = payers.left(payment.payer());
        if (amount < 0 || amount < cost - left) {
            return "it pays " + amount + ", and the account's credit is " + left;
        }
        // Last, since it costs the most.
        if (!payment.signatureHolds(genesisHash, account, cost)) {
            return "its signature does not hold";
        }
        return payers.mayPay(payment.payer()) ? null : "as many accounts have paid this gateway as may";
    }

    private PaymentRequiredException refused(HttpExchange http, String path, long cost, String fault) {
        return required(
                http,
                path,
                cost,
                "The header " + CallPayment.HEADER + " pays for nothing: " + fault + ". This call costs " + cost
                        + " at most; pay as \"accepts\" says.");
    }

    private PaymentRequiredException required(HttpExchange http, String path, long cost, String message) {
        String host = http.requestHeader("Host");
        ObjectNode terms = Http.MAPPER.createObjectNode().put("x402Version", CallPayment.VERSION);
        ObjectNode one = terms.putArray("accepts")
                .addObject()
                .put("scheme", CallPayment.SCHEME)
                .put("network", network)
                .put("maxAmountRequired", Long.toString(cost))
                .put("resource", host == null ? path : scheme + host + path)
                .put("description", "One call. What it does not cost stays the payer's credit here.")
                .put("mimeType", "application/json")
                .put("payTo", account.toString())
                .put("maxTimeoutSeconds", Quotes.LIFE.toSeconds())
                .put("asset", genesisHash.toString());
        one.putObject("extra").put("reference", quotes.quote(path, cost).toString());
        return new PaymentRequiredException(message, terms);
    }

    private static HttpException busy(String why) {
        return new HttpException(
                503,
                "overloaded",
                why + " Nothing was paid. Send the same request again in a moment.",
                Map.of("Retry-After", "1"));
    }

    private long awaitCounted(Bytes32 reference) throws IOException {
        long end = System.nanoTime() + CERTIFIED_NS;
        onAwaited.run();
        synchronized (counted) {
            try {
                for (long left; !counted.containsKey(reference) && (left = end - System.nanoTime()) > 0; ) {
                    TimeUnit.NANOSECONDS.timedWait(counted, left);
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IOException("Interrupted while the payment was awaited.", e);
            }
            Long number = counted.get(reference);
            if (number == null) {
                throw new IOException(
                        "The ledger has the payment, and its full nodes have not signed it yet. It will be"
                                + " credit of the account. Send the same request again.");
            }
            return number;
        }
    }

    /** Sees to it that what was paid and used outlasts a failure of power. */
    void save() throws IOException {
        payers.save();
    }

    /** Closes the {@link Payers}. */
    @Override
    public void close() throws IOException {
        payers.close();
    }

    @Override
    public long lastPayment() {
        return payers.lastPayment();
    }

    @Override
    public boolean hasCounted(long number) {
        return payers.hasCounted(number);
    }

    @Override
    public String named(Payment payment) {
        return quotes.isOwn(payment.reference()) ? payment.from().toString() : null;
    }

    @Override
    public void credit(Payment payment) throws IOException {
        payers.credit(payment.from(), payment.amount(), payment.number());
        synchronized (counted) {
            Bytes32 reference = payment.reference();
            long oldest = System.currentTimeMillis() - KEPT_MS;
            counted.keySet().removeIf(one -> Quotes.untilMs(one) < oldest);
            if (Quotes.untilMs(reference) >= oldest) {
                counted.put(reference, payment.number());
                counted.notifyAll();
            }
        }
    }
}
