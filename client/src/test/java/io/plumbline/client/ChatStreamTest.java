package io.plumbline.client;

import static io.plumbline.client.ScriptedServer.end;
import static io.plumbline.client.ScriptedServer.extension;
import static io.plumbline.client.ScriptedServer.piece;
import static io.plumbline.client.ScriptedServer.receipt;
import static io.plumbline.client.ScriptedServer.stream;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.verifier.encoding.Bytes32;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** An answer piece by piece: what is read, and how it ends. */
class ChatStreamTest {
    private static final Bytes32 REQUEST = Bytes32.ZERO;
    private static final String END = end(extension(REQUEST, receipt(REQUEST)));

    @Test
    void piecesComeInOrderAndThenTheWholeAnswer() {
        String begin = ": a comment\r\n\r\n" + piece("") + piece("Once") + piece(" \\u00e9\u4e2d");
        try (ScriptedServer server = new ScriptedServer(http -> stream(http, begin + END));
                PlumblineClient client = server.client().build();
                ChatStream stream = client.stream("a")) {
            List<String> pieces = new ArrayList<>();
            for (String piece : stream) {
                pieces.add(piece);
            }
            assertEquals(List.of("Once", " \u00e9\u4e2d"), pieces);
            ChatAnswer answer = stream.answer();
            assertEquals("Once \u00e9\u4e2d", answer.text());
            assertEquals("stop", answer.finishReason());
            assertEquals(new Usage(3, 4), answer.usage());
            assertEquals(14, answer.receipt().receipt().price());
            assertThrows(NoSuchElementException.class, stream::next);
            assertTrue(
                    server.heard.getFirst().endsWith("\"stream\":true,\"stream_options\":{\"include_usage\":true}}"));
        }
    }

    /** Bytes of a character, lines and events may be cut anywhere. */
    @Test
    void whereTheNetworkCutsItDoesNotMatter() {
        byte[] all = (piece("\u4e2d\ud83d\ude42") + END).getBytes(java.nio.charset.StandardCharsets.UTF_8);
        try (ScriptedServer server = new ScriptedServer(http -> {
                    stream(http, "");
                    for (byte one : all) {
                        http.getResponseBody().write(one);
                        http.getResponseBody().flush();
                    }
                });
                PlumblineClient client = server.client().build();
                ChatStream stream = client.stream("a")) {
            assertEquals("\u4e2d\ud83d\ude42", stream.answer().text());
        }
    }

    @Test
    void callsOfFunctionsArePutTogether() {
        String call = "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"c1\",\"function\":"
                + "{\"name\":\"look\",\"arguments\":\"{\\\"a\"}}]}}]}\n\n"
                + "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":"
                + "{\"arguments\":\"\\\":1}\"}}]}}]}\n\n";
        try (ScriptedServer server = new ScriptedServer(http -> stream(http, call + END));
                PlumblineClient client = server.client().build();
                ChatStream stream = client.stream("a")) {
            assertEquals(
                    "[{\"id\":\"c1\",\"type\":\"function\",\"function\":{\"name\":\"look\","
                            + "\"arguments\":\"{\\\"a\\\":1}\"}}]",
                    stream.answer().message().path("tool_calls").toString());
        }
    }

    @Test
    void anErrorWithinAStreamHasTheApisWords() {
        String error = "data: {\"error\":{\"message\":\"No.\",\"type\":\"server_error\",\"code\":\"overloaded\"}}\n\n"
                + "data: [DONE]\n\n";
        try (ScriptedServer server = new ScriptedServer(http -> stream(http, piece("Once") + error));
                PlumblineClient client = server.client().build();
                ChatStream stream = client.stream("a")) {
            assertEquals("Once", stream.next());
            ApiException e = assertThrows(ApiException.class, stream::next);
            assertEquals("overloaded", e.code());
            assertEquals(200, e.status());
        }
    }

    @Test
    void anAnswerWithoutItsEndIsNone() {
        for (String rest : List.of("", "data: {\"choices\":[]}\n\n", "data: nothing\n\n", END.substring(0, 200))) {
            try (ScriptedServer server = new ScriptedServer(http -> stream(http, piece("Once") + rest));
                    PlumblineClient client = server.client().build();
                    ChatStream stream = client.stream("a")) {
                assertEquals("Once", stream.next());
                assertThrows(UnreachableException.class, stream::answer, rest);
            }
        }
        // Its end without its receipt.
        try (ScriptedServer server = new ScriptedServer(http -> stream(http, "data: [DONE]\n\n"));
                PlumblineClient client = server.client().build();
                ChatStream stream = client.stream("a")) {
            assertEquals(
                    "MALFORMED",
                    assertThrows(VerificationException.class, stream::answer).failure());
        }
    }

    @Test
    void aPauseAndALengthAreBounded() {
        try (ScriptedServer server = new ScriptedServer(http -> {
                    stream(http, piece("Once"));
                    Thread.sleep(60_000);
                });
                PlumblineClient client =
                        server.client().timeout(Duration.ofMillis(500)).build();
                ChatStream stream = client.stream("a")) {
            assertEquals("Once", stream.next());
            assertThrows(UnreachableException.class, stream::next);
        }
        try (ScriptedServer server = new ScriptedServer(http -> {
                    stream(http, "data: ");
                    for (int i = 0; i < 1_000; i++) {
                        http.getResponseBody().write(new byte[1 << 10]);
                    }
                });
                PlumblineClient client =
                        server.client().maxResponseBytes(100 << 10).build();
                ChatStream stream = client.stream("a")) {
            assertThrows(UnreachableException.class, stream::next);
        }
    }

    @Test
    void closingItTellsTheServerAndEndsAReader() throws InterruptedException {
        CountDownLatch gone = new CountDownLatch(1);
        try (ScriptedServer server = new ScriptedServer(http -> {
                    stream(http, piece("Once"));
                    try {
                        while (true) {
                            Thread.sleep(20);
                            http.getResponseBody().write(piece("more").getBytes());
                            http.getResponseBody().flush();
                        }
                    } catch (IOException e) {
                        gone.countDown();
                    }
                });
                PlumblineClient client = server.client().build()) {
            ChatStream stream = client.stream("a");
            assertEquals("Once", stream.next());
            stream.close();
            assertTrue(gone.await(120, TimeUnit.SECONDS), "the connection is still open");
            assertThrows(UnreachableException.class, stream::next);
        }
    }

    @Test
    void closingItWakesTheThreadThatReads() throws InterruptedException {
        CountDownLatch never = new CountDownLatch(1);
        try (ScriptedServer server = new ScriptedServer(http -> {
                    stream(http, piece("Once"));
                    never.await();
                });
                PlumblineClient client = server.client().build()) {
            ChatStream stream = client.stream("a");
            stream.next();
            Thread reader = Thread.startVirtualThread(() -> assertThrows(UnreachableException.class, stream::next));
            reader.join(Duration.ofMillis(200));
            assertTrue(reader.isAlive());
            stream.close();
            assertTrue(reader.join(Duration.ofSeconds(120)));
            assertFalse(reader.isAlive());
            never.countDown();
        }
    }
}
