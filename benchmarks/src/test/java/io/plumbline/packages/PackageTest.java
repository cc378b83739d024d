package io.plumbline.packages;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Packages of roles, made as {@code ./plumbline package} makes them. Here, since this module's tests are the ones that
 * run when the others' jars are there.
 */
@Tag("slow")
class PackageTest {
    private static final String ARCHIVE = "plumbline-data-node-0.1.0-linux-x86_64.tar.gz";
    private static final String DEB = "plumbline-data-node_0.1.0_amd64.deb";
    private static final long MOST_BYTES = 60_000_000;

    @TempDir
    private static Path folder;

    private static Process making(String out) throws IOException {
        return new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "../ops/package/Package.java",
                        "..",
                        folder.resolve(out).toString(),
                        "data-node")
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve(out + ".log").toFile())
                .start();
    }

    @BeforeAll
    static void make() throws Exception {
        assumeTrue(
                Files.exists(Path.of("../node/target/node-0.1.0-SNAPSHOT.jar")),
                "The node's jar is not built: run ./plumbline test, or mvn package.");
        List<Process> both = List.of(making("one"), making("other"));
        for (Process one : both) {
            one.waitFor();
        }
        for (String out : List.of("one", "other")) {
            String said = Files.readString(folder.resolve(out + ".log"));
            assertTrue(Files.exists(folder.resolve(out).resolve("SHA256SUMS")), said);
        }
    }

    private static String run(List<String> command, String... more) throws Exception {
        List<String> words = new ArrayList<>(command);
        words.addAll(List.of(more));
        Process process = new ProcessBuilder(words).redirectErrorStream(true).start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), String.join(" ", words) + ": " + said);
        return said;
    }

    @Test
    void theSameBuildGivesTheSameBytes() throws IOException {
        String sums = Files.readString(folder.resolve("one/SHA256SUMS"));
        assertEquals(sums, Files.readString(folder.resolve("other/SHA256SUMS")));
        assertTrue(sums.contains(ARCHIVE) && sums.contains(DEB), sums);
        assertTrue(Files.size(folder.resolve("one").resolve(DEB)) < MOST_BYTES);
    }

    @Test
    void whatIsInstalledRunsWithoutAJdk() throws Exception {
        Path one = folder.resolve("one");
        run(List.of("tar", "-C", one.toString(), "-xzf", one.resolve(ARCHIVE).toString()));
        Path home = one.resolve("plumbline-data-node-0.1.0");
        List<String> bare = List.of(
                "env", "-i", "PATH=/usr/bin:/bin", home.resolve("bin/plumbline").toString());
        assertEquals("plumbline 0.1.0", run(bare, "--version").strip());
        assertTrue(run(bare, "--help").contains("data-node"));
        Path file = Files.writeString(folder.resolve("file"), "a file");
        String store = folder.resolve("store").toString();
        String id = run(bare, "blob", "put", file.toString(), "--store", store, "--pin", "x")
                .lines()
                .filter(line -> line.matches("[0-9a-f]{64}"))
                .findFirst()
                .orElseThrow();
        assertTrue(run(bare, "blob", "ls", "--store", store).contains(id));
        JsonNode materials =
                new ObjectMapper().readTree(home.resolve("share/sbom.cdx.json").toFile());
        try (Stream<Path> jars = Files.list(home.resolve("lib"))) {
            assertEquals(jars.count(), materials.get("components").size());
        }
        assertFalse(Files.exists(home.resolve("lib/onnxruntime-1.29.0.jar")));
    }

    @Test
    void theDebianPackageIsOne() throws Exception {
        assumeTrue(Files.exists(Path.of("/usr/bin/dpkg-deb")), "There is no dpkg-deb here.");
        String deb = folder.resolve("one").resolve(DEB).toString();
        assertTrue(run(List.of("dpkg-deb", "-I", deb)).contains("Package: plumbline-data-node"));
        Path root = folder.resolve("root");
        run(List.of("dpkg-deb", "-x", deb, root.toString()));
        Path unit = root.resolve("usr/lib/systemd/system/plumbline-data-node.service");
        String text = Files.readString(unit);
        assertTrue(
                text.contains(
                        "ExecStart=/usr/bin/plumbline-data-node data-node --config /etc/plumbline/data-node.toml"),
                text);
        assertFalse(text.contains("@ROLE@") || text.contains("@DEVICES@"), text);
        assertTrue(Files.isSymbolicLink(root.resolve("usr/bin/plumbline-data-node")));
        Path control = folder.resolve("control");
        run(List.of("dpkg-deb", "-e", deb, control.toString()));
        assertEquals("/etc/plumbline/data-node.toml\n", Files.readString(control.resolve("conffiles")));
        Path file = root.resolve("etc/plumbline/data-node.toml");
        String command = root.resolve("opt/plumbline-data-node/bin/plumbline").toString();
        // A person edits what is not there yet, by what the file's check and the role say of it.
        for (List<String> words : List.of(
                List.of(command, "config", "check", "data-node", file.toString()),
                List.of(command, "data-node", "--config", file.toString()))) {
            Process wrong = new ProcessBuilder(words).redirectErrorStream(true).start();
            String said = new String(wrong.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            assertEquals(2, wrong.waitFor(), said);
            assertTrue(said.contains(": network: /etc/plumbline/network.json does not exist"), said);
            assertTrue(said.contains(": host: CHANGE_ME has no address"), said);
            assertEquals(
                    0, said.lines().filter(line -> !line.contains(file + ":")).count(), said);
        }
    }
}
