package io.plumbline.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import org.junit.jupiter.api.Test;

/** How long a client waits for a busy server. */
class RetryDelayTest {
    private static final Clock NOON = Clock.fixed(Instant.parse("2026-11-25T12:00:00Z"), ZoneOffset.UTC);

    private static Duration of(String header) {
        return RetryDelay.of(header, 0, NOON);
    }

    @Test
    void secondsAndDatesAreKeptTo() {
        assertEquals(Duration.ofSeconds(7), of("7"));
        assertEquals(Duration.ZERO, of(" 0 "));
        assertEquals(Duration.ofSeconds(90), of("Wed, 25 Nov 2026 12:01:30 GMT"));
        assertEquals(Duration.ZERO, of("Wed, 25 Nov 2026 11:00:00 GMT"), "that is past");
    }

    @Test
    void withoutAWordThatCanBeReadWaitsGrow() {
        for (String header : new String[] {null, "", "soon", "-5", "1e9", "99999999999999999999"}) {
            for (int tries = 0; tries < 100; tries++) {
                long most = 500L << Math.min(tries, 6);
                long ms = RetryDelay.of(header, tries, NOON).toMillis();
                assertTrue(ms >= most / 2 && ms <= most, header + ", try " + tries + ": " + ms);
            }
        }
    }
}
