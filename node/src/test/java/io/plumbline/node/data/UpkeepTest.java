package io.plumbline.node.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpServer;
import io.plumbline.data.erasure.StripedBlob;
import io.plumbline.data.store.BlobStore;
import io.plumbline.data.store.Progress;
import io.plumbline.data.transfer.BlobNode;
import io.plumbline.data.transfer.RateLimit;
import io.plumbline.node.network.Event;
import io.plumbline.verifier.encoding.Bytes32;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class UpkeepTest {
    private static final Duration LONG = Duration.ofDays(1);

    @TempDir
    private Path folder;

    @Test
    void anErrorInOneLookIsToldAndTheNextOneComes() throws Exception {
        CountDownLatch looks = new CountDownLatch(2);
        Queue<Event> told = new ConcurrentLinkedQueue<>();
        Upkeep.Peers failing = () -> {
            looks.countDown();
            throw new OutOfMemoryError("too much");
        };
        try (BlobStore store = BlobStore.open(folder, Long.MAX_VALUE);
                Upkeep upkeep = new Upkeep(
                        store,
                        new Bytes32(0, 0, 0, 1),
                        failing,
                        LONG,
                        RateLimit.none(),
                        LONG,
                        LONG,
                        Duration.ofMillis(10),
                        told::add)) {
            upkeep.start();
            assertTrue(looks.await(120, TimeUnit.SECONDS), "there is a second look");
        }
        assertTrue(told.peek() instanceof Event.Error && told.toString().contains("too much"), told.toString());
    }

    @Test
    void aNodeThatFailsIsAskedForOneBlobOfALook() throws IOException {
        Set<String> asked = ConcurrentHashMap.newKeySet();
        HttpServer dead = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        dead.createContext("/", exchange -> {
            asked.add(exchange.getRequestURI().getPath());
            exchange.sendResponseHeaders(500, -1);
            exchange.close();
        });
        dead.start();
        try (BlobStore store = BlobStore.open(folder, Long.MAX_VALUE)) {
            for (int i = 0; i < 5; i++) {
                List<Bytes32> shards =
                        List.of(new Bytes32(1, 0, 0, i), new Bytes32(2, 0, 0, i), new Bytes32(3, 0, 0, i));
                String text = new StripedBlob(new Bytes32(4, 0, 0, i), 5_000_000, 2, shards).text();
                store.put(
                        new ByteArrayInputStream(text.getBytes(StandardCharsets.US_ASCII)),
                        Progress.none(),
                        StripedBlob.allPin());
            }
            BlobNode node = new BlobNode("http://127.0.0.1:" + dead.getAddress().getPort(), null);
            StripeWatch watch = new StripeWatch(store, new Bytes32(0, 0, 0, 1), Duration.ZERO, event -> {});
            for (int look = 0; look < 2; look++) {
                asked.clear();
                watch.look(List.of(new Peer(new Bytes32(0, 0, 0, 2), node)));
                assertEquals(1, asked.size(), asked.toString());
            }
        } finally {
            dead.stop(0);
        }
    }
}
