package io.plumbline.node.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.plumbline.node.http.HttpException;
import io.plumbline.node.http.HttpExchange;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("slow")
class JsonMemoryTest {
    private static byte[] list(String piece, int bytes) {
        return ("[" + piece.repeat(bytes / piece.length()) + "0]").getBytes(StandardCharsets.UTF_8);
    }

    /** Told beforehand is at least what stays in use with the tree. */
    @Test
    void theMemoryOfATreeIsNotUnderestimated() throws IOException {
        List<String> pieces = new ArrayList<>(
                List.of("{},", "[],", "[0],", "0,", "1000,", "1.5,", "\"\",", "\"abcdefgh\",", "true,", "[[[[1]]]],"));
        pieces.add("{\"a\":1},");
        pieces.add("{\"a\":{\"b\":[]}},");
        pieces.add("12345678901234567890123456789,");
        for (String piece : pieces) {
            byte[] json = list(piece, 1 << 20);
            long told = JsonMemory.of(json, 0, json.length).bytes();
            JsonNode kept = Http.json(json, 0, json.length);
            long taken = retained(json);
            assertTrue(kept.size() > 1000, piece);
            assertTrue(taken <= told, piece + " takes " + taken + " bytes where " + told + " were told");
        }
    }

    /** Bytes that stay in use with the tree, at most; what else runs in this process may add to it. */
    private static long retained(byte[] json) {
        long least = Long.MAX_VALUE;
        for (int i = 0; i < 3; i++) {
            long before = used();
            JsonNode tree = Http.json(json, 0, json.length);
            least = Math.min(least, used() - before);
            assertTrue(tree.isArray());
        }
        return least;
    }

    private static long used() {
        System.gc();
        return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
    }

    /** A request whose body is at hand, with so much memory. */
    private record Sent(byte[] bytes, long memory) implements HttpExchange {
        @Override
        public String method() {
            return "POST";
        }

        @Override
        public String query(String name) {
            return null;
        }

        @Override
        public String parameter(String name) {
            return null;
        }

        @Override
        public String requestHeader(String name) {
            return null;
        }

        @Override
        public byte[] body() {
            return bytes;
        }

        @Override
        public byte[] body(int most) {
            return bytes;
        }

        @Override
        public void hold(long more) {
            if (more > memory) {
                throw new HttpException(503, "no memory");
            }
        }

        @Override
        public <T> void attach(Class<T> type, T value) {}

        @Override
        public <T> T attached(Class<T> type) {
            return null;
        }

        @Override
        public void responseHeader(String name, String value) {}

        @Override
        public void send(int status, byte[] body) {}

        @Override
        public OutputStream stream(int status) {
            return OutputStream.nullOutputStream();
        }

        @Override
        public void onClientGone(Runnable action) {}
    }

    @Test
    void noTreeIsMadeThatThereIsNoMemoryFor() throws IOException {
        byte[] json = list("{},", 300_000);
        assertEquals(
                503,
                assertThrows(HttpException.class, () -> Http.json(new Sent(json, 10_000_000), 1 << 20, 1 << 20))
                        .status());
        assertEquals(
                413,
                assertThrows(ApiException.class, () -> Http.json(new Sent(json, 1L << 30), 1 << 20, 100_000))
                        .status());
        assertEquals(
                100_001, Http.json(new Sent(json, 1L << 30), 1 << 20, 1 << 20).size());
    }

    @Test
    void numbersThatWouldBecomeOthersAreRefused() {
        for (String body : List.of("{\"a\":1e400}", "[-1e999]", "{\"a\":{\"b\":[1e309]}}")) {
            byte[] json = body.getBytes(StandardCharsets.UTF_8);
            String refusal = assertThrows(IllegalArgumentException.class, () -> Http.json(json, 0, json.length), body)
                    .getMessage();
            assertTrue(refusal.contains("64-bit"), refusal);
        }
        byte[] small = "[1e-400,1e308]".getBytes(StandardCharsets.UTF_8);
        assertEquals(2, Http.json(small, 0, small.length).size());
    }
}
