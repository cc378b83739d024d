package io.plumbline.ledger.cluster;

import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * Keeps the log short, unasked: the member that leads has a snapshot taken when the log has grown by so much since
 * the last, and after each every member drops what no start needs any more. Looks now and then, by a thread of its
 * own.
 */
public final class Upkeep implements AutoCloseable {
    private static final long LOOK_MS = 2_000;

    /** A log that grows slowly is short too: from one snapshot to the next, where it has grown by as much as this. */
    private static final long LONGEST_NS = TimeUnit.HOURS.toNanos(1);

    private static final long LEAST_BYTES = 1 << 20;

    private final Member member;
    private final long bytes;
    private final Consumer<Throwable> onError;
    private final Thread thread;
    private volatile boolean closed;

    /**
     * @param bytes of the log from one snapshot to the next; what a start has to apply again at most, about.
     * @param onError hears what could not be done; it is tried again.
     */
    public Upkeep(Member member, long bytes, Consumer<Throwable> onError) {
        this.member = member;
        this.bytes = bytes;
        this.onError = onError;
        this.thread = Thread.ofPlatform().daemon().name("ledger-upkeep").start(this::run);
    }

    private void run() {
        long purgedAt = member.snapshots();
        long lastNs = System.nanoTime();
        while (!closed) {
            try {
                Thread.sleep(LOOK_MS);
                if (member.leads()) {
                    boolean isTime = System.nanoTime() - lastNs >= LONGEST_NS;
                    if (member.logEnd() - member.lastSnapshot() >= (isTime ? Math.min(LEAST_BYTES, bytes) : bytes)) {
                        member.snapshot();
                    }
                }
                long snapshots = member.snapshots();
                if (snapshots > purgedAt) {
                    member.purge();
                    purgedAt = snapshots;
                    lastNs = System.nanoTime();
                }
            } catch (InterruptedException e) {
                return;
            } catch (RuntimeException e) {
                if (!closed) {
                    onError.accept(e);
                }
            }
        }
    }

    @Override
    public void close() {
        closed = true;
        thread.interrupt();
        try {
            thread.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
