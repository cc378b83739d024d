package io.plumbline.ledger.state;

import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalWriter;
import io.plumbline.verifier.lightclient.LedgerHashes.Kind;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;

/**
 * Payments that their payees may still look for. The money is not here: {@link Books} has it. Each costs its payer what
 * entries cost, and leaves by itself.
 */
final class Payments {
    private final Entries entries;
    private final NavigableMap<Long, Payment> byNumber = new TreeMap<>();
    private final Map<Bytes32, NavigableMap<Long, Payment>> byPayee = new HashMap<>();

    Payments(Entries entries) {
        this.entries = entries;
    }

    void add(Payment payment) {
        byNumber.put(payment.number(), payment);
        byPayee.computeIfAbsent(payment.to(), payee -> new TreeMap<>()).put(payment.number(), payment);
        entries.put(Kind.PAYMENT, Payment.id(payment.number()), payment::encode);
    }

    /** Those to an account after a number, in their order. */
    Collection<Payment> to(Bytes32 payee, long after) {
        NavigableMap<Long, Payment> all = byPayee.getOrDefault(payee, Collections.emptyNavigableMap());
        return Collections.unmodifiableCollection(all.tailMap(after, false).values());
    }

    /** Drops the oldest as long as their time is over; whether there was any. */
    boolean expire(long nowMs) {
        boolean any = false;
        while (nextMs() <= nowMs) {
            Payment payment = byNumber.pollFirstEntry().getValue();
            Bytes32 payee = payment.to();
            NavigableMap<Long, Payment> others = byPayee.get(payee);
            others.remove(payment.number());
            if (others.isEmpty()) {
                byPayee.remove(payee);
            }
            entries.remove(Kind.PAYMENT, Payment.id(payment.number()));
            any = true;
        }
        return any;
    }

    /** The next time one leaves, or the end of time. One behind a longer-lived one waits for it. */
    long nextMs() {
        return byNumber.isEmpty()
                ? Long.MAX_VALUE
                : byNumber.firstEntry().getValue().untilMs();
    }

    void write(CanonicalWriter out) {
        out.putInt(byNumber.size());
        byNumber.values().forEach(payment -> out.putFixed(payment.encode()));
    }

    static Payments read(Entries entries, CanonicalReader in) {
        Payments payments = new Payments(entries);
        for (int n = in.getInt("payments"); n > 0; n--) {
            payments.add(Payment.read(in));
        }
        return payments;
    }
}
