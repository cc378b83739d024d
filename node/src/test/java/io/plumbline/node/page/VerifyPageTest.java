package io.plumbline.node.page;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the Verify page says of files that try to have it say more than it checked. */
class VerifyPageTest {
    private static final Path PAGE = Path.of("src/main/resources/io/plumbline/node/page");
    private static final Path VERIFIER = Path.of("../verifier/src/main/resources/io/plumbline/verifier/js");
    private static final Path TEST = Path.of("src/test/javascript/verify.mjs");

    @TempDir
    private Path folder;

    private void copy(Path from, Path to) throws IOException {
        Files.createDirectories(to);
        try (Stream<Path> files = Files.list(from)) {
            for (Path file : files.filter(one -> one.toString().endsWith(".js")).toList()) {
                Files.copy(file, to.resolve(file.getFileName()));
            }
        }
    }

    private Process start(String... command) throws IOException {
        return new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve("said").toFile())
                .start();
    }

    private boolean hasNode() throws InterruptedException {
        try {
            return start("node", "--version").waitFor() == 0
                    && Integer.parseInt(Files.readString(folder.resolve("said"))
                                    .strip()
                                    .replaceAll("v(\\d+).*", "$1"))
                            >= 20;
        } catch (IOException e) {
            return false;
        }
    }

    @Test
    void whatIsATensorModelsIsNotCalledCompared() throws IOException, InterruptedException {
        assumeTrue(hasNode(), "Node.js 20 is not here: the page's checks are not run");
        Path page = folder.resolve("page");
        copy(PAGE, page);
        copy(VERIFIER, page.resolve("js"));
        Files.writeString(page.resolve("package.json"), "{\"type\": \"module\"}");
        Process process = start("node", TEST.toString(), page.toString());
        if (!process.waitFor(2, TimeUnit.MINUTES)) {
            process.destroyForcibly();
        }
        String said = Files.readString(folder.resolve("said"));
        assertEquals(0, process.waitFor(), said);
        assertEquals("verify: good", said.strip(), said);
    }
}
