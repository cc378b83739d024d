package io.plumbline.node.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.plumbline.node.network.NotAskedException;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.encoding.Bytes32;
import java.io.IOException;
import java.lang.reflect.Proxy;
import java.util.Set;
import org.junit.jupiter.api.Test;

class TriesTest {
    /** As many nodes as there are numbers, each with its number as its key. */
    private static Answerers endless() {
        return (Answerers) Proxy.newProxyInstance(
                TriesTest.class.getClassLoader(), new Class<?>[] {Answerers.class}, (_, _, arguments) -> {
                    Bytes32 key = new Bytes32(((Set<?>) arguments[2]).size(), 0, 0, 0);
                    return Proxy.newProxyInstance(
                            TriesTest.class.getClassLoader(),
                            new Class<?>[] {Answerers.Answerer.class},
                            (_, _, _) -> key);
                });
    }

    private final Tries tries =
            new Tries(endless(), Bytes32.ZERO, new NodeWish(Level.SIGNED, "", Long.MAX_VALUE, null));

    private long next(Exception why) throws IOException {
        return tries.next(why).key().a();
    }

    @Test
    void threeAreAskedHoweverTheyFail() throws IOException {
        assertEquals(0, tries.first().key().a());
        assertEquals(1, next(new IOException("slow")));
        assertEquals(2, next(new IllegalArgumentException("no")));
        IOException last = new IOException("slow");
        assertSame(last, assertThrows(IOException.class, () -> tries.next(last)));
    }

    /** Whoever registers nodes for which no escrow is let open would else have requests fail for nothing. */
    @Test
    void thoseThatCouldNotBeAskedDoNotCountButAreNotTriedWithoutEnd() throws IOException {
        NotAskedException none = new NotAskedException("It has no stake.");
        tries.first();
        for (int i = 1; i <= 10; i++) {
            assertEquals(i, next(none));
        }
        assertEquals(11, next(new IOException("slow")));
        assertEquals(12, next(new IOException("slow")));
        for (int i = 13; i < 24; i++) {
            assertEquals(i, next(none));
        }
        assertThrows(NotAskedException.class, () -> tries.next(none));
    }
}
