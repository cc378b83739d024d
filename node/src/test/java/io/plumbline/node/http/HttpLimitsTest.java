package io.plumbline.node.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.node.WaitingTest;
import io.plumbline.node.http.RawClient.Received;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;

/** A client may hold a connection, memory and a thread for so long, and no longer. */
@Tag("slow")
class HttpLimitsTest {
    static final String HELLO = "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n";
    private static final String HEAD = "POST /echo HTTP/1.1\r\nHost: localhost\r\n";

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

    /** No host is so slow; without a limit it is for ever. */
    static final int LATE_MS = 30_000;

    static long millis(long sinceNanos) {
        return TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - sinceNanos);
    }

    /** Writes {@code piece} now and then until the server closes; says after how many milliseconds it did. */
    private long drip(RawClient client, String piece, StringBuilder answer) throws IOException {
        long began = System.nanoTime();
        while (millis(began) < 2 * LATE_MS) {
            Received received = client.write(piece).read(200);
            answer.append(received.text());
            if (received.closed()) {
                break;
            }
        }
        return millis(began);
    }

    @WaitingTest
    void aHeadThatNeverEndsIsEnded() throws IOException {
        try (RawClient client = new RawClient(test.server)) {
            Received received = client.write(HEAD).readToEnd();
            assertEquals(408, received.status(), received.text());
            assertTrue(received.closed());
            assertTrue(received.body().startsWith("{\"path\":"), received.text());
        }
    }

    @WaitingTest
    void aHeadThatComesByteByByteIsEndedToo() throws IOException {
        try (RawClient client = new RawClient(test.server)) {
            client.write(HEAD);
            StringBuilder answer = new StringBuilder();
            long ms = drip(client, "A: b\r\n", answer);
            assertTrue(answer.toString().startsWith("HTTP/1.1 408 "), answer.toString());
            assertTrue(ms < LATE_MS, ms + " ms");
        }
    }

    @WaitingTest
    void aSecondRequestOnAConnectionHasNoLonger() throws IOException {
        try (RawClient client = new RawClient(test.server)) {
            assertEquals(200, client.write(HELLO).readUntil("hello").status());
            StringBuilder answer = new StringBuilder();
            long ms = drip(client.write("GET /hello HTTP/1.1\r\n"), "A: b\r\n", answer);
            assertTrue(answer.toString().startsWith("HTTP/1.1 408 "), answer.toString());
            assertTrue(ms < LATE_MS, ms + " ms");
        }
    }

    @WaitingTest
    void whatGoesWrongWithOneConnectionEndsTheLimitsOfNone() throws IOException {
        List<Throwable> faults = new CopyOnWriteArrayList<>();
        HttpErrors failing = (path, status, message) -> {
            throw new IllegalStateException("no words for " + status);
        };
        try (HttpServer server = HttpServer.start(
                "localhost",
                0,
                new HttpRoutes(),
                failing,
                TestServer.LIMITS,
                new Origins(Set.of()),
                null,
                faults::add)) {
            for (int i = 1; i <= 2; i++) {
                try (RawClient client = new RawClient(server)) {
                    assertTrue(client.write(HEAD).readToEnd().closed(), "connection " + i);
                }
                assertEquals(i, faults.size(), faults.toString());
            }
        }
    }

    @WaitingTest
    void aClientThatSaysNothingIsEnded() throws IOException {
        try (RawClient client = new RawClient(test.server)) {
            assertTrue(client.readToEnd().closed());
        }
    }

    @WaitingTest
    void aConnectionThatIsIdleIsEndedInSilence() throws IOException {
        try (RawClient client = new RawClient(test.server)) {
            assertEquals(200, client.write(HELLO).readUntil("hello").status());
            assertFalse(client.read(1500).closed(), "not yet");
            Received received = client.readToEnd();
            assertTrue(received.closed());
            assertEquals("", received.text());
        }
    }

    @WaitingTest
    void aBodyThatStallsIsEnded() throws IOException {
        for (String framing :
                new String[] {"Content-Length: 100\r\n\r\n{", "Transfer-Encoding: chunked\r\n\r\n5\r\nhe"}) {
            try (RawClient client = new RawClient(test.server)) {
                Received received = client.write(HEAD + framing).readToEnd();
                assertEquals(408, received.status(), received.text());
                assertTrue(received.closed());
            }
        }
    }

    @WaitingTest
    void aBodyThatComesByteByByteIsEnded() throws IOException {
        try (RawClient client = new RawClient(test.server)) {
            client.write(HEAD + "Content-Length: 1000\r\n\r\n");
            StringBuilder answer = new StringBuilder();
            long ms = drip(client, "a", answer);
            assertTrue(answer.toString().startsWith("HTTP/1.1 408 "), answer.toString());
            assertTrue(ms < LATE_MS, ms + " ms");
        }
    }

    @WaitingTest
    void aBodyThatIsLargeAndComesSteadilyHasLonger() throws IOException {
        // At a KiB a second the 4 KiB here would earn four more seconds.
        HttpLimits limits = new HttpLimits(
                8,
                16 << 10,
                Duration.ofSeconds(5),
                Duration.ofSeconds(5),
                1 << 20,
                1 << 20,
                Duration.ofMillis(500),
                1 << 10,
                Duration.ofSeconds(1));
        try (TestServer patient = server(limits);
                RawClient client = new RawClient(patient.server)) {
            client.write(HEAD + "Content-Length: 4096\r\n\r\n");
            for (int i = 0; i < 8; i++) {
                assertEquals("", client.write("a".repeat(512)).read(200).text());
                if (i == 6) {
                    break;
                }
            }
            assertEquals(200, client.write("a".repeat(512)).readUntil("aaa").status());
        }
    }

    @WaitingTest
    void aBodyThatNoHandlerReadsHoldsNothing() throws IOException {
        try (RawClient client = new RawClient(test.server)) {
            String head = "POST /unread HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n";
            StringBuilder answer = new StringBuilder();
            long ms = drip(client.write(head), "a", answer);
            assertTrue(answer.toString().startsWith("HTTP/1.1 200 "), answer.toString());
            assertTrue(ms < LATE_MS, ms + " ms");
        }
    }

    @WaitingTest
    void aClientThatDoesNotReadItsAnswerIsEnded() throws Exception {
        try (RawClient client = new RawClient(test.server)) {
            client.write("GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n");
            Thread.sleep(3000);
            Received received = client.readToEnd();
            assertTrue(received.closed());
            assertTrue(received.text().length() < 64 << 20);
        }
        assertTrue(test.faults.isEmpty(), test.faults.toString());
    }

    @WaitingTest
    void aClientThatTakesItsAnswerSteadilyButTooSlowlyIsEnded() throws Exception {
        // It takes 10 MiB a second of the 64 that are the fewest here, and makes no pause.
        HttpLimits limits = new HttpLimits(
                8,
                16 << 10,
                Duration.ofSeconds(5),
                Duration.ofSeconds(5),
                1 << 20,
                1 << 20,
                Duration.ofMillis(500),
                64 << 20,
                Duration.ofSeconds(10));
        try (TestServer strict = server(limits);
                RawClient client = new RawClient(strict.server)) {
            client.write("GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n");
            long began = System.nanoTime();
            while (strict.writeFailed.getCount() > 0 && millis(began) < 10_000) {
                Thread.sleep(100);
                client.readSome(1 << 20);
            }
            assertEquals(0, strict.writeFailed.getCount(), "after " + millis(began) + " ms");
            assertTrue(strict.faults.isEmpty(), strict.faults.toString());
        }
    }

    @WaitingTest
    void aBodyTooLargeIsRefusedBeforeItIsReadAndWhileItComes() throws IOException {
        int most = TestServer.LIMITS.bodyBytes();
        Received received = RawClient.ask(test.server, HEAD + "Content-Length: " + (most + 1) + "\r\n\r\n");
        assertEquals(413, received.status(), received.text());
        assertTrue(received.body().contains(most + " are the most"), received.text());
        assertTrue(received.closed());
        String chunk = Integer.toHexString(most) + "\r\n" + "a".repeat(most) + "\r\n";
        received =
                RawClient.ask(test.server, HEAD + "Transfer-Encoding: chunked\r\n\r\n" + chunk + "1\r\na\r\n0\r\n\r\n");
        assertEquals(413, received.status(), received.text());
        assertTrue(received.closed());
    }

    /** A client that first sends all it has, then reads: the connection must not end under what it sends. */
    @WaitingTest
    void aClientThatIsRefusedWhileItSendsReadsWhy() throws Exception {
        int most = TestServer.LIMITS.bodyBytes();
        // With time for eight MiB that are encrypted on a slow host.
        HttpLimits limits = new HttpLimits(
                8,
                16 << 10,
                Duration.ofSeconds(5),
                Duration.ofSeconds(5),
                most,
                3 * most,
                Duration.ofSeconds(60),
                1 << 20,
                Duration.ofSeconds(10));
        for (int length : new int[] {most + 1, 8 * most}) {
            try (TestServer patient = server(limits);
                    RawClient client = new RawClient(patient.server)) {
                client.write(HEAD + "Content-Length: " + length + "\r\n\r\n");
                int pieces = 16;
                for (int i = 0; i < pieces; i++) {
                    Thread.sleep(20);
                    client.send("a".repeat(length / pieces));
                }
                client.send("a".repeat(length % pieces));
                Received received = client.readToEnd();
                assertEquals(413, received.status(), received.text());
                assertTrue(received.closed());
            }
        }
    }

    @WaitingTest
    void theLargestBodyIsTaken() throws IOException {
        int most = TestServer.LIMITS.bodyBytes();
        String body = "a".repeat(most);
        Received received = RawClient.ask(test.server, HEAD + "Content-Length: " + most + "\r\n\r\n" + body);
        assertEquals(200, received.status());
        assertEquals(body, received.body());
        String chunk = Integer.toHexString(most) + "\r\n" + body + "\r\n0\r\n\r\n";
        received = RawClient.ask(test.server, HEAD + "Transfer-Encoding: chunked\r\n\r\n" + chunk);
        assertEquals(200, received.status());
        assertEquals(body, received.body());
    }

    @WaitingTest
    void bodiesTogetherTakeNoMoreMemoryThanTheyMay() throws Exception {
        String body = "a".repeat(TestServer.LIMITS.bodyBytes());
        String wait = "POST /wait HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + body.length() + "\r\n\r\n" + body;
        List<RawClient> clients = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            clients.add(new RawClient(test.server).write(wait));
            assertEquals("", clients.getLast().read(300).text());
        }
        Received received = RawClient.ask(test.server, HEAD + "Content-Length: 100\r\n\r\n" + "a".repeat(100));
        assertEquals(503, received.status(), received.text());
        assertTrue(received.text().contains("Retry-After: 1\r\n"), received.text());
        test.release.countDown();
        for (RawClient client : clients) {
            assertEquals(200, client.readUntil("waited").status());
            client.close();
        }
        received = RawClient.ask(test.server, HEAD + "Content-Length: 5\r\n\r\nhello");
        assertEquals(200, received.status(), "the memory is given back: " + received.text());
    }

    @WaitingTest
    void aHandlerMayTakeSmallerBodiesOnly() throws IOException {
        String head = "POST /short HTTP/1.1\r\nHost: localhost\r\n";
        Received received = RawClient.ask(test.server, head + "Content-Length: 100\r\n\r\n" + "a".repeat(100));
        assertEquals(200, received.status(), received.text());
        received = RawClient.ask(test.server, head + "Content-Length: 101\r\n\r\n");
        assertEquals(413, received.status(), received.text());
        assertTrue(received.body().contains("100 are the most"), received.text());
        String chunk = "65\r\n" + "a".repeat(101) + "\r\n0\r\n\r\n";
        received = RawClient.ask(test.server, head + "Transfer-Encoding: chunked\r\n\r\n" + chunk);
        assertEquals(413, received.status(), received.text());
    }

    @WaitingTest
    void whatIsMadeOfBodiesCountsAsTheyDo() throws IOException {
        String head = "POST /made HTTP/1.1\r\nHost: localhost\r\nContent-Length: 7\r\n\r\n";
        for (int i = 0; i < 3; i++) {
            assertEquals(200, RawClient.ask(test.server, head + "2000000").status(), "it is given back");
        }
        Received received = RawClient.ask(test.server, head + "9000000");
        assertEquals(413, received.status(), received.text());
        assertTrue(received.body().contains("bytes of memory"), received.text());
    }

    @WaitingTest
    void connectionsAreBoundedAndIdleOnesMakeRoom() throws Exception {
        // So few that all are there before the first has been idle for a second.
        HttpLimits limits = new HttpLimits(
                8,
                16 << 10,
                Duration.ofSeconds(5),
                Duration.ofSeconds(5),
                1 << 20,
                1 << 20,
                Duration.ofSeconds(1),
                1 << 10,
                Duration.ofSeconds(1));
        try (TestServer small = server(limits)) {
            List<RawClient> clients = new ArrayList<>();
            for (int i = 0; i < limits.connections(); i++) {
                clients.add(new RawClient(small.server));
            }
            long began = System.nanoTime();
            for (RawClient client : clients) {
                assertEquals(200, client.write(HELLO).readUntil("hello").status());
            }
            try (RawClient late = new RawClient(small.server)) {
                assertEquals(200, late.write(HELLO).readUntil("hello").status());
                assertTrue(millis(began) > 900, "none was idle for a second after " + millis(began) + " ms");
            }
            for (RawClient client : clients) {
                client.close();
            }
        }
    }

    @WaitingTest
    void manyRequestsAreAnsweredAtOnce() throws Exception {
        String post = "POST /wait HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc";
        List<RawClient> clients = new ArrayList<>();
        for (int i = 0; i < 50; i++) {
            clients.add(new RawClient(test.server).write(post));
        }
        assertEquals(200, RawClient.ask(test.server, HELLO).status(), "those that wait hold nobody up");
        test.release.countDown();
        for (RawClient client : clients) {
            assertEquals(200, client.readUntil("waited").status());
            client.close();
        }
    }
}
