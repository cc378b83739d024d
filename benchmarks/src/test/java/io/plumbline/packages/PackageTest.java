package io.plumbline.packages;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
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
                        "data-node",
                        "signer")
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

    /** The way of an operator: unpacked, keys and network by its own commands, then by its own configuration file. */
    @Test
    void theSignersPackageSignsAsAUserOfItsOwn() throws Exception {
        assumeTrue(Files.exists(Path.of("/usr/bin/dpkg-deb")), "There is no dpkg-deb here.");
        String deb = folder.resolve("one/plumbline-signer_0.1.0_amd64.deb").toString();
        Path root = folder.resolve("signer");
        run(List.of("dpkg-deb", "-x", deb, root.toString()));
        String unit = Files.readString(root.resolve("usr/lib/systemd/system/plumbline-signer.service"));
        for (String line : List.of(
                "User=plumbline-signer",
                "Group=plumbline-signer",
                "StateDirectory=plumbline/signer",
                "RuntimeDirectory=plumbline-signer",
                "RestartPreventExitStatus=2 15 16",
                "CapabilityBoundingSet=",
                "PrivateDevices=yes",
                "ExecStart=/usr/bin/plumbline-signer signer --config /etc/plumbline/signer.toml")) {
            assertTrue(unit.lines().anyMatch(line::equals), line + "\n" + unit);
        }
        assertFalse(unit.contains("@"), unit);
        Path control = folder.resolve("signer-control");
        run(List.of("dpkg-deb", "-e", deb, control.toString()));
        String postinst = Files.readString(control.resolve("postinst"));
        assertTrue(postinst.contains("--no-create-home plumbline-signer") && !postinst.contains("@"), postinst);
        assertFalse(Files.exists(root.resolve("usr/lib/sysctl.d")), "it has no Aeron sockets");
        Path bin = root.resolve("opt/plumbline-signer/bin/plumbline");
        Path key = folder.resolve("full.key");
        Path network = folder.resolve("network.json");
        String id = run(List.of(bin.toString(), "ledger", "new-key", key.toString()))
                .lines()
                .flatMap(line -> Pattern.compile("[0-9a-f]{64}").matcher(line).results())
                .map(found -> found.group())
                .findFirst()
                .orElseThrow();
        run(List.of(
                bin.toString(), "ledger", "new-network", network.toString(), "--full-node", id + "@localhost:9000"));
        Path file = root.resolve("etc/plumbline/signer.toml");
        Path socket = folder.resolve("s");
        ProcessBuilder signer = new ProcessBuilder(bin.toString(), "signer", "--config", file.toString())
                .redirectError(ProcessBuilder.Redirect.INHERIT);
        // Paths of this test in place of those of a host; the rest is the package's own file.
        signer.environment()
                .putAll(Map.of(
                        "PLUMBLINE_NETWORK", network.toString(),
                        "PLUMBLINE_KEY", key.toString(),
                        "PLUMBLINE_DIR", folder.resolve("history").toString(),
                        "PLUMBLINE_SOCKET", socket.toString()));
        Process process = signer.start();
        try (BufferedReader said = process.inputReader()) {
            String ready = said.readLine();
            assertTrue(ready != null && ready.contains("\"ready\"") && ready.contains(id), ready);
            // Its client is another user, whom the kernel names; nobody but that one is let in.
            assertEquals("rw-rw-rw-", PosixFilePermissions.toString(Files.getPosixFilePermissions(socket)));
            try (SocketChannel other = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
                assertEquals(-1, other.read(ByteBuffer.allocate(1)));
                String refused = said.readLine();
                assertTrue(refused != null && refused.contains("has connected, and plumbline"), refused);
            }
        } finally {
            process.destroy();
            process.waitFor();
        }
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
