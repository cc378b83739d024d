package io.plumbline.node.page;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.plumbline.node.http.HttpLimits;
import io.plumbline.node.http.HttpRoutes;
import io.plumbline.node.http.HttpServer;
import io.plumbline.node.http.Origins;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The page's files, its state and its streams, as a browser and as a stranger ask for them. */
class PageRoutesTest {
    private static final int STREAMS = 2;
    private static final String HOSTILE = "</script><img src=x onerror=alert(1)>\n\ndata: {}\u202e";

    private final ObjectMapper mapper = new ObjectMapper();
    private final HttpClient http = HttpClient.newHttpClient();
    private final AtomicInteger asked = new AtomicInteger();
    private final List<Throwable> faults = new ArrayList<>();
    private final LiveView view = new LiveView(this::sections, faults::add);
    private volatile String changing = "first";
    private volatile RuntimeException bug;
    private volatile IOException failure;
    private HttpServer server;

    private SortedMap<String, JsonNode> sections() throws IOException {
        asked.incrementAndGet();
        if (bug != null) {
            throw bug;
        }
        if (failure != null) {
            throw failure;
        }
        SortedMap<String, JsonNode> sections = new TreeMap<>();
        sections.put("about", mapper.createObjectNode().put("role", "test").put("text", HOSTILE));
        sections.put("changing", mapper.createObjectNode().put("is", changing));
        return sections;
    }

    @BeforeEach
    void start() throws IOException {
        HttpRoutes routes = new HttpRoutes();
        PageRoutes.addTo(routes, view, STREAMS);
        server = HttpServer.start(
                "localhost",
                0,
                routes,
                (path, status, message) -> message.getBytes(StandardCharsets.UTF_8),
                HttpLimits.ofBodies(1 << 10),
                Origins.LOCAL,
                null,
                faults::add);
    }

    @AfterEach
    void stop() {
        view.close();
        server.close();
        http.shutdownNow();
    }

    private HttpRequest.Builder request(String path) {
        return HttpRequest.newBuilder(URI.create("http://localhost:" + server.port() + path));
    }

    private HttpResponse<byte[]> get(String path, String... headers) throws IOException, InterruptedException {
        HttpRequest.Builder request = request(path);
        if (headers.length > 0) {
            request.headers(headers);
        }
        return http.send(request.build(), HttpResponse.BodyHandlers.ofByteArray());
    }

    private static String header(HttpResponse<?> response, String name) {
        return response.headers().firstValue(name).orElse("");
    }

    @Test
    void everyFileThatThePageNamesIsServedWithItsTypeAndAPolicyThatRunsNothingElse() throws Exception {
        List<String> left = new ArrayList<>(List.of("/"));
        Set<String> seen = new HashSet<>(left);
        Pattern names = Pattern.compile("(?:src|href)=\"(/[^\"]+)\"|from '(\\./[^']+)'");
        while (!left.isEmpty()) {
            String path = left.removeFirst();
            HttpResponse<byte[]> response = get(path);
            assertEquals(200, response.statusCode(), path);
            String type = path.endsWith(".js")
                    ? "text/javascript; charset=utf-8"
                    : path.endsWith(".css")
                            ? "text/css; charset=utf-8"
                            : path.endsWith(".svg") ? "image/svg+xml" : "text/html; charset=utf-8";
            assertEquals(type, header(response, "Content-Type"), path);
            String policy = header(response, "Content-Security-Policy");
            assertTrue(policy.startsWith("default-src 'none'; script-src 'self';"), policy);
            assertFalse(policy.contains("unsafe"), policy);
            assertEquals("nosniff", header(response, "X-Content-Type-Options"));
            Matcher found = names.matcher(new String(response.body(), StandardCharsets.UTF_8));
            while (found.find()) {
                String next = found.group(1) != null
                        ? found.group(1)
                        : URI.create(path).resolve(found.group(2)).toString();
                if (seen.add(next)) {
                    left.add(next);
                }
            }
        }
        assertTrue(seen.size() > 25, seen.toString());
        assertTrue(seen.contains("/ui/js/verifier.js"), seen.toString());
    }

    @Test
    void noScriptOrStyleStandsInThePageItself() throws Exception {
        String page = new String(get("/ui").body(), StandardCharsets.UTF_8);
        assertFalse(Pattern.compile("<script(?![^>]*src=)|<style| on[a-z]+=| style=|https?://")
                .matcher(page)
                .find());
    }

