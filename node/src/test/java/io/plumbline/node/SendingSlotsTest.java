package io.plumbline.node;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.plumbline.ledger.state.Key;
import io.plumbline.verifier.receipt.Keys;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.RejectedExecutionException;
import org.junit.jupiter.api.Test;

class SendingSlotsTest {
    private final Key full = Key.of(Keys.random().publicKey());
    private final Key other = Key.of(Keys.random().publicKey());
    private final SendingSlots slots = new SendingSlots(key -> key.equals(full) || key.equals(other));

    private static Key stranger() {
        return Key.of(Keys.random().publicKey());
    }

    @Test
    void onePeerHoldsAFewAndStrangersTogetherLeaveRoomForFullNodes() {
        Key one = stranger();
        List<Runnable> taken = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            taken.add(slots.take(one, 1));
        }
        assertThrows(RejectedExecutionException.class, () -> slots.take(one, 1));
        for (int i = 0; i < 12; i++) {
            taken.add(slots.take(stranger(), 1));
        }
        assertThrows(RejectedExecutionException.class, () -> slots.take(stranger(), 1));
        for (int i = 0; i < 16; i++) {
            taken.add(slots.take(full, 1));
        }
        assertThrows(RejectedExecutionException.class, () -> slots.take(full, 1));
        taken.forEach(Runnable::run);
        assertDoesNotThrow(() -> slots.take(one, 1));
    }

    @Test
    void largeOnesAreBoundedTogether() {
        long heap = Runtime.getRuntime().maxMemory();
        Runnable giveBack = slots.take(stranger(), heap);
        assertThrows(RejectedExecutionException.class, () -> slots.take(stranger(), 1));
        slots.take(full, heap);
        assertThrows(RejectedExecutionException.class, () -> slots.take(full, 1));
        slots.take(other, heap);
        giveBack.run();
        assertDoesNotThrow(() -> slots.take(stranger(), 1));
    }
}
