package io.plumbline.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * The pack of {@code gpu-check} stays small enough to carry: a library that is new here is left out in gpu-check.sh, or
 * belongs on a GPU host.
 */
class GpuCheckPackTest {
    /**
     * Of libraries that are packed as they are: those that are slimmed and the runtime are most of the 48 MB allowed.
     * Our own modules do not count, for Maven gives them as jars at one time and as folders at another.
     */
    private static final long MOST_BYTES = 9_000_000;

    private static final List<String> SLIMMED = List.of("onnxruntime-", "tokenizers-", "bcprov-", "protobuf-", "cuda-");

    @Test
    void whatIsPackedAsItIsStaysSmall() throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of("bash", "../inference-gpu/gpu-check.sh", "packed"));
        for (String path : System.getProperty("java.class.path").split(File.pathSeparator)) {
            if (path.endsWith(".jar") && !path.endsWith("-SNAPSHOT.jar") && !isForTests(path)) {
                command.add(path);
            }
        }
        assertTrue(command.size() > 30, "libraries stand on the class path: " + command);
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), said);
        long bytes = 0;
        StringBuilder packed = new StringBuilder();
        for (String line : said.lines().toList()) {
            Path jar = Path.of(line);
            if (SLIMMED.stream().noneMatch(jar.getFileName().toString()::startsWith)) {
                bytes += Files.size(jar);
                packed.append(Files.size(jar))
                        .append(' ')
                        .append(jar.getFileName())
                        .append('\n');
            }
        }
        assertTrue(
                bytes <= MOST_BYTES,
                bytes + " bytes of " + MOST_BYTES + ", leave out (left_out in gpu-check.sh) of\n" + packed);
    }

    /** JUnit and what it needs; the pack has its own. */
    private static boolean isForTests(String path) {
        String name = Path.of(path).getFileName().toString();
        return name.startsWith("junit-")
                || name.startsWith("opentest4j-")
                || name.startsWith("apiguardian-")
                || name.startsWith("surefire");
    }
}
