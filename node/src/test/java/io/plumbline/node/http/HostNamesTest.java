package io.plumbline.node.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.node.tls.TestCertificates;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Pages whose own name was made to lead to a server (DNS rebinding): their browser takes it for theirs. */
class HostNamesTest {
    private static final HostNames NONE = HostNames.of("0.0.0.0", Origins.LOCAL);

    @Test
    void addressesAndTheBrowsersOwnHostAreTaken() {
        for (String host : List.of(
                "127.0.0.1",
                "10.0.0.7:8080",
                "203.0.113.5:",
                "[::1]",
                "[2001:DB8::1]:8080",
                "[::ffff:10.0.0.7]",
                "localhost",
                "LocalHost:8080",
                "localhost.:80",
                "app.localhost:8080")) {
            assertTrue(NONE.allow(host), host);
        }
        assertTrue(NONE.allow(null), "a client of HTTP/1.0, which is no browser");
    }

    @Test
    void otherNamesAreNot() {
        for (String host : List.of(
                "rebound.evil.example",
                "rebound.evil.example:8080",
                "10.0.0.7.evil.example",
                "10.0.0.7x",
                "localhost.evil.example",
                "evillocalhost",
                "gateway",
                "[evil.example]",
                "1.2.3",
                "2130706433",
                "")) {
            assertFalse(NONE.allow(host), host);
        }
    }

    @Test
    void namesThatTheOperatorGivesAre() {
        HostNames names = HostNames.of(
                "Gateway.Example",
                new Origins(Set.of("https://app.example:8443", "http://[::1]:3000"))
                        .withHosts(Set.of("my_gateway", "GW.local.")));
        for (String host : List.of(
                "gateway.example:8080",
                "GATEWAY.EXAMPLE.",
                "app.example",
                "app.example:1",
                "my_gateway:80",
                "gw.local")) {
            assertTrue(names.allow(host), host);
        }
        for (String host : List.of("evil.example", "x.gateway.example", "app.example.evil.example", "my_gateway2")) {
            assertFalse(names.allow(host), host);
        }
        // Every page may read its answers then.
        assertTrue(HostNames.of("0.0.0.0", new Origins(Set.of("*"))).allow("any.example"));
        for (String wrong : List.of("gateway:8080", "https://gateway", "*", "", "a b", "-", "[::1]")) {
            assertThrows(IllegalArgumentException.class, () -> Origins.LOCAL.withHosts(Set.of(wrong)), wrong);
        }
    }

    private static RawClient.Received get(TestServer server, String path, String host) throws IOException {
        return RawClient.ask(
                server.server, "GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n");
    }

    @Test
    void nothingIsDoneForAPageThatWasLedHere() throws Exception {
        try (TestServer server = new TestServer()) {
            String evil = "rebound.evil.example:" + server.server.port();
            RawClient.Received refused = get(server, "/second", evil);
            assertEquals(421, refused.status());
            assertTrue(refused.body().contains("--allow-host rebound.evil.example"), refused.body());
            for (String method : List.of("HEAD", "DELETE", "OPTIONS")) {
                RawClient.Received answer = RawClient.ask(
                        server.server, method + " /second HTTP/1.1\r\nHost: " + evil + "\r\nConnection: close\r\n\r\n");
                assertTrue(answer.status() == 421 || answer.status() == 405, method + " " + answer.status());
            }
            RawClient.Received posted = RawClient.ask(
                    server.server,
                    "POST /echo HTTP/1.1\r\nHost: " + evil + "\r\nContent-Type: application/json\r\nContent-Length: 2"
                            + "\r\nConnection: close\r\n\r\n{}");
            assertEquals(421, posted.status());
            assertEquals(0, server.seconds.get());
            for (String host : List.of("localhost", "127.0.0.1:" + server.server.port(), "[::1]", "app.example")) {
                assertEquals(200, get(server, "/second", host).status(), host);
            }
            assertEquals(4, server.seconds.get());
            assertEquals(200, get(server, "/alive", evil).status(), "a probe, which may be told no other name");
            assertEquals(
                    200,
                    RawClient.ask(server.server, "GET /second HTTP/1.0\r\n\r\n").status());
        }
    }

    /** The certificate has shown the name. */
    @Test
    void overTlsANameIsTheCertificatesToShow(@TempDir Path folder) throws Exception {
        SSLContext tls = TestCertificates.make(folder, "EC", "gateway.example").context();
        try (TestServer server = new TestServer(TestServer.LIMITS, tls)) {
            assertEquals(200, get(server, "/second", "gateway.example").status());
        }
    }
}
