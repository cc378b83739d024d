package io.plumbline.node.tenant;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Tokens of a day are counted over restarts, and begin anew at midnight UTC. */
class DailyTokensTest {
    private static final Instant MORNING = Instant.parse("2026-11-26T08:00:00Z");
    private static final Instant NEXT_DAY = Instant.parse("2026-11-27T00:00:00Z");

    @TempDir
    Path folder;

    @Test
    void aRestartGivesNoSecondDay() throws IOException {
        Path file = folder.resolve("tokens.json");
        DailyTokens before = new DailyTokens(file, MORNING);
        assertTrue(before.take("a", 70, 100, MORNING));
        assertFalse(before.take("a", 31, 100, MORNING));
        assertTrue(before.take("b", 1000, 0, MORNING), "0 is no limit");
        before.save();
        DailyTokens after = new DailyTokens(file, MORNING.plus(Duration.ofHours(1)));
        assertEquals(70, after.of("a", MORNING));
        assertFalse(after.take("a", 31, 100, MORNING));
        assertTrue(after.take("a", 30, 100, MORNING));
        assertEquals(0, new DailyTokens(file, NEXT_DAY).of("a", NEXT_DAY));
    }

    @Test
    void midnightBeginsAnewAndWhatWasTakenBeforeItIsNotGivenBackToTheNewDay() throws IOException {
        DailyTokens tokens = new DailyTokens(folder.resolve("tokens.json"), MORNING);
        assertTrue(tokens.take("a", 100, 100, MORNING));
        assertFalse(tokens.take("a", 1, 100, NEXT_DAY.minusMillis(1)));
        assertTrue(tokens.take("a", 40, 100, NEXT_DAY));
        tokens.giveBack("a", 60, MORNING, NEXT_DAY);
        assertEquals(40, tokens.of("a", NEXT_DAY));
        tokens.giveBack("a", 15, NEXT_DAY, NEXT_DAY.plusSeconds(1));
        assertEquals(25, tokens.of("a", NEXT_DAY));
        assertEquals(NEXT_DAY, DailyTokens.end(MORNING));
    }

    @Test
    void aDamagedFileIsNotTakenForAnEmptyOne() throws IOException {
        Path file = folder.resolve("tokens.json");
        for (String text :
                new String[] {"", "{\"day\":\"2026-11-26\",\"tok", "{\"day\":\"yesterday\",\"tokens\":{}}"}) {
            Files.writeString(file, text);
            String refusal = assertThrows(IOException.class, () -> new DailyTokens(file, MORNING))
                    .getMessage();
            assertTrue(refusal.contains(file + " is damaged"), refusal);
        }
    }
}
