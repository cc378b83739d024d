package io.plumbline.transport;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class SendRoomTest {
    private static final int PIECE = SendRoom.OWN_BYTES / 2;

    private static int takeAll(SendRoom room) {
        int bytes = 0;
        while (room.tryTake(PIECE)) {
            bytes += PIECE;
        }
        return bytes;
    }

    @Test
    void allPeersTogetherHoldNoMoreThanTheirOwnAndTheSharedBytes() {
        AtomicLong shared = new AtomicLong(12 << 20);
        long held = 0;
        for (int i = 0; i < 20; i++) {
            int one = takeAll(new SendRoom(shared));
            assertTrue(one >= SendRoom.OWN_BYTES && one <= SendRoom.MAX_BYTES, one + " bytes");
            held += one;
        }
        assertEquals(20L * SendRoom.OWN_BYTES + (12 << 20), held);
    }

    @Test
    void whatIsSentMakesRoomForOthers() {
        AtomicLong shared = new AtomicLong(2 * PIECE);
        SendRoom one = new SendRoom(shared);
        assertEquals(4 * PIECE, takeAll(one));
        SendRoom other = new SendRoom(shared);
        assertEquals(2 * PIECE, takeAll(other));
        one.giveBack(PIECE);
        assertTrue(other.tryTake(PIECE));
        assertFalse(one.tryTake(PIECE));
        for (int i = 0; i < 3; i++) {
            one.giveBack(PIECE);
            other.giveBack(PIECE);
        }
        assertEquals(2 * PIECE, shared.get());
    }

    /** Peers that read nothing may hold all that is shared: one that reads goes on. */
    @Test
    void aSenderWaitsForItsOwnPeerOnly() throws InterruptedException {
        SendRoom room = new SendRoom(new AtomicLong(0));
        assertEquals(SendRoom.OWN_BYTES, takeAll(room));
        CountDownLatch isTaken = new CountDownLatch(1);
        Thread.startVirtualThread(() -> {
            room.take(PIECE);
            isTaken.countDown();
        });
        room.giveBack(PIECE);
        assertTrue(isTaken.await(120, TimeUnit.SECONDS));
        assertFalse(room.tryTake(1));
    }
}
