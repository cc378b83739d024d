package io.plumbline.node.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.node.WaitingTest;
import io.plumbline.node.tls.TestCertificates;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.net.SocketException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLHandshakeException;
import javax.net.ssl.SSLSocket;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A client that speaks TLS may hold no more than another, and one that does not finish its handshake neither. */
@Tag("slow")
class HttpsLimitsTest extends HttpLimitsTest {
    @TempDir
    Path folder;

    @Override
    TestServer server(HttpLimits limits) throws IOException {
        return new TestServer(
                limits, TestCertificates.make(folder, "EC", "localhost").context());
    }

    /** A client's first message. */
    private static byte[] hello() throws SSLException {
        SSLEngine engine = TestCertificates.client().createSSLEngine("localhost", 1);
        engine.setUseClientMode(true);
        ByteBuffer hello = ByteBuffer.allocate(engine.getSession().getPacketBufferSize());
        engine.wrap(ByteBuffer.allocate(0), hello);
        byte[] bytes = new byte[hello.flip().remaining()];
        hello.get(bytes);
        return bytes;
    }

    private Socket unfinished(int bytes) throws IOException {
        Socket socket = new Socket("localhost", test.server.port());
        socket.getOutputStream().write(hello(), 0, bytes);
        return socket;
    }

    /** Milliseconds until the server ended the connection. */
    private static long untilClosed(Socket socket) throws IOException {
        long began = System.nanoTime();
        socket.setSoTimeout(2 * LATE_MS);
        InputStream in = socket.getInputStream();
        try {
            while (in.read() >= 0) {
                Thread.onSpinWait();
            }
        } catch (SocketException e) {
            // Closed as well.
        }
        return millis(began);
    }

    @WaitingTest
    void aHandshakeThatDoesNotFinishIsEnded() throws IOException {
        // Nothing, a part of the first message, and all of it but never a second one.
        for (int bytes : new int[] {0, 20, hello().length}) {
            try (Socket socket = unfinished(bytes)) {
                long ms = untilClosed(socket);
                assertTrue(ms > 1000 && ms < LATE_MS, bytes + " bytes: " + ms + " ms");
            }
        }
    }

    @WaitingTest
    void aHandshakeThatComesByteByByteIsEndedToo() throws Exception {
        try (Socket socket = new Socket("localhost", test.server.port())) {
            long began = System.nanoTime();
            byte[] hello = hello();
            int sent = 0;
            try {
                while (millis(began) < 2 * LATE_MS) {
                    socket.getOutputStream().write(hello[sent++]);
                    Thread.sleep(100);
                }
            } catch (SocketException e) {
                // Closed, as it should be.
            }
            assertTrue(millis(began) < LATE_MS, sent + " bytes in " + millis(began) + " ms");
        }
    }

    @WaitingTest
    void unfinishedHandshakesOnAllConnectionsHoldTheNextClientUpForTheirTimeAlone() throws Exception {
        List<Socket> sockets = new ArrayList<>();
        long began = System.nanoTime();
        for (int i = 0; i < TestServer.LIMITS.connections(); i++) {
            sockets.add(unfinished(50));
        }
        // All are accepted: the next one waits in the operating system's queue.
        Thread.sleep(500);
        try (RawClient client = new RawClient(test.server)) {
            assertEquals(200, client.write(HELLO).readUntil("hello").status());
        }
        long ms = millis(began);
        assertTrue(ms > 1000 && ms < LATE_MS, ms + " ms");
        for (Socket socket : sockets) {
            socket.close();
        }
        assertTrue(test.faults.isEmpty(), test.faults.toString());
    }

    @Test
    void whatIsNoTlsIsEndedAtOnceAndReachesNoHandler() throws IOException {
        try (Socket socket = new Socket("localhost", test.server.port())) {
            socket.getOutputStream().write("GET /second HTTP/1.1\r\nHost: localhost\r\n\r\n".getBytes());
            assertTrue(untilClosed(socket) < 1000);
        }
        try (Socket socket = new Socket("localhost", test.server.port())) {
            // A record that says it has 16 KiB and more, of no type that there is.
            socket.getOutputStream().write(HexFormat.of().parseHex("ff0303ffff"));
            assertTrue(untilClosed(socket) < 1000);
        }
        assertEquals(0, test.seconds.get());
    }

    @WaitingTest
    void tls13And12AreSpokenAndNothingOlder() throws IOException {
        for (String version : List.of("TLSv1.3", "TLSv1.2", "TLSv1.1")) {
            try (SSLSocket socket = (SSLSocket)
                    TestCertificates.client().getSocketFactory().createSocket("localhost", test.server.port())) {
                socket.setEnabledProtocols(new String[] {version});
                if (version.equals("TLSv1.1")) {
                    assertThrows(SSLHandshakeException.class, socket::startHandshake);
                } else {
                    socket.startHandshake();
                    assertEquals(version, socket.getSession().getProtocol());
                }
            }
        }
    }
}
