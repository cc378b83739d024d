package io.plumbline.ledger.order;

import io.plumbline.ledger.state.Payment;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.encoding.CanonicalWriter;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;

/**
 * Some of the payments to an account, in the order of their numbers. There may be more of them than one message holds.
 *
 * @param payments at most {@link #MAX_PAYMENTS}.
 */
public record PaymentPage(List<Payment> payments) {
    /** Payments of a page: some 32 KiB. */
    public static final int MAX_PAYMENTS = 256;

    public PaymentPage {
        payments = List.copyOf(payments);
    }

    /** The first of these. */
    static PaymentPage of(Collection<Payment> all) {
        return new PaymentPage(all.stream().limit(MAX_PAYMENTS).toList());
    }

    byte[] encode() {
        CanonicalWriter out = new CanonicalWriter().putInt(payments.size());
        payments.forEach(payment -> out.putFixed(payment.encode()));
        return out.toBytes();
    }

    /** @throws MalformedException where these bytes are no page. */
    public static PaymentPage decode(byte[] bytes) {
        CanonicalReader in = new CanonicalReader(bytes, "payments");
        int count = in.getInt("count");
        if (count < 0 || count > MAX_PAYMENTS) {
            throw new MalformedException("Malformed payments: a page has " + count + " of them.");
        }
        List<Payment> payments = new ArrayList<>();
        for (int n = 0; n < count; n++) {
            payments.add(Payment.read(in));
        }
        in.end();
        return new PaymentPage(payments);
    }
}
