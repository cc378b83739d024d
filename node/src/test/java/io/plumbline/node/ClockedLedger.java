package io.plumbline.node;

import io.plumbline.ledger.order.MemorySequencer;
import io.plumbline.ledger.order.Query;
import io.plumbline.ledger.order.Sequencer;

/** A ledger of one full node, by this host's clock. */
public record ClockedLedger(MemorySequencer memory) implements Sequencer {
    private void tick() {
        long ahead = System.currentTimeMillis() - memory.timeMs();
        if (ahead > 0) {
            memory.advance(ahead);
        }
    }

    @Override
    public Answer submit(byte[] signed) {
        synchronized (memory) {
            tick();
            return memory.submit(signed);
        }
    }

    @Override
    public byte[] ask(Query query, byte[] key) {
        synchronized (memory) {
            tick();
            return memory.ask(query, key);
        }
    }

    @Override
    public long timeMs() {
        synchronized (memory) {
            tick();
            return memory.timeMs();
        }
    }

    @Override
    public void close() {}
}
