package io.plumbline.ledger.order;

import static io.plumbline.ledger.Money.REQUESTER;
import static io.plumbline.ledger.Money.genesis;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;

import io.plumbline.ledger.state.Command;
import io.plumbline.ledger.state.LedgerState;
import io.plumbline.ledger.state.Signed;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ReplicaTest {
    private static final long NOW = 1_000_000;
    private static final long YEAR_MS = 365L * 86_400_000;

    /** The timer that the first leader set would keep the next one from closing blocks for a year. */
    @Test
    void aLeaderWhoseClockWasAheadHoldsUpNoBlockOfTheNextOne() {
        Map<Long, Long> timers = new HashMap<>();
        LedgerState state = new LedgerState(genesis());
        Replica replica = new Replica(state, (changed, node) -> {}, timers::put);
        bond(replica, NOW + YEAR_MS);
        assertEquals(NOW + YEAR_MS + Replica.BLOCK_MS, timers.get(Replica.BLOCK_TIMER));
        bond(replica, NOW);
        assertEquals(NOW + Replica.BLOCK_MS, timers.get(Replica.BLOCK_TIMER));
        bond(replica, NOW + 1);
        assertEquals(NOW + Replica.BLOCK_MS, timers.remove(Replica.BLOCK_TIMER));
        replica.onTimer(Replica.BLOCK_TIMER, NOW + Replica.BLOCK_MS);
        assertNotNull(state.blocks().open());
        assertNull(timers.get(Replica.BLOCK_TIMER));
    }

    private static void bond(Replica replica, long nowMs) {
        Command bond = new Command.Bond(1);
        Signed signed = Signed.of(genesis().hash(), REQUESTER, NOW + YEAR_MS + 60_000, bond);
        assertNull(replica.onCommand(signed.encode(), nowMs).getFirst());
    }
}
