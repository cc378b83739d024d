package io.plumbline.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EnvironmentTest {
    @TempDir
    private Path folder;

    @Test
    void aResultSaysOnWhichMachineItWasMeasured() throws IOException {
        new BenchmarkResult("x", new Readings(2, 3), "s", true, "peer", new Readings(4), null, "./plumbline x", null)
                .write(folder);
        JsonNode result = new ObjectMapper().readTree(folder.resolve("x.json").toFile());
        JsonNode machine = result.path("environment");
        assertTrue(result.path("machine")
                .asText()
                .startsWith(machine.path("processor").asText() + ", "));
        assertEquals(
                Runtime.getRuntime().availableProcessors(),
                machine.path("processors").asInt());
        assertTrue(machine.path("jvm").asText().contains("25"), machine.toString());
        assertTrue(machine.path("jvm_flags").isArray());
    }

    /** Files are public: they say what bears on speed, and nothing else of a host. */
    @Test
    void nothingIsToldOfPathsAndProperties() throws IOException {
        ObjectNode machine = Environment.json();
        machine.path("jvm_flags").forEach(flag -> assertFalse(flag.asText().startsWith("-D"), flag.asText()));
        assertFalse(machine.toString().contains(System.getProperty("user.dir")), machine.toString());
    }
}
