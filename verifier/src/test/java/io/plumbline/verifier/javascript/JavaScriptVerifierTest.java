package io.plumbline.verifier.javascript;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.stream.Stream;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The JavaScript verifier of receipts in Node.js: the second implementation of docs/receipt.md. */
class JavaScriptVerifierTest {
    private static final Path SOURCES = Path.of("src/main/resources/io/plumbline/verifier/js");
    private static final Path TESTS = Path.of("src/test/javascript");
    private static final Path DOCS = Path.of("../docs");
    private static final int LEAST_MAJOR = 20;
    private static final int MAX_COMPRESSED = 12 << 10;

    @TempDir
    private Path folder;

    @BeforeAll
    static void findNode() throws IOException, InterruptedException {
        Program version = Program.run(Path.of("."), "node", "--version");
        assumeTrue(version != null && version.code() == 0, "Node.js is not here: the JavaScript verifier is not run");
        int major = Integer.parseInt(version.said().strip().replaceAll("v(\\d+).*", "$1"));
        assumeTrue(major >= LEAST_MAJOR, "Node.js " + major + " has no Ed25519: the JavaScript verifier is not run");
    }

    @Test
    void itPassesItsTestsTheVectorsAmongThem() throws IOException, InterruptedException {
        try (Stream<Path> tests = Files.list(TESTS)) {
            String[] command = Stream.concat(
                            Stream.of("node", "--test"),
                            tests.map(Path::toString)
                                    .filter(name -> name.endsWith(".test.mjs"))
                                    .sorted())
                    .toArray(String[]::new);
            assertTrue(command.length >= 5, "tests are missing");
            Program ended = Program.run(Path.of("."), command);
            assertEquals(0, ended.code(), ended.said());
        }
    }

    @Test
    void itIsSmallEnoughForAPage() throws IOException {
        ByteArrayOutputStream compressed = new ByteArrayOutputStream();
        try (Stream<Path> sources = Files.list(SOURCES);
                GZIPOutputStream out = new GZIPOutputStream(compressed)) {
            for (Path source : sources.sorted().toList()) {
                out.write(Files.readAllBytes(source));
            }
        }
        assertTrue(compressed.size() <= MAX_COMPRESSED, compressed.size() + " bytes compressed");
    }

    /** As an application has it: the package by its name, the files beside the program. */
    @Test
    void theExampleOfItsDocumentationRuns() throws IOException, InterruptedException {
        Path installed = Files.createDirectories(folder.resolve("node_modules/plumbline-verifier"));
        try (Stream<Path> sources = Files.list(SOURCES)) {
            for (Path source : sources.toList()) {
                Files.copy(source, installed.resolve(source.getFileName()));
            }
        }
        JsonNode settled = proof("of the expected request and receipt");
        ObjectMapper mapper = new ObjectMapper();
        mapper.writeValue(folder.resolve("network.json").toFile(), settled.get("network"));
        Files.write(
                folder.resolve("settled.proof"),
                HexFormat.of().parseHex(settled.get("proof").asText()));
        JsonNode answer = mapper.createObjectNode()
                .set(
                        "plumbline",
                        mapper.createObjectNode()
                                .put("request_hash", settled.get("requestHash").asText())
                                .put("receipt", settled.get("receipt").asText()));
        mapper.writeValue(folder.resolve("answer.json").toFile(), answer);
        Files.writeString(folder.resolve("example.mjs"), example());
        Program ended = Program.run(folder, "node", "--no-warnings", "example.mjs");
        assertEquals(0, ended.code(), ended.said());
        assertEquals(
                "price 60, SETTLED in block 17, signed by 3 of 4 full nodes",
                ended.said().strip());
    }

    private static JsonNode proof(String name) throws IOException {
        String text = Files.readString(DOCS.resolve("receipt-vectors/proofs.json"));
        for (JsonNode one : new ObjectMapper().readTree(text).get("cases")) {
            if (one.get("name").asText().equals(name)) {
                return one;
            }
        }
        throw new AssertionError("no proof is called " + name);
    }

    private static String example() throws IOException {
        String page = Files.readString(DOCS.resolve("receipt.md"));
        int begin = page.indexOf("```js\n") + 6;
        return page.substring(begin, page.indexOf("```", begin));
    }
}
