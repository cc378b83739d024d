package io.plumbline.node.inference;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.KeyPair;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.RejectedExecutionException;
import org.junit.jupiter.api.Test;

class SendingSlotsTest {
    private final Bytes32 full = KeyPair.random().publicKey();
    private final Bytes32 other = KeyPair.random().publicKey();
    private final SendingSlots slots = new SendingSlots(key -> key.equals(full) || key.equals(other));

    private static Bytes32 stranger() {
        return KeyPair.random().publicKey();
    }

    @Test
    void onePeerHoldsAFewAndStrangersTogetherLeaveRoomForFullNodes() {
        Bytes32 one = stranger();
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
