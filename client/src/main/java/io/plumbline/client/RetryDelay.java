package io.plumbline.client;

import java.time.Clock;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.concurrent.ThreadLocalRandom;

/** How long to wait before a request is sent again. */
final class RetryDelay {
    private static final long FIRST_MS = 500;
    private static final int MOST_DOUBLINGS = 6;

    private RetryDelay() {}

    /**
     * @param retryAfter the header as RFC 9110 has it, seconds or a date; null where there is none.
     * @param tries before this one, from 0.
     * @return what the header says, and where it says nothing that can be read half a second, doubled for each try and
     *     shortened by chance, so that clients do not come back all at once.
     */
    static Duration of(String retryAfter, int tries, Clock clock) {
        Duration said = said(retryAfter, clock);
        if (said != null) {
            return said.isNegative() ? Duration.ZERO : said;
        }
        long most = FIRST_MS << Math.min(tries, MOST_DOUBLINGS);
        return Duration.ofMillis(ThreadLocalRandom.current().nextLong(most / 2, most + 1));
    }

    private static Duration said(String retryAfter, Clock clock) {
        if (retryAfter == null) {
            return null;
        }
        String text = retryAfter.strip();
        if (text.matches("\\d{1,9}")) {
            return Duration.ofSeconds(Integer.parseInt(text));
        }
        try {
            return Duration.between(
                    clock.instant(),
                    ZonedDateTime.parse(text, DateTimeFormatter.RFC_1123_DATE_TIME)
                            .toInstant());
        } catch (DateTimeException e) {
            return null;
        }
    }
}
