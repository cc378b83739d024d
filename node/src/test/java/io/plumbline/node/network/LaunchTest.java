package io.plumbline.node.network;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class LaunchTest {
    private final List<String> closed = new ArrayList<>();

    private AutoCloseable part(String name) {
        return () -> closed.add(name);
    }

    @Test
    void aStepThatFailsClosesWhatThoseBeforeItOpenedTheLastFirst() {
        IOException why = new IOException("The port is taken.");
        IOException thrown = assertThrows(
                IOException.class,
                () -> Launch.of(launch -> {
                    launch.opened(part("driver"));
                    launch.opened(() -> {
                        closed.add("ledger");
                        throw new IllegalStateException("It does not close well.");
                    });
                    launch.opened(part("endpoint"));
                    throw why;
                }));
        assertSame(why, thrown);
        assertEquals(List.of("endpoint", "ledger", "driver"), closed);
    }

    @Test
    void whatIsLaunchedIsItsOwnersToClose() throws IOException {
        assertEquals("node", Launch.of(launch -> {
            launch.opened(part("driver"));
            return "node";
        }));
        assertEquals(List.of(), closed);
    }
}
