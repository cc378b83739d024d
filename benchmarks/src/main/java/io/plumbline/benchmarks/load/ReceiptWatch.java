package io.plumbline.benchmarks.load;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.time.Duration;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Follows answers by {@code /v1/receipts} until the ledger is done with them. A look costs the ledger something, so few
 * are followed at once and the others are not; times are as fine as the pause between looks.
 */
final class ReceiptWatch {
    static final String AUDITED = "audited";
    static final String PAID = "settled_to_be_paid";
    static final String CERTIFIED = "certified";

    /** From one look to the next. */
    static final long PAUSE_MS = 100;

    /** Of a case whose auditors have all committed to a verdict, or that is over. */
    private static final Set<String> AUDITED_STATES = Set.of("REVEALING", "SETTLED", "SLASHED", "REFUNDED");

    private final Target target;
    private final Latencies latencies;
    private final int mostAtOnce;
    private final long timeoutNs;
    private final Semaphore places;
    private final Map<End, AtomicLong> ends = new EnumMap<>(End.class);

    private enum End {
        /** The node has earned its price. */
        SETTLED,
        SLASHED,
        REFUNDED,

        /** The endpoint has no ledger, but a log of its own. */
        SIGNED,

        /** The time was over before the ledger was done. */
        UNFINISHED
    }

    /** @param mostAtOnce 0 for none. @param timeout of each answer that is followed. */
    ReceiptWatch(Target target, Latencies latencies, int mostAtOnce, Duration timeout) {
        this.target = target;
        this.latencies = latencies;
        this.mostAtOnce = mostAtOnce;
        this.timeoutNs = timeout.toNanos();
        this.places = new Semaphore(mostAtOnce);
        for (End end : End.values()) {
            ends.put(end, new AtomicLong());
        }
    }

    /** Follows an answer that has a request hash, while there is a place; returns at once. */
    void follow(Exchange answered) {
        if (answered.requestHash() != null && answered.requestHash().matches("[0-9a-f]{64}") && places.tryAcquire()) {
            Thread.startVirtualThread(() -> {
                try {
                    ends.get(watch(answered)).incrementAndGet();
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                } finally {
                    places.release();
                }
            });
        }
    }

    private End watch(Exchange answered) throws InterruptedException {
        boolean isAudited = false;
        boolean isPaid = false;
        while (System.nanoTime() - answered.endNs() < timeoutNs) {
            JsonNode found = look(answered.requestHash());
            String status = found.path("status").asText();
            if (status.equals(End.SIGNED.name())) {
                return End.SIGNED;
            }
            long passedNs = System.nanoTime() - answered.intendedNs();
            if (!isAudited && AUDITED_STATES.contains(status)) {
                isAudited = true;
                latencies.record(AUDITED, passedNs);
            }
            if (!isPaid && status.equals(End.SETTLED.name())) {
                isPaid = true;
                latencies.record(PAID, passedNs);
            }
            boolean isOver = isAudited && !status.equals("REVEALING");
            if (isOver && found.path("finality").asText().equals("certified")) {
                latencies.record(CERTIFIED, passedNs);
                return End.valueOf(status);
            }
            Thread.sleep(PAUSE_MS);
        }
        return End.UNFINISHED;
    }

    /** A ledger that does not know a request yet, or does not answer now, is asked again. */
    private JsonNode look(String requestHash) throws InterruptedException {
        try {
            return target.get("receipts/" + requestHash);
        } catch (IOException e) {
            return MissingNode.getInstance();
        }
    }

    /** Answers that are followed now. */
    int followed() {
        return mostAtOnce - places.availablePermits();
    }

    /** Waits for those that are followed. */
    void finish() throws InterruptedException {
        places.acquire(mostAtOnce);
        places.release(mostAtOnce);
    }

    /** How those that were followed ended; nothing where none was. */
    void describe(ObjectNode json) {
        if (ends.values().stream().anyMatch(count -> count.get() > 0)) {
            ObjectNode life = json.putObject("receipts_followed").put("resolution_ms", PAUSE_MS);
            ends.forEach((end, count) -> life.put(end.name().toLowerCase(Locale.ROOT), count.get()));
        }
    }
}
