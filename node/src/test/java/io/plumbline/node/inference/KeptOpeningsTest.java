package io.plumbline.node.inference;

import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;

import io.plumbline.node.inference.AnswerOpener.Opened;
import org.junit.jupiter.api.Test;

class KeptOpeningsTest {
    private static Opened opened(int bytes) {
        return new Opened(new byte[0], new byte[bytes]);
    }

    @Test
    void theNewestAreKeptThatTheirMemoryHasRoomFor() {
        KeptOpenings openings = new KeptOpenings(1_000);
        for (int i = 0; i < 100; i++) {
            Opened one = opened(100);
            openings.keep("cell " + i, one);
            assertSame(one, openings.find("cell " + i));
        }
        for (int i = 0; i < 100; i++) {
            if (i < 90) {
                assertNull(openings.find("cell " + i));
            } else {
                assertNotNull(openings.find("cell " + i));
            }
        }
    }

    @Test
    void oneThatTakesMuchOfTheMemoryIsNotKept() {
        KeptOpenings openings = new KeptOpenings(1_000);
        openings.keep("small", opened(100));
        openings.keep("large", opened(126));
        assertNull(openings.find("large"));
        assertNotNull(openings.find("small"));
    }
}
