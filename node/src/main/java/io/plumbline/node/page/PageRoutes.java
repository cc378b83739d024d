package io.plumbline.node.page;

import io.plumbline.node.http.HttpException;
import io.plumbline.node.http.HttpExchange;
import io.plumbline.node.http.HttpRoutes;
import io.plumbline.node.page.LiveView.Section;
import io.plumbline.node.page.LiveView.Snapshot;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/**
 * The page's routes. All of them are open: what they show is the ledger's, which tells everybody, and this server's
 * own. What a reader costs is bounded: files are in memory, the state was computed for all, and streams have a number
 * of places, beyond which a page asks every few seconds instead.
 */
public final class PageRoutes {
    /** As {@link HttpRoutes} has them. */
    public static final Set<String> PATHS =
            Set.of("/", "/ui", "/ui/state", "/ui/events", "/ui/{file}", "/ui/js/{file}");

    /** Streams at a time where an API is served, of the 1,024 connections that it has. */
    public static final int API_STREAMS = 64;

    /** Streams at a time at an operator's port, of its 32 connections: programs that watch must find one. */
    public static final int OPERATOR_STREAMS = 8;

    /** Longest wait for the first look at the ledger. */
    private static final long FIRST_MS = 1_500;

    /** A stream in which nothing changes says so, or what lies between would end it. */
    private static final long BEAT_MS = 15_000;

    /** A browser comes back by itself; places go round. */
    private static final long STREAM_NS = TimeUnit.MINUTES.toNanos(10);

    private static final String RETRY_S = "5";

    private final LiveView view;
    private final Semaphore places;

    private PageRoutes(LiveView view, int streams) {
        this.view = view;
        this.places = new Semaphore(streams);
    }

    /**
     * Adds them.
     *
     * @param streams that may be open at a time.
     */
    public static void addTo(HttpRoutes routes, LiveView view, int streams) {
        PageRoutes page = new PageRoutes(view, streams);
        routes.get("/", PageFiles::page)
                .get("/ui", PageFiles::page)
                .get("/ui/state", page::state)
                .get("/ui/events", page::events)
                .get("/ui/{file}", PageFiles::own)
                .get("/ui/js/{file}", PageFiles::verifier);
    }

    private void state(HttpExchange http) throws IOException {
        Snapshot snapshot = newest();
        ByteArrayOutputStream json = new ByteArrayOutputStream();
        json.write('{');
        String comma = "";
        for (Section section : snapshot.sections()) {
            json.writeBytes(ascii(comma + '"' + section.name() + "\":"));
            json.writeBytes(section.json());
            comma = ",";
        }
        json.write('}');
        begin(http, "application/json");
        http.send(200, json.toByteArray());
    }

    private Snapshot newest() throws IOException {
        try {
            return view.newest(FIRST_MS);
        } catch (InterruptedException e) {
            throw interrupted(e);
        }
    }

    private static IOException interrupted(InterruptedException e) {
        Thread.currentThread().interrupt();
        return new IOException("Interrupted while the state was waited for.", e);
    }

    private static void begin(HttpExchange http, String type) {
        PageFiles.guard(http);
        http.responseHeader("Content-Type", type);
        http.responseHeader("Cache-Control", "no-store");
    }

    /** All sections, and from then on each that changes, until the client goes. */
    private void events(HttpExchange http) throws IOException {
        if (!places.tryAcquire()) {
            throw new HttpException(
                    503, "As many pages follow this server as may. Ask for /ui/state.", Map.of("Retry-After", RETRY_S));
        }
        view.joined();
        try {
            begin(http, "text/event-stream");
            // Proxies that hold responses back until they are whole would hold this one for ever.
            http.responseHeader("X-Accel-Buffering", "no");
            if (http.method().equals("HEAD")) {
                http.send(200, new byte[0]);
                return;
            }
            try (OutputStream out = http.stream(200)) {
                follow(out);
            }
        } catch (InterruptedException e) {
            throw interrupted(e);
        } finally {
            view.left();
            places.release();
        }
    }

    private void follow(OutputStream out) throws IOException, InterruptedException {
        long began = System.nanoTime();
        long seen = 0;
        out.write(ascii("retry: 2000\n\n"));
        while (!view.isClosed() && System.nanoTime() - began < STREAM_NS) {
            Snapshot snapshot = view.after(seen, BEAT_MS);
            ByteArrayOutputStream events = new ByteArrayOutputStream();
            for (Section section : snapshot.sections()) {
                if (section.version() > seen) {
                    events.writeBytes(ascii("event: " + section.name() + "\ndata: "));
                    events.writeBytes(section.json());
                    events.writeBytes(ascii("\n\n"));
                }
            }
            if (events.size() == 0) {
                events.writeBytes(ascii(":\n\n"));
            }
            seen = snapshot.version();
            // A client that does not read waits here, and misses what is out of date by then.
            events.writeTo(out);
        }
    }

    private static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }
}
