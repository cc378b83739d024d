package io.plumbline.data.feed;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import javax.net.ssl.SSLSocketFactory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SourceFetchTest {
    private ServerSocket server;
    private final List<String> asked = new CopyOnWriteArrayList<>();
    private volatile String answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n17";

    @BeforeEach
    void serve() throws IOException {
        server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        Thread.ofVirtual().start(() -> {
            while (!server.isClosed()) {
                try (Socket socket = server.accept()) {
                    InputStream in = socket.getInputStream();
                    StringBuilder head = new StringBuilder();
                    while (head.indexOf("\r\n\r\n") < 0) {
                        head.append((char) in.read());
                    }
                    asked.add(head.toString());
                    OutputStream out = socket.getOutputStream();
                    out.write(answer.getBytes(StandardCharsets.ISO_8859_1));
                    out.flush();
                } catch (IOException e) {
                    // The client has gone, or the test.
                }
            }
        });
    }

    @AfterEach
    void end() throws IOException {
        server.close();
    }

    private URI url(String path) {
        return URI.create("http://localhost:" + server.getLocalPort() + path);
    }

    @Test
    void aSourceIsAskedAndItsBodyTaken() throws IOException {
        SourceFetch.Fetched fetched = new SourceFetch(true).get(url("/level?x=1"));
        assertEquals("17", new String(fetched.body(), StandardCharsets.UTF_8));
        assertArrayEquals(new byte[32], fetched.certificateHash());
        assertTrue(fetched.sentMs() <= fetched.receivedMs());
        assertTrue(asked.getFirst().startsWith("GET /level?x=1 HTTP/1.1\r\nHost: localhost:"), asked.toString());
        answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n1\r\n2;x=y\r\n78\r\n0\r\n\r\n";
        assertEquals("178", new String(new SourceFetch(true).get(url("/")).body(), StandardCharsets.UTF_8));
        answer = "HTTP/1.0 200 OK\r\n\r\n4";
        assertEquals("4", new String(new SourceFetch(true).get(url("/")).body(), StandardCharsets.UTF_8));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "localhost",
                "127.0.0.1",
                "127.1.2.3",
                "10.0.0.1",
                "172.16.0.1",
                "172.31.255.255",
                "192.168.1.1",
                "169.254.169.254",
                "100.64.0.1",
                "0.0.0.0",
                "224.0.0.1",
                "255.255.255.255",
                "198.18.0.1",
                "[::1]",
                "[::]",
                "[::ffff:127.0.0.1]",
                "[::ffff:10.0.0.1]",
                "[fe80::1]",
                "[fc00::1]",
                "[fd00:ec2::254]",
                "[64:ff9b::7f00:1]",
                "[2002:7f00:1::]",
                "[2001::1]",
                "[ff02::1]",
                "2130706433",
                "0x7f.1"
            })
    void whatIsNotPublicIsNeverConnectedTo(String host) {
        URI url = URI.create("http://" + host + ":" + server.getLocalPort() + "/");
        IOException refused = assertThrows(IOException.class, () -> new SourceFetch(false).get(url));
        assertTrue(
                refused.getMessage().contains("no public address")
                        || refused.getMessage().contains("an address of this host")
                        || refused.getMessage().startsWith("A source is at")
                        || refused instanceof java.net.UnknownHostException,
                refused.getMessage());
        assertEquals(List.of(), asked);
    }

    @Test
    void publicAddressesArePublic() throws IOException {
        for (String host : List.of("8.8.8.8", "1.1.1.1", "172.15.0.1", "172.32.0.1", "100.128.0.1", "2606:4700::1")) {
            assertTrue(PublicAddresses.isPublic(InetAddress.getByName(host)), host);
        }
        assertFalse(PublicAddresses.isPublic(InetAddress.getByName("2001:db8::1")));
    }

    /** A name server that says a public address when it is looked at, and this host's when it is connected to. */
    @Test
    void aNameThatChangesItsAddressIsResolvedOnce() throws IOException {
        AtomicInteger times = new AtomicInteger();
        SourceFetch.Resolver rebinding = host -> new InetAddress[] {
            times.getAndIncrement() == 0
                    ? InetAddress.getByAddress(host, new byte[] {(byte) 192, 0, 2, 1})
                    : InetAddress.getLoopbackAddress()
        };
        SourceFetch fetch = new SourceFetch(rebinding, true, (SSLSocketFactory) SSLSocketFactory.getDefault());
        assertThrows(IOException.class, () -> fetch.get(url("/")));
        assertEquals(1, times.get());
        assertEquals(List.of(), asked);
        // One address of several that is this host's has none taken.
        SourceFetch.Resolver both = host -> new InetAddress[] {
            InetAddress.getByAddress(host, new byte[] {8, 8, 8, 8}), InetAddress.getLoopbackAddress()
        };
        SourceFetch strict = new SourceFetch(both, false, (SSLSocketFactory) SSLSocketFactory.getDefault());
        assertThrows(IOException.class, () -> strict.get(url("/")));
        assertEquals(List.of(), asked);
    }

    @Test
    void redirectsAreLookedAtLikeTheFirstAddress() throws IOException {
        SourceFetch.Resolver names = host -> new InetAddress[] {
            host.equals("public.example") ? InetAddress.getLoopbackAddress() : InetAddress.getByName(host)
        };
        SourceFetch fetch = new SourceFetch(names, true, (SSLSocketFactory) SSLSocketFactory.getDefault());
        answer = "HTTP/1.1 302 Found\r\nLocation: /again\r\n\r\n";
        assertThrows(IOException.class, () -> fetch.get(url("/")));
        assertEquals(4, asked.size(), "three redirects and no more");
        for (String to : List.of("file:///etc/passwd", "ftp://x/", "http://u:p@localhost/", "gopher://x", "http://")) {
            asked.clear();
            answer = "HTTP/1.1 302 Found\r\nLocation: " + to + "\r\n\r\n";
            assertThrows(IOException.class, () -> fetch.get(url("/")), to);
            assertEquals(1, asked.size(), to);
        }
    }

    @Test
    void whatIsTooLongTooSlowOrNoHttpIsRefused() {
        List<String> wrong = new ArrayList<>(List.of(
                "",
                "SSH-2.0-OpenSSH\r\n",
                "HTTP/1.1 404 Not Found\r\n\r\n",
                "HTTP/1.1 302 Found\r\n\r\n",
                "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n17",
                "HTTP/1.1 200 OK\r\nContent-Length: 1048577\r\n\r\n",
                "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
                "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
                "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n1",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n1",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n178\r\n0\r\n\r\n",
                "HTTP/1.1 200 OK\r\nno header\r\n\r\n"));
        wrong.add("HTTP/1.1 200 OK\r\nX: " + "x".repeat(40_000) + "\r\n\r\n");
        wrong.add("HTTP/1.1 200 OK\r\n" + "X: y\r\n".repeat(10_000) + "\r\n1");
        wrong.add("HTTP/1.1 200 OK\r\n\r\n" + "x".repeat(SourceFetch.MOST_BYTES + 1));
        for (String one : wrong) {
            answer = one;
            assertThrows(
                    IOException.class,
                    () -> new SourceFetch(true).get(url("/")),
                    one.substring(0, Math.min(60, one.length())));
        }
    }

    private static void endsInTime(SourceFetch fetch, URI url) {
        IOException late = assertTimeoutPreemptively(
                Duration.ofSeconds(60), () -> assertThrows(IOException.class, () -> fetch.get(url)));
        assertTrue(late.getMessage().endsWith("in time."), late.getMessage());
    }

    /** A record of TLS is read by many reads of its socket, each of which would have all of the time anew. */
    @Test
    void aSourceThatDripsBelowTlsIsGivenUpInTime() throws IOException {
        try (ServerSocket dripping = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
            Thread.ofVirtual().start(() -> {
                try (Socket socket = dripping.accept()) {
                    OutputStream out = socket.getOutputStream();
                    out.write(new byte[] {0x16, 3, 3, 0x40, 0});
                    while (true) {
                        out.write(2);
                        Thread.sleep(50);
                    }
                } catch (IOException | InterruptedException e) {
                    // The client has gone.
                }
            });
            SSLSocketFactory tls = (SSLSocketFactory) SSLSocketFactory.getDefault();
            SourceFetch fetch = new SourceFetch(InetAddress::getAllByName, true, tls, 500);
            endsInTime(fetch, URI.create("https://localhost:" + dripping.getLocalPort() + "/"));
        }
    }

    @Test
    void aNameServerThatIsSlowIsGivenUpInTime() {
        SourceFetch.Resolver slow = host -> {
            try {
                Thread.sleep(60_000);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            return InetAddress.getAllByName(host);
        };
        SSLSocketFactory tls = (SSLSocketFactory) SSLSocketFactory.getDefault();
        endsInTime(new SourceFetch(slow, true, tls, 500), url("/"));
        assertEquals(List.of(), asked);
    }

    /** At its public address too, where a firewall lets the host itself in. */
    @Test
    void noAddressOfThisHostIsConnectedTo() throws IOException {
        for (NetworkInterface one : Collections.list(NetworkInterface.getNetworkInterfaces())) {
            for (InetAddress address : Collections.list(one.getInetAddresses())) {
                SourceFetch.Resolver resolver = host -> new InetAddress[] {address};
                SSLSocketFactory tls = (SSLSocketFactory) SSLSocketFactory.getDefault();
                IOException refused =
                        assertThrows(IOException.class, () -> new SourceFetch(resolver, false, tls).get(url("/")));
                assertTrue(refused.getMessage().contains("of this host"), refused.getMessage());
            }
        }
        assertEquals(List.of(), asked);
    }
}
