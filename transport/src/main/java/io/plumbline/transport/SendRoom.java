package io.plumbline.transport;

import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Bytes that wait to be sent to one peer. A few may always; more where all peers of the process together have few
 * enough. So peers that read nothing cannot fill the heap, and those that read go on: what waits for them is sent, and
 * makes room again.
 */
final class SendRoom {
    /** Bytes that may wait whatever the others do: a message that is sent whole, at least. */
    static final int OWN_BYTES = 512 << 10;

    /** Bytes that may wait in all. */
    static final int MAX_BYTES = 8 << 20;

    /** What is left to all peers of this process, beyond what is each one's own. */
    private static final AtomicLong SHARED = new AtomicLong(Runtime.getRuntime().maxMemory() / 8);

    private final AtomicLong shared;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition givenBack = lock.newCondition();
    private long held;

    SendRoom() {
        this(SHARED);
    }

    /** @param shared bytes that are left to all peers, beyond what is each one's own. */
    SendRoom(AtomicLong shared) {
        this.shared = shared;
    }

    /**
     * Waits for room.
     *
     * @param bytes at most {@link #OWN_BYTES}.
     */
    void take(int bytes) {
        lock.lock();
        try {
            while (!tryTake(bytes)) {
                givenBack.awaitUninterruptibly();
            }
        } finally {
            lock.unlock();
        }
    }

    /** Takes room where there is some. */
    boolean tryTake(int bytes) {
        lock.lock();
        try {
            long more = beyondOwn(held + bytes) - beyondOwn(held);
            if (held + bytes > MAX_BYTES || !tryShare(more)) {
                return false;
            }
            held += bytes;
            return true;
        } finally {
            lock.unlock();
        }
    }

    private boolean tryShare(long more) {
        if (more > 0 && shared.addAndGet(-more) < 0) {
            shared.addAndGet(more);
            return false;
        }
        return true;
    }

    void giveBack(int bytes) {
        lock.lock();
        try {
            shared.addAndGet(beyondOwn(held) - beyondOwn(held - bytes));
            held -= bytes;
            givenBack.signalAll();
        } finally {
            lock.unlock();
        }
    }

    private static long beyondOwn(long bytes) {
        return Math.max(0, bytes - OWN_BYTES);
    }
}
