package io.plumbline.benchmarks.ledger;

import org.agrona.DirectBuffer;

/** How a {@link Load} reaches those that order. Used by one thread. */
interface Line extends AutoCloseable {
    /** Hears an answer. */
    interface Heard {
        void answer(long id, long height);
    }

    /** Sends a message; false where it cannot be sent now. */
    boolean offer(DirectBuffer buffer, int length);

    /** Hands over answers that have come. @return how many. */
    int poll(Heard heard);

    @Override
    void close();
}
