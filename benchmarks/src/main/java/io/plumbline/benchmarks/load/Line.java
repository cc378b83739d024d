package io.plumbline.benchmarks.load;

import org.agrona.DirectBuffer;

/** How a {@link MessageLoad} reaches those that answer its messages. Used by one thread. */
public interface Line extends AutoCloseable {
    /** Hears an answer. */
    interface Heard {
        /**
         * Takes it.
         *
         * @param id number of the message that it answers.
         * @param height of the ledger then; 0 of others.
         */
        void answer(long id, long height);
    }

    /** Sends a message; false where it cannot be sent now. */
    boolean offer(DirectBuffer buffer, int length);

    /** Hands over answers that have come. @return how many. */
    int poll(Heard heard);

    @Override
    void close();
}
