package io.plumbline.node.cli.doctor;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What tune chooses by its measures. */
class TuneCommandTest {
    @Test
    void theFewestRowsThatAreAsGoodAreChosen() {
        assertEquals(128, TuneCommand.fewest(Map.of(64, 90.0, 128, 98.0, 256, 100.0, 512, 99.0)));
        assertEquals(512, TuneCommand.fewest(Map.of(64, 50.0, 128, 60.0, 256, 70.0, 512, 80.0)));
        assertEquals(64, TuneCommand.fewest(Map.of(64, 50.0)));
    }

    @Test
    void threadsAreTriedInPowersOfTwoAndAsManyAsThereAre() {
        assertEquals(List.of(1), TuneCommand.threadCounts(1));
        assertEquals(List.of(1, 2), TuneCommand.threadCounts(2));
        assertEquals(List.of(1, 2, 4, 6), TuneCommand.threadCounts(6));
        assertEquals(List.of(1, 2, 4, 8), TuneCommand.threadCounts(8));
    }
}
