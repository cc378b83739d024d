package io.plumbline.node.http;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import javax.net.ssl.SSLContext;

/** A server with the shapes of handlers that the gateway has, and limits short enough for tests. */
final class TestServer implements AutoCloseable {
    static final HttpLimits LIMITS = new HttpLimits(
            64,
            16 << 10,
            Duration.ofMillis(1500),
            Duration.ofMillis(2500),
            1 << 20,
            3 << 20,
            Duration.ofMillis(1500),
            1 << 20,
            Duration.ofMillis(1000));

    private static boolean isWarm;

    final HttpServer server;

    /** Requests that reached /second, which no test's first request should. */
    final AtomicInteger seconds = new AtomicInteger();

    final List<Throwable> faults = new CopyOnWriteArrayList<>();

    /** What the handler of /wait waits for. */
    final CountDownLatch release = new CountDownLatch(1);

    /** Counted down when a handler is told that its client has gone. */
    final CountDownLatch gone = new CountDownLatch(1);

    /** Counted down when a write of an endless or a large answer has failed. */
    final CountDownLatch writeFailed = new CountDownLatch(1);

    TestServer() throws IOException {
        this(LIMITS);
    }

    TestServer(HttpLimits limits) throws IOException {
        this(limits, null);
    }

    /** @param tls null for a server in the clear. */
    TestServer(HttpLimits limits, SSLContext tls) throws IOException {
        if (tls != null) {
            warmUp(tls);
        }
        HttpRoutes routes = new HttpRoutes()
                .get("/hello", http -> text(http, "hello"))
                .get("/second", http -> {
                    seconds.incrementAndGet();
                    text(http, "second");
                })
                .probe("/alive", http -> text(http, "alive"))
                .get("/named/{name}", http -> text(http, http.parameter("name")))
                .post("/echo", http -> http.send(200, http.body()))
                .post("/short", http -> http.send(200, http.body(100)))
                .post("/made", http -> {
                    http.hold(Long.parseLong(new String(http.body(), StandardCharsets.UTF_8)));
                    text(http, "made");
                })
                .post("/unread", http -> text(http, "unread"))
                .get("/boom", http -> {
                    throw new IllegalStateException("went off");
                })
                .get("/refused", http -> {
                    throw new HttpException(409, "not now");
                })
                .get("/events", this::events)
                .get("/endless", this::endless)
                .post("/wait", this::waiting)
                .get("/large", this::large);
        server = HttpServer.start(
                "localhost",
                0,
                routes,
                (path, status, message) ->
                        ("{\"path\":\"" + path + "\",\"error\":\"" + message + "\"}").getBytes(StandardCharsets.UTF_8),
                limits,
                new Origins(Set.of("https://app.example")),
                tls,
                faults::add);
    }

    /** A process's first handshake loads its classes: on a slow host that takes longer than {@link #LIMITS} let it. */
    private static synchronized void warmUp(SSLContext tls) throws IOException {
        if (isWarm) {
            return;
        }
        isWarm = true;
        try (TestServer patient = new TestServer(HttpLimits.ofBodies(1 << 20), tls)) {
            RawClient.ask(patient.server, "GET /hello HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        }
    }

    private static void text(HttpExchange http, String text) throws IOException {
        http.responseHeader("Content-Type", "text/plain");
        http.send(200, text.getBytes(StandardCharsets.UTF_8));
    }

    /** One event at once, another when {@link #release} lets it. */
    private void events(HttpExchange http) throws IOException {
        http.responseHeader("Content-Type", "text/event-stream");
        try (OutputStream out = http.stream(200)) {
            out.write("data: first\n\n".getBytes(StandardCharsets.UTF_8));
            out.flush();
            await(release);
            out.write("data: last\n\n".getBytes(StandardCharsets.UTF_8));
        }
    }

    private void endless(HttpExchange http) throws IOException {
        try (OutputStream out = http.stream(200)) {
            while (true) {
                out.write("data: on and on\n\n".getBytes(StandardCharsets.UTF_8));
                out.flush();
                Thread.sleep(20);
            }
        } catch (IOException e) {
            writeFailed.countDown();
            throw e;
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    private void large(HttpExchange http) throws IOException {
        try {
            http.send(200, new byte[64 << 20]);
        } catch (IOException e) {
            writeFailed.countDown();
            throw e;
        }
    }

    private void waiting(HttpExchange http) throws IOException {
        http.body();
        http.onClientGone(gone::countDown);
        await(release);
        text(http, "waited");
    }

    private static void await(CountDownLatch latch) {
        try {
            if (!latch.await(120, TimeUnit.SECONDS)) {
                throw new AssertionError("never released");
            }
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    @Override
    public void close() {
        release.countDown();
        server.close();
    }
}
