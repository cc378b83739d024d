package io.plumbline.node.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class DeliveredTokensTest {
    private final List<Integer> told = new ArrayList<>();

    @Test
    void whatComesAfterTheEndReachesNobody() {
        DeliveredTokens tokens = new DeliveredTokens(3, 10);
        tokens.add(1, () -> told.add(1));
        tokens.add(2, () -> told.add(2));
        assertEquals(2, tokens.seal());
        tokens.add(3, () -> told.add(3));
        tokens.add(99, () -> told.add(99));
        assertEquals(List.of(1, 2), told);
        assertEquals(-1, tokens.mismatch(new int[] {1, 2}));
        assertEquals(2, tokens.mismatch(new int[] {1, 2, 3}));
    }

    @Test
    void moreThanWasAskedForIsRefusedAndToldToNobody() {
        DeliveredTokens tokens = new DeliveredTokens(1, 10);
        assertThrows(IllegalStateException.class, () -> tokens.add(10, () -> told.add(10)));
        tokens.add(1, () -> {});
        assertThrows(IllegalStateException.class, () -> tokens.add(2, () -> told.add(2)));
        assertEquals(List.of(), told);
    }
}