    @Test
    void aFileIsSentAgainOnlyWhereItHasChangedAndCompressedWhereThatIsTaken() throws Exception {
        HttpResponse<byte[]> first = get("/ui/app.js");
        String tag = header(first, "ETag");
        assertTrue(tag.matches("W/\"[0-9a-f]{32}\""), tag);
        assertEquals("no-cache", header(first, "Cache-Control"));
        assertEquals(
                304, get("/ui/app.js", "If-None-Match", "\"other\", " + tag).statusCode());
        assertEquals(200, get("/ui/app.js", "If-None-Match", "\"other\"").statusCode());
        HttpResponse<byte[]> zipped = get("/ui/app.js", "Accept-Encoding", "br, gzip");
        assertEquals("gzip", header(zipped, "Content-Encoding"));
        try (InputStream in = new GZIPInputStream(new java.io.ByteArrayInputStream(zipped.body()))) {
            assertEquals(
                    new String(first.body(), StandardCharsets.UTF_8),
                    new String(in.readAllBytes(), StandardCharsets.UTF_8));
        }
        assertTrue(zipped.body().length < first.body().length);
    }

    @Test
    void noPathLeadsToAnotherFile() throws Exception {
        for (String path : List.of(
                "/ui/package-info.java",
                "/ui/js/index.html",
                "/ui/verifier.js",
                "/ui/..%2f..%2fnode%2fMain.class",
                "/ui/js/..%2fapp.js",
                "/ui/%2e%2e/app.js",
                "/ui/js/a/b.js")) {
            int status = get(path).statusCode();
            assertTrue(status == 404 || status == 400, path + ": " + status);
        }
    }

    @Test
    void theStateIsComputedOnceForAllThatAskAndHostileTextsAreDataInIt() throws Exception {
        view.refresh();
        for (int i = 0; i < 20; i++) {
            HttpResponse<byte[]> response = get("/ui/state");
            assertEquals("application/json", header(response, "Content-Type"));
            assertEquals("no-store", header(response, "Cache-Control"));
            JsonNode json = mapper.readTree(response.body());
            assertEquals(HOSTILE, json.path("about").path("text").asText());
            assertTrue(json.path("status").path("problem").isNull());
        }
        assertEquals(1, asked.get());
    }

    private BufferedReader stream() throws IOException, InterruptedException {
        HttpResponse<InputStream> response =
                http.send(request("/ui/events").build(), HttpResponse.BodyHandlers.ofInputStream());
        assertEquals(200, response.statusCode());
        assertEquals("text/event-stream", header(response, "Content-Type"));
        return new BufferedReader(new InputStreamReader(response.body(), StandardCharsets.UTF_8));
    }

    /** The names of the events up to the next one of the status, which comes last. */
    private List<String> heard(BufferedReader stream) throws IOException {
        List<String> names = new ArrayList<>();
        while (!names.contains("status")) {
            String line = stream.readLine();
            if (line.startsWith("event: ")) {
                names.add(line.substring(7));
                assertTrue(stream.readLine().startsWith("data: {"));
                assertEquals("", stream.readLine(), "an event is one line of data, whatever texts are in it");
            }
        }
        return names;
    }

    @Test
    void aStreamTellsAllAndThenWhatChangesAndThereAreOnlySoMany() throws Exception {
        view.refresh();
        try (BufferedReader one = stream();
                BufferedReader other = stream()) {
            assertEquals(List.of("about", "changing", "status"), heard(one));
            assertEquals(List.of("about", "changing", "status"), heard(other));
            changing = "second";
            view.refresh();
            assertEquals(List.of("changing", "status"), heard(one));
            assertEquals(List.of("changing", "status"), heard(other));
            assertEquals(2, asked.get(), "asked once for both");
            HttpResponse<byte[]> full = get("/ui/events");
            assertEquals(503, full.statusCode());
            assertEquals("5", header(full, "Retry-After"));
            assertEquals(200, get("/ui/state").statusCode());
        }
        // Both have gone: their places are free once the next event cannot be written.
        long end = System.nanoTime() + 10_000_000_000L;
        int status = 503;
        while (status == 503 && System.nanoTime() < end) {
            changing += "+";
            view.refresh();
            status = http.send(request("/ui/events").build(), HttpResponse.BodyHandlers.ofInputStream())
                    .statusCode();
            Thread.sleep(20);
        }
        assertEquals(200, status);
    }

    @Test
    void streamsEndWithTheView() throws Exception {
        view.refresh();
        try (BufferedReader stream = stream()) {
            heard(stream);
            view.close();
            String line;
            do {
                line = stream.readLine();
            } while (line != null);
        }
    }

    @Test
    void whatWasSeenStaysWhereTheLedgerDoesNotAnswerAndThePageSaysWhy() throws Exception {
        view.refresh();
        failure = new IOException("nobody answers");
        view.refresh();
        JsonNode json = mapper.readTree(get("/ui/state").body());
        assertEquals("nobody answers", json.path("status").path("problem").asText());
        assertEquals("first", json.path("changing").path("is").asText());
        bug = new IllegalStateException("secret");
        view.refresh();
        String problem = mapper.readTree(get("/ui/state").body())
                .path("status")
                .path("problem")
                .asText();
        assertFalse(problem.contains("secret"), problem);
        assertEquals(List.of(bug), faults, "the operator is told of a fault of the program's own");
    }
}
