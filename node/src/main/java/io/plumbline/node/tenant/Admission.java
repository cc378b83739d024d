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
        public void begin(HttpExchange http, int answers, long tokens) {}

        @Override
        public void used(long tokens) {}
    };

    /** That of a request. */
    static Admission of(HttpExchange http) {
        Admission admission = http.attached(Admission.class);
        return admission == null ? OPEN : admission;
    }

    /** Whether its tenant may know of a model, and ask it. */
    boolean mayAsk(String model);

    /**
     * Counts the tokens against the tenant's quota and waits for its turn; the client may go meanwhile. To be called
     * after {@link HttpExchange#body()}, and before {@link HttpExchange#onClientGone}.
     *
     * @param answers that are computed side by side, 1 or more.
     * @param tokens of prompt and answers that it may take at most; 0 for a model that has none.
     * @throws HttpException 429 or 503 where it is not answered now.
     */
    void begin(HttpExchange http, int answers, long tokens) throws IOException;

    /**
     * All is computed, by so many of those tokens: the others are given back, and the next request has its turn,
     * however slowly this one's client takes its answer. A second call does nothing. Any thread may call.
     */
    void used(long tokens);
}
