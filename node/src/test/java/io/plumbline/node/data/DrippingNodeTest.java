package io.plumbline.node.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.data.store.BlobStore;
import io.plumbline.data.store.ByteRange;
import io.plumbline.data.store.Progress;
import io.plumbline.data.transfer.BlobNode;
import io.plumbline.node.WaitingTest;
import io.plumbline.node.tls.TestCertificates;
import io.plumbline.verifier.encoding.Bytes32;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * A data node with TLS that sends byte by byte. A byte comes before the time for a read is over, and a TLS record of 16
 * KiB takes as many of them: what is waited for ends by a time for all of it, or not in these tests' time.
 */
@Tag("slow")
@Timeout(120)
class DrippingNodeTest {
    private static final byte[] BYTES = new byte[1 << 20];

    static {
        new Random(1).nextBytes(BYTES);
    }

    @TempDir
    private Path folder;

    private BlobStore store;
    private BlobServer server;
    private Bytes32 id;

    @BeforeEach
    void serve() throws IOException {
        store = BlobStore.open(folder.resolve("store"), Long.MAX_VALUE);
        server = new BlobServer(
                store,
                "127.0.0.1",
                0,
                null,
                TestCertificates.make(folder, "EC", "data.example").context(),
                fault -> {});
        id = store.put(new ByteArrayInputStream(BYTES), Progress.none());
    }

    @AfterEach
    void close() throws IOException {
        server.close();
        store.close();
    }

    /** Stands before the data node, and gives bytes of it freely before each further one takes half a second. */
    private final class Proxy implements AutoCloseable {
        private final ServerSocket listening = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        private final int freeConnections;
        private final int freeBytes;

        /**
         * @param freeConnections of which all bytes come freely.
         * @param freeBytes of each one after these.
         */
        Proxy(int freeConnections, int freeBytes) throws IOException {
            this.freeConnections = freeConnections;
            this.freeBytes = freeBytes;
            Thread.ofVirtual().start(this::accept);
        }

        BlobNode node() {
            return BlobNode.announced("127.0.0.1", listening.getLocalPort());
        }

        private void accept() {
            for (int number = 0; ; number++) {
                try {
                    Socket client = listening.accept();
                    Socket behind = new Socket(InetAddress.getLoopbackAddress(), server.port());
                    long free = number < freeConnections ? Long.MAX_VALUE : freeBytes;
                    Thread.ofVirtual().start(() -> copy(client, behind, Long.MAX_VALUE));
                    Thread.ofVirtual().start(() -> copy(behind, client, free));
                } catch (IOException e) {
                    return;
                }
            }
        }

        private void copy(Socket from, Socket to, long free) {
            try (from;
                    to) {
                InputStream in = from.getInputStream();
                OutputStream out = to.getOutputStream();
                long copied = 0;
                byte[] some = new byte[4_096];
                for (int read = in.read(some, 0, 1); read > 0; copied += read) {
                    out.write(some, 0, read);
                    if (copied >= free) {
                        Thread.sleep(500);
                    }
                    read = in.read(some, 0, Math.clamp(free - copied - read, 1, some.length));
                }
            } catch (IOException | InterruptedException e) {
                // One of them has gone.
            }
        }

        @Override
        public void close() throws IOException {
            listening.close();
        }
    }

    @WaitingTest
    void aHandshakeThatDripsEndsWithItsTime() throws IOException {
        try (Proxy proxy = new Proxy(0, 8)) {
            IOException why = assertThrows(IOException.class, () -> proxy.node().stat(id));
            assertTrue(why.getMessage().contains("its TLS handshake does not end"), why.getMessage());
        }
    }

    /** The first one shows that the node has TLS. */
    @WaitingTest
    void aSecondHandshakeThatDripsEndsWithItsTime() throws IOException {
        try (Proxy proxy = new Proxy(1, 8)) {
            IOException why = assertThrows(IOException.class, () -> proxy.node().stat(id));
            assertTrue(why.getMessage().contains("cannot be reached"), why.getMessage());
        }
    }

    @WaitingTest
    void aRecordThatDripsIsGivenUp() throws IOException {
        try (Proxy proxy = new Proxy(1, 40_000)) {
            BlobNode node = proxy.node();
            assertEquals(BYTES.length, node.bytes(id));
            byte[] read = new byte[BYTES.length];
            IOException why = assertThrows(
                    IOException.class, () -> node.read(id, BYTES.length, new ByteRange(0, BYTES.length), read));
            assertTrue(why.getMessage().contains("it sends less than 4096 bytes a second"), why.getMessage());
        }
        try (Proxy proxy = new Proxy(Integer.MAX_VALUE, 0)) {
            byte[] read = new byte[BYTES.length];
            proxy.node().read(id, BYTES.length, new ByteRange(0, BYTES.length), read);
            assertArrayEquals(BYTES, read);
        }
    }
}
