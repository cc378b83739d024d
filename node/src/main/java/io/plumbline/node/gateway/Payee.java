package io.plumbline.node.gateway;

import io.plumbline.ledger.state.Payment;
import io.plumbline.node.tenant.Tenants;
import java.io.IOException;

/** Takes payments to a gateway's account, by what they name. */
interface Payee {
    /** The greatest number of a payment that was counted; 0 for none. */
    long lastPayment();

    /** Whether the payment of this number was counted. */
    boolean hasCounted(long number);

    /** For whom a payment is, for the operator; null where it is none for this. */
    String named(Payment payment);

    /**
     * Counts a payment that is for this and certified; one that was counted counts once.
     *
     * @throws IOException where it is not on the disk yet.
     */
    void credit(Payment payment) throws IOException;

    /** Payments that name tenants. */
    record OfTenants(Tenants tenants) implements Payee {
        @Override
        public long lastPayment() {
            return tenants.lastPayment();
        }

        @Override
        public boolean hasCounted(long number) {
            return tenants.hasCounted(number);
        }

        @Override
        public String named(Payment payment) {
            return tenants.named(payment.reference());
        }

        @Override
        public void credit(Payment payment) throws IOException {
            tenants.credit(payment.reference(), payment.amount(), payment.number());
        }
    }
}
