package io.plumbline.verifier.javascript;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.File;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The JavaScript verifier in a browser. A page goes through the vectors and tells the server what was wrong. {@code
 * -Dplumbline.chromium=FILE} names a Chromium that is not on the path.
 */
class BrowserTest {
    private static final Path HOME = Path.of("..").toAbsolutePath().normalize();
    private static final String TESTS = "/verifier/src/test/javascript/";
    private static final List<String> NAMES =
            List.of("chromium", "chromium-browser", "google-chrome", "google-chrome-stable");

    private final BlockingQueue<String> said = new LinkedBlockingQueue<>();

    @TempDir
    private Path profile;

    private static Path chromium() {
        String given = System.getProperty("plumbline.chromium", "");
        Stream<Path> places = given.isEmpty()
                ? Stream.of(System.getenv("PATH").split(File.pathSeparator))
                        .flatMap(folder -> NAMES.stream().map(name -> Path.of(folder, name)))
                : Stream.of(Path.of(given));
        return places.filter(Files::isExecutable).findFirst().orElse(null);
    }

    @Test
    void everyVectorHasItsWordInABrowser() throws IOException, InterruptedException {
        Path chromium = chromium();
        assumeTrue(chromium != null, "Chromium is not here: the JavaScript verifier is not run in a browser");
        HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/", this::answer);
        server.start();
        Path log = profile.resolve("browser.log");
        Process browser = new ProcessBuilder(
                        chromium.toString(),
                        "--headless",
                        "--no-sandbox",
                        "--disable-gpu",
                        "--user-data-dir=" + profile.resolve("profile"),
                        "--remote-debugging-port=0",
                        "http://localhost:" + server.getAddress().getPort() + TESTS + "vectors.html")
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start();
        try {
            String result = said.poll(1, TimeUnit.MINUTES);
            assertNotNull(result, () -> "the page said nothing: " + read(log));
            assertEquals("4 files, wrong: []", result);
        } finally {
            browser.destroy();
            if (!browser.waitFor(10, TimeUnit.SECONDS)) {
                browser.destroyForcibly().waitFor();
            }
            server.stop(0);
        }
    }

    private static String read(Path log) {
        try {
            return Files.readString(log);
        } catch (IOException e) {
            return e.getMessage();
        }
    }

    /** Files of the repository, and the place to which the page posts its result. */
    private void answer(HttpExchange http) throws IOException {
        try (http) {
            String path = http.getRequestURI().getPath();
            if (http.getRequestMethod().equals("POST")) {
                said.add(new String(http.getRequestBody().readAllBytes(), StandardCharsets.UTF_8));
                http.sendResponseHeaders(204, -1);
                return;
            }
            Path file = HOME.resolve(path.substring(1)).normalize();
            if (!file.startsWith(HOME) || !Files.isRegularFile(file)) {
                http.sendResponseHeaders(404, -1);
                return;
            }
            byte[] body = Files.readAllBytes(file);
            http.getResponseHeaders().set("content-type", type(path));
            http.sendResponseHeaders(200, body.length);
            http.getResponseBody().write(body);
        }
    }

    private static String type(String path) {
        return path.endsWith("js") ? "text/javascript" : path.endsWith(".json") ? "application/json" : "text/html";
    }
}
