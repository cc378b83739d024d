package io.plumbline.node.tenant;

import io.plumbline.node.http.HttpException;
import io.plumbline.verifier.blake3.Domain;
import io.plumbline.verifier.encoding.Bytes32;
import java.io.IOException;
import java.time.Instant;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

/** Tenants' spending, and how they have more to spend; in the words that they are told. Any thread may call. */
final class Spending {
    private static final Domain REFERENCE = new Domain("plumbline 2026-11 tenant on the ledger");

    private final UsageBook book;
    private volatile String payee;

    Spending(UsageBook book) {
        this.book = book;
    }

    /** From now on payments to this account of the ledger are credit. */
    void takePayments(Bytes32 account) {
        payee = account.toString();
    }

    /** By which a payment names a tenant: it tells nothing of the key to those who see it on the ledger. */
    static Bytes32 reference(Tenant tenant) {
        return Bytes32.of(REFERENCE.hash(tenant.keyHash().bytes()));
    }

    /** @throws HttpException 402 where the tenant's budget has less left. */
    void hold(Tenant tenant, long most) {
        if (!book.hold(tenant, most)) {
            String more = payee == null ? "" : ", or pay it in on the ledger as GET /v1/usage says";
            throw new HttpException(
                    402,
                    "insufficient_quota",
                    "This request may cost up to " + most + ", and " + book.left(tenant) + " of this API key's budget"
                            + " are left beside what its requests under way may cost. Name a smaller max_tokens, have"
                            + " the operator credit it (./plumbline api-key credit " + tenant.name() + " AMOUNT)" + more
                            + ".",
                    Map.of("x-should-retry", "false"));
        }
    }

    void settle(Tenant tenant, long held, Usage used, Instant now) {
        book.settle(tenant, held, used, now);
    }

    boolean isFull(Tenant tenant) {
        return book.isFull(tenant);
    }

    CompletableFuture<Long> open(Tenant tenant, Rest rest) {
        return book.open(tenant, rest);
    }

    /** Money came in on the ledger. */
    void credit(Tenant tenant, long amount, long payment, Instant now) throws IOException {
        book.credit(tenant, amount, payment, now);
    }

    /** The last payment on the ledger that was counted. */
    long lastPayment() {
        return book.lastPayment();
    }

    boolean hasCounted(long payment) {
        return book.hasCounted(payment);
    }

    Admission.Told told(Tenant tenant) {
        String reference = payee == null ? null : reference(tenant).toString();
        long left = tenant.hasBudget() ? book.left(tenant) : Tenant.NO_BUDGET;
        return new Admission.Told(book.of(tenant), left, payee, reference);
    }
}
