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

    /** Each stranger is at another one. */
    private long host = 1;

    private static Bytes32 stranger() {
        return KeyPair.random().publicKey();
    }

    @Test
    void onePeerHoldsAFewAndStrangersTogetherLeaveRoomForFullNodes() {
        Bytes32 one = stranger();
        List<Runnable> taken = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            taken.add(slots.take(one, host++, 1));
        }
        assertThrows(RejectedExecutionException.class, () -> slots.take(one, host++, 1));
        for (int i = 0; i < 12; i++) {
            taken.add(slots.take(stranger(), host++, 1));
        }
        assertThrows(RejectedExecutionException.class, () -> slots.take(stranger(), host++, 1));
        for (int i = 0; i < 16; i++) {
            taken.add(slots.take(full, 0, 1));
        }
        assertThrows(RejectedExecutionException.class, () -> slots.take(full, 0, 1));
        taken.forEach(Runnable::run);
        assertDoesNotThrow(() -> slots.take(one, host++, 1));
    }

    @Test
    void oneHostHasNoMoreThanOnePeerHoweverManyKeysItMakes() {
        List<Runnable> taken = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            taken.add(slots.take(stranger(), 7, 1));
        }
        assertThrows(RejectedExecutionException.class, () -> slots.take(stranger(), 7, 1));
        assertDoesNotThrow(() -> slots.take(stranger(), 8, 1));
        assertDoesNotThrow(() -> slots.take(full, 7, 1), "full nodes of that host have their own");
        taken.getFirst().run();
        assertDoesNotThrow(() -> slots.take(stranger(), 7, 1));
    }

    @Test
    void largeOnesAreBoundedTogether() {
        long heap = Runtime.getRuntime().maxMemory();
        Runnable giveBack = slots.take(stranger(), host++, heap);
        assertThrows(RejectedExecutionException.class, () -> slots.take(stranger(), host++, 1));
        slots.take(full, 0, heap);
        assertThrows(RejectedExecutionException.class, () -> slots.take(full, 0, 1));
        slots.take(other, 0, heap);
        giveBack.run();
        assertDoesNotThrow(() -> slots.take(stranger(), host++, 1));
    }
}
