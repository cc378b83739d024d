package io.plumbline.node.cli.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.node.Main;
import io.plumbline.node.health.ChildNetwork;
import io.plumbline.node.health.ChildRole;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Processes of roles that are started from a configuration file. */
@Tag("slow")
class RoleFromFileTest {
    @TempDir
    Path folder;

    @Test
    void aFullNodeRunsByItsFileAndNamesEachErrorInIt() throws Exception {
        try (ChildNetwork network = new ChildNetwork(folder)) {
            Path file = Files.write(
                    network.folder().resolve("full.toml"),
                    List.of(
                            "# a full node",
                            "network = \"network.json\"",
                            "key = \"full-node.key\"",
                            "dir = \"full\"",
                            "model = [\"stories\"]",
                            "health = 0",
                            "log-level = \"info\""));
            List<String> command = List.of("full-node", "--config", file.toString());
            try (ChildRole full = new ChildRole(Main.class, command)) {
                full.awaitEvent("ready");
                assertEquals(
                        200, full.get(ChildNetwork.health(full), "/healthz").statusCode());
                full.terminate();
                assertEquals(0, full.exitCode(), full.said());
                assertTrue(!full.said().contains("\"severity\":\"debug\""), full.said());
            }
            Files.writeString(file, Files.readString(file).replace("stories", "novels") + "drain-seconds = 1\n");
            try (ChildRole full = new ChildRole(Main.class, command)) {
                assertEquals(2, full.exitCode(), full.said());
                assertTrue(
                        full.said()
                                .contains("plumbline: " + file + ":5: model: " + folder
                                        + "/novels does not exist; make it, or name another"),
                        full.said());
            }
            Files.writeString(file, "snapshot-mib = 0\nthreads = 1\n");
            try (ChildRole full = new ChildRole(Main.class, command)) {
                assertEquals(2, full.exitCode(), full.said());
                assertTrue(full.said().contains(file + ":1: snapshot-mib: must be 1 or more, not 0"), full.said());
                assertTrue(full.said().contains(file + ":2: threads: is no option of this role"), full.said());
            }
        }
    }
}
