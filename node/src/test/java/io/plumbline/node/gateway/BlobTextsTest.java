package io.plumbline.node.gateway;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.data.store.ByteRange;
import io.plumbline.data.transfer.BlobNode;
import io.plumbline.data.transfer.BlobSource;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Files of requests, where a data node never comes to an end. */
@Tag("slow")
class BlobTextsTest {
    private static final byte[] TEXT = "It rains.".getBytes(StandardCharsets.UTF_8);

    /** Sends a byte now and then of a header that has no end. */
    private static void drip(Socket socket) {
        try (socket) {
            socket.getOutputStream().write("HTTP/1.1 200 OK\r\nX-Long: ".getBytes(StandardCharsets.US_ASCII));
            while (true) {
                socket.getOutputStream().write('x');
                Thread.sleep(200);
            }
        } catch (IOException | InterruptedException e) {
            // The other side has gone.
        }
    }

    private static void serve(ServerSocket server, ExecutorService threads) {
        try {
            while (true) {
                Socket socket = server.accept();
                threads.execute(() -> drip(socket));
            }
        } catch (IOException e) {
            // It was closed.
        }
    }

    @Test
    void aNodeThatDripsHoldsNoPlaceOnceItWasGivenUp() throws Exception {
        ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
        try (ServerSocket dripping = new ServerSocket(0, 64, InetAddress.getLoopbackAddress())) {
            threads.execute(() -> serve(dripping, threads));
            List<BlobSource> nodes = new ArrayList<>();
            nodes.add(new BlobNode("http://localhost:" + dripping.getLocalPort(), null));
            BlobTexts texts = new BlobTexts(() -> nodes);
            List<Future<byte[]>> held = new ArrayList<>();
            for (int i = 0; i < 16; i++) {
                Bytes32 id = Bytes32.of(Blake3.hash(new byte[i]));
                held.add(threads.submit(() -> texts.read(id, 1_000)));
            }
            for (Future<byte[]> one : held) {
                assertTrue(assertThrows(Exception.class, one::get).getCause() instanceof IOException);
            }
            nodes.set(0, new Honest());
            assertArrayEquals(TEXT, readSoon(texts));
        } finally {
            threads.shutdownNow();
        }
    }

    /** A read that was given up ends a moment later. */
    private static byte[] readSoon(BlobTexts texts) throws Exception {
        for (int left = 100; ; left--) {
            try {
                return texts.read(Bytes32.of(Blake3.hash(TEXT)), 1_000);
            } catch (ApiException e) {
                if (left == 0) {
                    throw e;
                }
                Thread.sleep(50);
            }
        }
    }

    private static final class Honest implements BlobSource {
        @Override
        public String name() {
            return "honest";
        }

        @Override
        public long bytes(Bytes32 id) {
            return TEXT.length;
        }

        @Override
        public InputStream range(Bytes32 id, long bytes, ByteRange range) {
            return InputStream.nullInputStream();
        }

        @Override
        public void read(Bytes32 id, long bytes, ByteRange range, byte[] target) {
            System.arraycopy(TEXT, 0, target, 0, TEXT.length);
        }
    }
}
