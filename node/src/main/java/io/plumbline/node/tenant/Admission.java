package io.plumbline.node.tenant;

import io.plumbline.node.http.HttpException;
import io.plumbline.node.http.HttpExchange;
import java.io.IOException;

/**
 * Leave for one request, given before its body is read. An API says what the request is about once it knows, before
 * anything is computed, and what it has used when that ends.
 */
public interface Admission {
    /** Where a server has no tenants: everybody may ask for everything. */
    Admission OPEN = new Admission() {
        @Override
        public boolean mayAsk(String model) {
            return true;
        }

        @Override
        public void begin(HttpExchange http, int answers, long tokens, long cost) {}

        @Override
        public void used(Usage used, Rest rest) {}

        @Override
        public Told told() {
            return null;
        }
    };

    /** That of a request. */
    static Admission of(HttpExchange http) {
        Admission admission = http.attached(Admission.class);
        return admission == null ? OPEN : admission;
    }

    /** Whether its tenant may know of a model, and ask it. */
    boolean mayAsk(String model);

    /**
     * Counts the tokens against the tenant's quota and the cost against its budget, and waits for its turn; the client
     * may go meanwhile. To be called after {@link HttpExchange#body()}, and before {@link HttpExchange#onClientGone}.
     *
     * @param answers that are computed side by side, 1 or more.
     * @param tokens of prompt and answers that it may take at most; 0 for a model that has none.
     * @param cost the most that its receipts may come to, in the ledger's smallest unit.
     * @throws HttpException 402, 429 or 503 where it is not answered now.
     */
    void begin(HttpExchange http, int answers, long tokens, long cost) throws IOException;

    /**
     * All is computed, by so many of those tokens and at this cost: the rest is given back, and the next request has
     * its turn, however slowly this one's client takes its answer. A second call does nothing. Any thread may call.
     */
    default void used(Usage used) {
        used(used, null);
    }

    /**
     * As {@link #used(Usage)}, where answers may cost more than is known yet: so much of what the request holds of a
     * budget stays held until that is certain, and is charged up to that.
     *
     * @param rest null where there is none.
     */
    void used(Usage used, Rest rest);

    /**
     * Adds to the response's headers what the request used, where its client is told so; to be called after {@link
     * #used} and before the response is sent.
     */
    default void tell(HttpExchange http) {}

    /** The tenant's own use, as it is told; null where a server has no tenants. */
    Told told();

    /**
     * The use of a tenant, and how it has more.
     *
     * @param left of its budget, less what its requests under way may cost; {@link Tenant#NO_BUDGET} where it has none.
     * @param payee the account on the ledger, in hexadecimal, that takes payments for it; null where none does.
     * @param reference that such a payment names it by, in hexadecimal.
     */
    record Told(TenantUsage usage, long left, String payee, String reference) {}
}
