package io.plumbline.node.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.node.WaitingTest;
import io.plumbline.node.http.RawClient.Received;
import java.io.IOException;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;

/**
 * How connections are kept, shared and ended, in both versions of HTTP; and that a client sees each piece of a stream
 * at once.
 */
@Tag("slow")
class HttpConnectionTest {
    TestServer test;

    @BeforeEach
    void start() throws IOException {
        test = server(TestServer.LIMITS);
    }

    /** A server in the clear; these hold over TLS as well. */
    TestServer server(HttpLimits limits) throws IOException {
        return new TestServer(limits);
    }

    @AfterEach
    void stop() {
        test.close();
    }

    private static String get(String path, String headers) {
        return "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n" + headers + "\r\n";
    }

    @WaitingTest
    void aConnectionIsKeptForTheNextRequest() throws IOException {
        try (RawClient client = new RawClient(test.server)) {
            for (int i = 0; i < 3; i++) {
                Received received = client.write(get("/hello", "")).readUntil("hello");
                assertEquals(200, received.status(), received.text());
                assertFalse(received.closed());
                assertFalse(received.text().contains("Connection: close"), received.text());
            }
        }
    }

    @WaitingTest
    void aClientThatAsksForConnectionCloseSeesItClosed() throws IOException {
        for (String close : new String[] {"Connection: close\r\n", "Connection: foo, Close\r\n"}) {
            Received received = RawClient.ask(test.server, get("/hello", close) + get("/second", ""));
            assertEquals(200, received.status(), received.text());
            assertTrue(received.closed(), received.text());
            assertEquals(1, received.responses(), received.text());
            assertTrue(received.text().contains("Connection: close"), received.text());
        }
        assertEquals(0, test.seconds.get());
    }

    @WaitingTest
    void requestsSentAtOnceAreAnsweredInOrder() throws IOException {
        String post = "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc";
        Received received = RawClient.ask(test.server, get("/hello", "") + post + get("/second", ""));
        assertEquals(3, received.responses(), received.text());
        assertTrue(received.text().matches("(?s).*\r\n\r\nhello.*\r\n\r\nabc.*\r\n\r\nsecond"), received.text());
        assertFalse(received.closed());
    }

    @WaitingTest
    void http10IsAnsweredAndItsConnectionClosed() throws IOException {
        Received received = RawClient.ask(test.server, "GET /hello HTTP/1.0\r\n\r\n");
        assertEquals(200, received.status(), received.text());
        assertTrue(received.text().endsWith("\r\n\r\nhello"), received.text());
        assertTrue(received.closed(), received.text());
    }

    @WaitingTest
    void http10IsKeptAliveWhereItAsksForIt() throws IOException {
        try (RawClient client = new RawClient(test.server)) {
            for (int i = 0; i < 2; i++) {
                Received received = client.write(
                                "GET /hello HTTP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n")
                        .readUntil("\r\n\r\nhello");
                assertEquals(200, received.status(), received.text());
                assertTrue(received.text().toLowerCase().contains("connection: keep-alive"), received.text());
            }
        }
    }

