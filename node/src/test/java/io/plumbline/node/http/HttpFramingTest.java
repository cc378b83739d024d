package io.plumbline.node.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.node.http.RawClient.Received;
import java.io.IOException;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Where one request ends and the next begins is what a server and a proxy before it must agree on: a server that
 * guesses answers requests that nobody sent (RFC 9112, 11.2). So a message that is framed wrongly gets one refusal, and
 * its connection ends.
 */
@Tag("slow")
class HttpFramingTest {
    /** What an attacker would smuggle past a proxy. */
    private static final String SECOND = "GET /second HTTP/1.1\r\nHost: localhost\r\n\r\n";

    static TestServer test;

    @BeforeAll
    static void start() throws IOException {
        test = new TestServer();
    }

    @AfterAll
    static void stop() {
        test.close();
    }

    private static String chunked(String body) {
        return "POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n" + body;
    }

    private static String post(String headers, String body) {
        return "POST /echo HTTP/1.1\r\nHost: localhost\r\n" + headers + "\r\n" + body;
    }

    private static String get(String headers) {
        return "GET /hello HTTP/1.1\r\nHost: localhost\r\n" + headers + "\r\n";
    }

    static Stream<Arguments> wronglyFramed() {
        String large = "a".repeat(300);
        return Stream.of(
                Arguments.of("garbage in place of a chunk's line end", chunked("5\r\nhelloXX0\r\n\r\n")),
                Arguments.of("digits in place of a chunk's line end", chunked("5\r\nhello0\r\n\r\n")),
                Arguments.of("a chunk's data longer than its size", chunked("4\r\nhello\r\n0\r\n\r\n")),
                Arguments.of("a chunk's data longer by digits", chunked("5\r\nhello00\r\n0\r\n\r\n")),
                Arguments.of("a line feed alone after a chunk's size", chunked("5\nhello\r\n0\r\n\r\n")),
                Arguments.of("a line feed alone after a chunk's data", chunked("5\r\nhello\n0\r\n\r\n")),
                Arguments.of("a carriage return alone after a chunk's data", chunked("5\r\nhello\r0\r\n\r\n")),
                Arguments.of("an empty line between chunks", chunked("5\r\nhello\r\n\r\n0\r\n\r\n")),
                Arguments.of("a line feed alone after the last chunk", chunked("5\r\nhello\r\n0\n\n")),
                Arguments.of("an empty chunk size", chunked("\r\nhello\r\n0\r\n\r\n")),
                Arguments.of("an extension without a chunk size", chunked(";a=b\r\nhello\r\n0\r\n\r\n")),
                Arguments.of("a signed chunk size", chunked("+5\r\nhello\r\n0\r\n\r\n")),
                Arguments.of("a negative chunk size", chunked("-5\r\nhello\r\n0\r\n\r\n")),
                Arguments.of("a chunk size with 0x", chunked("0x5\r\nhello\r\n0\r\n\r\n")),
                Arguments.of("a chunk size after a space", chunked(" 5\r\nhello\r\n0\r\n\r\n")),
                Arguments.of("a chunk size of 2^64 + 5", chunked("10000000000000005\r\nhello\r\n0\r\n\r\n")),
                Arguments.of("a chunk size of 2^64 - 1", chunked("FFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n")),
                Arguments.of("a line feed alone in a chunk extension", chunked("5;a\nhello\r\n0\r\n\r\n")),
                Arguments.of("a line end in a quoted chunk extension", chunked("5;a=\"\r\nhello\r\n0\r\n\r\n\"\r\n")),
                Arguments.of("a NUL in a chunk extension", chunked("5;a=\0\r\nhello\r\n0\r\n\r\n")),
                Arguments.of("a chunk extension of a mebibyte", chunked("5;" + large.repeat(3500) + "\r\nhello\r\n")),
                Arguments.of(
                        "trailers of a mebibyte", chunked("0\r\n" + ("A: " + large + "\r\n").repeat(3500) + "\r\n")),
                Arguments.of("a trailer without a colon", chunked("0\r\nnothing\r\n\r\n")),
                Arguments.of("a Content-Length of 2^64 + 5", post("Content-Length: 18446744073709551621\r\n", "hello")),
                Arguments.of("a Content-Length of 2^63", post("Content-Length: 9223372036854775808\r\n", "hello")),
                Arguments.of("a Content-Length of 2^32 + 5", post("Content-Length: 4294967301\r\n", "hello")),
                Arguments.of("a negative Content-Length", post("Content-Length: -1\r\n", "hello")),
                Arguments.of("a signed Content-Length", post("Content-Length: +5\r\n", "hello")),
                Arguments.of("a Content-Length in hexadecimal", post("Content-Length: 0x5\r\n", "hello")),
                Arguments.of("a Content-Length of two words", post("Content-Length: 5 5\r\n", "hello")),
                Arguments.of("a Content-Length that is a list", post("Content-Length: 5, 5\r\n", "hello")),
                Arguments.of("an empty Content-Length", post("Content-Length: \r\n", "hello")),
                Arguments.of("two Content-Lengths", post("Content-Length: 5\r\nContent-Length: 5\r\n", "hello")),
                Arguments.of("differing Content-Lengths", post("Content-Length: 5\r\nContent-Length: 4\r\n", "hello")),
                Arguments.of(
                        "Content-Length beside Transfer-Encoding",
                        post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n")),
                Arguments.of(
                        "Transfer-Encoding beside Content-Length",
                        post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "5\r\nhello\r\n0\r\n\r\n")),
                Arguments.of("an unknown Transfer-Encoding", post("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n")),
                Arguments.of("chunked twice", post("Transfer-Encoding: chunked, chunked\r\n", "0\r\n\r\n")),
                Arguments.of(
                        "chunked in two headers",
                        post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")),
                Arguments.of("chunked that is not last", post("Transfer-Encoding: chunked, gzip\r\n", "0\r\n\r\n")),
                Arguments.of("Transfer-Encoding: identity", post("Transfer-Encoding: identity\r\n", "0\r\n\r\n")),
                Arguments.of(
                        "a vertical tab before chunked", post("Transfer-Encoding: \u000bchunked\r\n", "0\r\n\r\n")),
                Arguments.of(
                        "chunked in HTTP/1.0",
                        "POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
                Arguments.of(
                        "chunked in HTTP/1.0 that asks to be kept alive",
                        "POST /echo HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
                Arguments.of("a space before a header's colon", post("Content-Length : 5\r\n", "hello")),
                Arguments.of("a tab before a header's colon", post("Transfer-Encoding\t: chunked\r\n", "0\r\n\r\n")),
                Arguments.of("a header folded over two lines", get("A: b\r\n c\r\n")),
                Arguments.of("a folded Content-Length", post("Content-Length:\r\n 5\r\n", "hello")),
                Arguments.of("a folded first header", "GET /hello HTTP/1.1\r\n Host: localhost\r\n\r\n"),
                Arguments.of("a header without a colon", get("nothing\r\n")),
                Arguments.of("a header without a name", get(": b\r\n")),
                Arguments.of("a carriage return alone in a header", get("A: b\rContent-Length: 5\r\n")),
                Arguments.of("a NUL in a header", get("A: b\0c\r\n")),
                Arguments.of("line feeds alone", "GET /hello HTTP/1.1\nHost: localhost\n\n"),
                Arguments.of("no Host", "GET /hello HTTP/1.1\r\n\r\n"),
                Arguments.of("two Hosts", get("Host: other\r\n")),
                Arguments.of("a Host that is none", "GET /hello HTTP/1.1\r\nHost: a b\r\n\r\n"),
                Arguments.of("a head of 20 KiB", get("A: " + "b".repeat(20 << 10) + "\r\n")),
                Arguments.of("a thousand headers", get("A: 0123456789\r\n".repeat(2000))),
                Arguments.of(
                        "a target of 20 KiB", "GET /" + "a".repeat(20 << 10) + " HTTP/1.1\r\nHost: localhost\r\n\r\n"),
                Arguments.of("a target with a space", "GET /hel lo HTTP/1.1\r\nHost: localhost\r\n\r\n"),
                Arguments.of("a control character in a target", "GET /hel\u0001lo HTTP/1.1\r\nHost: localhost\r\n\r\n"),
                Arguments.of(
                        "a method with a control character", "GE\u0001T /hello HTTP/1.1\r\nHost: localhost\r\n\r\n"),
                Arguments.of("HTTP/0.9", "GET /hello\r\n"),
                Arguments.of("HTTP/1.2", "GET /hello HTTP/1.2\r\nHost: localhost\r\n\r\n"),
                Arguments.of("HTTP/3.0", "GET /hello HTTP/3.0\r\nHost: localhost\r\n\r\n"),
                Arguments.of("the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
                Arguments.of("a client that speaks TLS", "\u0016\u0003\u0001\0\u00a5\u0001\0\0\u00a1\u0003\u0003\n\n"));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("wronglyFramed")
    void aMessageFramedWronglyIsRefusedAndItsConnectionEnds(String what, String message) throws IOException {
        int before = test.seconds.get();
        test.faults.clear();
        Received received = RawClient.ask(test.server, message + SECOND);
        assertEquals(before, test.seconds.get(), "what follows is no request: " + received.text());
        assertTrue(received.responses() <= 1, received.text());
        assertTrue(received.closed(), "the connection is open: " + received.text());
        // A peer that speaks another protocol cannot read a refusal.
        if (!what.contains("TLS")) {
            assertTrue(received.status() >= 400 && received.status() != 500, received.text());
            assertTrue(received.body().startsWith("{\"path\":"), received.text());
        }
        assertTrue(test.faults.isEmpty(), test.faults.toString());
    }

    static Stream<Arguments> rightlyFramed() {
        return Stream.of(
                Arguments.of("a chunk extension", chunked("5;ext=1\r\nhello\r\n0\r\n\r\n")),
                Arguments.of("a quoted chunk extension", chunked("5;ext=\"a;b\"\r\nhello\r\n0;last\r\n\r\n")),
                Arguments.of("chunk sizes with leading zeros", chunked("00005\r\nhello\r\n000\r\n\r\n")),
                Arguments.of("two chunks", chunked("2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n")),
                Arguments.of("trailers", chunked("5\r\nhello\r\n0\r\nA: b\r\nC: d\r\n\r\n")),
                Arguments.of("a Content-Length", post("Content-Length: 5\r\n", "hello")),
                Arguments.of("headers in any case", post("cOnTeNt-LeNgTh:5\r\n", "hello")),
                Arguments.of("an empty line before the request", "\r\n" + post("Content-Length: 5\r\n", "hello")));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("rightlyFramed")
    void aMessageFramedRightlyIsAnsweredAndSoIsTheNext(String what, String message) throws IOException {
        int before = test.seconds.get();
        try (RawClient client = new RawClient(test.server)) {
            Received received = client.write(message + SECOND).readUntil("second");
            assertEquals(200, received.status(), received.text());
            assertEquals(2, received.responses(), received.text());
            assertTrue(received.text().contains("\r\n\r\nhello"), received.text());
            assertEquals(before + 1, test.seconds.get());
        }
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("rightlyFramed")
    void aMessageMayComeByteByByte(String what, String message) throws IOException {
        try (RawClient client = new RawClient(test.server)) {
            for (char c : message.toCharArray()) {
                client.write(String.valueOf(c));
            }
            Received received = client.readUntil("hello");
            assertEquals(200, received.status(), received.text());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"100000005", "80000000", "7FFFFFFFFFFFFFFF"})
    void aChunkLargerThanABodyMayBeIsNotTakenForASmallOne(String size) throws IOException {
        int before = test.seconds.get();
        try (RawClient client = new RawClient(test.server)) {
            Received received = client.write(chunked(size + "\r\nhello\r\n0\r\n\r\n") + SECOND)
                    .readToEnd();
            assertTrue(received.status() == 408 || received.status() == 400, received.text());
            assertEquals(1, received.responses(), received.text());
            assertTrue(received.closed(), received.text());
            assertEquals(before, test.seconds.get());
        }
    }

    @Test
    void aBodyThatEndsEarlyIsNotAnswered() throws IOException {
        try (RawClient client = new RawClient(test.server)) {
            Received received = client.write(post("Content-Length: 50\r\n", "hello"))
                    .shutdownOutput()
                    .readToEnd();
            assertTrue(received.closed());
            assertTrue(received.status() == 0 || received.status() == 400, received.text());
        }
    }

    @Test
    void aBodyThatNoHandlerReadsIsNoRequest() throws IOException {
        int before = test.seconds.get();
        String unread = "POST /unread HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + SECOND.length() + "\r\n\r\n";
        Received received = RawClient.ask(test.server, unread + SECOND);
        assertEquals(200, received.status(), received.text());
        assertEquals(1, received.responses(), received.text());
        String nowhere = "POST /nowhere HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + SECOND.length() + "\r\n\r\n";
        received = RawClient.ask(test.server, nowhere + SECOND);
        assertEquals(404, received.status(), received.text());
        assertEquals(1, received.responses(), received.text());
        assertEquals(before, test.seconds.get());
    }
}