    @WaitingTest
    void aStreamToHttp10EndsWithItsConnection() throws IOException {
        test.release.countDown();
        Received received = RawClient.ask(test.server, "GET /events HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        assertTrue(received.text().endsWith("\r\n\r\ndata: first\n\ndata: last\n\n"), received.text());
        assertTrue(received.closed());
        assertFalse(received.text().contains("Transfer-Encoding"), received.text());
    }

    @WaitingTest
    void eachEventOfAStreamIsSentAtOnce() throws IOException {
        try (RawClient client = new RawClient(test.server)) {
            Received first = client.write(get("/events", "")).readUntil("data: first\n\n");
            assertTrue(first.text().contains("Transfer-Encoding: chunked"), first.text());
            assertTrue(first.text().contains("Content-Type: text/event-stream"), first.text());
            assertTrue(first.text().endsWith("\r\n\r\nD\r\ndata: first\n\n"), "one chunk an event: " + first.text());
            test.release.countDown();
            Received last = client.readUntil("0\r\n\r\n");
            assertEquals("\r\nC\r\ndata: last\n\n\r\n0\r\n\r\n", last.text());
            assertEquals(200, client.write(get("/hello", "")).readUntil("hello").status());
        }
    }

    @WaitingTest
    void aClientThatGoesAwayMidStreamIsNoticed() throws Exception {
        try (RawClient client = new RawClient(test.server)) {
            client.write(get("/endless", "")).readUntil("on and on");
        }
        assertTrue(test.writeFailed.await(120, TimeUnit.SECONDS));
        assertTrue(test.faults.isEmpty(), test.faults.toString());
    }

    @WaitingTest
    void aClientThatGoesAwayBeforeItsAnswerIsNoticed() throws Exception {
        String post = "POST /wait HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc";
        try (RawClient client = new RawClient(test.server)) {
            client.write(post).read(300);
            assertEquals(1, test.gone.getCount(), "it is still there");
        }
        assertTrue(test.gone.await(120, TimeUnit.SECONDS));
        assertTrue(test.faults.isEmpty(), test.faults.toString());
    }

    @WaitingTest
    void aClientThatSendsItsNextRequestEarlyIsNotTakenForGone() throws Exception {
        String post =
                "POST /wait HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
        try (RawClient client = new RawClient(test.server)) {
            client.write(post).read(500);
            client.write(get("/second", "")).read(1000);
            assertEquals(1, test.gone.getCount());
            test.release.countDown();
            Received received = client.readUntil("second");
            assertEquals(2, received.responses(), received.text());
            assertTrue(received.text().contains("waited"), received.text());
        }
    }

    @WaitingTest
    void aHandlerMayThinkLongerThanAClientMayPause() throws Exception {
        String post = "POST /wait HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc";
        try (RawClient client = new RawClient(test.server)) {
            Received received = client.write(post).read(3500);
            assertFalse(received.closed(), received.text());
            test.release.countDown();
            received = client.readUntil("waited");
            assertEquals(200, received.status(), received.text());
            assertEquals(200, client.write(get("/hello", "")).readUntil("hello").status());
        }
    }

    @WaitingTest
    void aClientThatAsksWhetherToSendItsBodyIsTold() throws IOException {
        try (RawClient client = new RawClient(test.server)) {
            String head = "POST /echo HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n";
            Received received = client.write(head).readUntil("\r\n\r\n");
            assertEquals(100, received.status(), received.text());
            received = client.write("abc").readUntil("abc");
            assertEquals(200, received.status(), received.text());
        }
    }

    @WaitingTest
    void headHasTheHeadersOfGetAndNoBody() throws IOException {
        try (RawClient client = new RawClient(test.server)) {
            Received received = client.write("HEAD /hello HTTP/1.1\r\nHost: localhost\r\n\r\n")
                    .answer();
            assertEquals(200, received.status(), received.text());
            assertTrue(received.text().contains("Content-Length: 5"), received.text());
            assertEquals("", received.body());
            assertEquals(200, client.write(get("/hello", "")).readUntil("hello").status());
        }
    }

    @WaitingTest
    void aConnectionGoesOnBehindABodyThatNoHandlerRead() throws IOException {
        String head = "POST /unread HTTP/1.1\r\nHost: localhost\r\n";
        try (RawClient client = new RawClient(test.server)) {
            Received early =
                    client.write(head + "Content-Length: 100000\r\n\r\n").readUntil("unread");
            assertEquals(200, early.status(), "before the body has come");
            assertFalse(early.text().contains("Connection: close"), early.text());
            client.write("a".repeat(100_000));
            Received next = client.write(get("/hello", "")).readUntil("hello");
            assertEquals(200, next.status(), next.text());
            assertEquals(1, next.responses(), next.text());
        }
        Received large = RawClient.ask(test.server, head + "Content-Length: 2000000\r\n\r\n");
        assertEquals(200, large.status(), large.text());
        assertTrue(large.text().contains("Connection: close"), large.text());
        assertTrue(large.closed());
    }

    @WaitingTest
    void eachAnswerHasAnIdOfItsOwnAlsoARefusal() throws IOException {
        Set<String> ids = new HashSet<>();
        for (String request : List.of(
                get("/hello", ""), get("/refused", ""), get("/nowhere", ""), get("/boom", ""), "nonsense\r\n\r\n")) {
            String text = RawClient.ask(test.server, request).text();
            Matcher id =
                    Pattern.compile("(?i)x-request-id: (req_[0-9a-f]{32})\r\n").matcher(text);
            assertTrue(id.find(), text);
            assertTrue(ids.add(id.group(1)), text);
        }
    }

    @WaitingTest
    void whatIsNowhereIsA404AndAnotherMethodA405InJson() throws IOException {
        Received received = RawClient.ask(test.server, get("/nowhere?x=1", ""));
        assertEquals(404, received.status(), received.text());
        assertTrue(received.text().contains("Content-Type: application/json"), received.text());
        assertEquals("{\"path\":\"/nowhere\",\"error\":\"There is nothing at /nowhere.\"}", received.body());
        received = RawClient.ask(test.server, "DELETE /hello HTTP/1.1\r\nHost: localhost\r\n\r\n");
        assertEquals(405, received.status(), received.text());
        assertTrue(received.text().contains("Allow: GET, HEAD\r\n"), received.text());
        assertTrue(received.body().contains("use GET, HEAD"), received.text());
        received = RawClient.ask(test.server, "OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n");
        assertEquals(404, received.status(), received.text());
    }

    @WaitingTest
    void aHandlersFaultIsA500ItsRefusalWhatItSays() throws IOException {
        try (RawClient client = new RawClient(test.server)) {
            Received received = client.write(get("/refused", "")).readUntil("}");
            assertEquals(409, received.status(), received.text());
            assertTrue(test.faults.isEmpty());
            received = client.write(get("/boom", "")).readUntil("}");
            assertEquals(500, received.status(), received.text());
            assertFalse(
                    received.text().contains("went off"), "what failed inside is the operator's: " + received.text());
            assertEquals("went off", test.faults.getFirst().getMessage());
            assertEquals(200, client.write(get("/hello", "")).readUntil("hello").status());
        }
    }

    @WaitingTest
    void aPathIsReadPartByPart() throws IOException {
        assertEquals(
                "a/b c+d",
                RawClient.ask(test.server, get("/named/a%2Fb%20c+d", "")).body());
        assertEquals("b", RawClient.ask(test.server, get("//named//b", "")).body());
        assertEquals(
                "ü",
                new String(
                        RawClient.ask(test.server, get("/named/%C3%BC", ""))
                                .body()
                                .getBytes("ISO-8859-1"),
                        "UTF-8"));
        assertEquals(
                "hello", RawClient.ask(test.server, get("/hello?a=b&c=%zz", "")).body());
        assertEquals(
                "hello",
                RawClient.ask(test.server, get("http://localhost/hello", "")).body());
        assertEquals(400, RawClient.ask(test.server, get("/named/%zz", "")).status());
    }

    @WaitingTest
    void aPortInUseIsNamed() {
        int port = test.server.port();
        String message = assertThrows(
                        IOException.class,
                        () -> HttpServer.start(
                                "localhost",
                                port,
                                new HttpRoutes(),
                                (path, status, text) -> new byte[0],
                                TestServer.LIMITS,
                                Origins.LOCAL,
                                null,
                                fault -> {}))
                .getMessage();
        assertTrue(message.contains("cannot listen on localhost:" + port), message);
    }

    @WaitingTest
    void whenItClosesConnectionsEndAndThePortIsFree() throws IOException {
        int port = test.server.port();
        try (RawClient client = new RawClient(test.server)) {
            client.write(get("/endless", "")).readUntil("on and on");
            test.server.close();
            assertTrue(client.readToEnd().closed());
        }
        HttpServer.start(
                        "localhost",
                        port,
                        new HttpRoutes(),
                        (path, status, text) -> new byte[0],
                        TestServer.LIMITS,
                        Origins.LOCAL,
                        null,
                        fault -> {})
                .close();
    }
}
