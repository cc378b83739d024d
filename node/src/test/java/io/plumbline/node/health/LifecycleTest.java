package io.plumbline.node.health;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Processes that end, of themselves and told to, and what they end with. */
@Tag("slow")
class LifecycleTest {
    private static ChildRole start(String script) throws IOException {
        return new ChildRole(ScriptedRole.class, List.of(script));
    }

    @ParameterizedTest
    @CsvSource({
        "memory, MEMORY",
        "virtual-memory, MEMORY",
        "thread, THREAD",
        "agent, DRIVER",
        "engine, ENGINE",
        "memory-and-hangs, MEMORY",
        "thread-and-hangs, THREAD",
        "engine-and-hangs, ENGINE"
    })
    void aFaultEndsTheProcessWithACodeOfItsOwn(String script, ExitCode code) throws Exception {
        try (ChildRole role = start(script)) {
            assertEquals(code.code(), role.exitCode(), role.said());
            assertEquals(code.code(), role.awaitEvent("failed").path("exitCode").asInt());
        }
    }

    @Test
    void oneTaskThatFailsEndsNothingElse() throws Exception {
        try (ChildRole role = start("task")) {
            role.awaitEvent("running");
            role.awaitEvent("error");
            role.terminate();
            assertEquals(0, role.exitCode(), role.said());
        }
    }

    @Test
    void toldToEndItEndsAsSoonAsItIsIdle() throws Exception {
        try (ChildRole role = start("idle")) {
            role.awaitEvent("running");
            role.terminate();
            assertEquals(0, role.exitCode(), role.said());
            assertTrue(role.awaitEvent("drained").path("whole").asBoolean(), role.said());
            role.awaitEvent("closed");
        }
    }

    @Test
    void whatIsNotDoneAtTheBoundIsCut() throws Exception {
        try (ChildRole role = start("busy")) {
            role.awaitEvent("running");
            role.terminate();
            assertEquals(0, role.exitCode(), role.said());
            role.awaitEvent("cut");
            assertFalse(role.awaitEvent("drained").path("whole").asBoolean(), role.said());
        }
    }

    @Test
    void aRoleThatDoesNotStartFailsAndOneThatStillStartsCanBeEnded() throws Exception {
        try (ChildRole role = start("refuses")) {
            assertEquals(ExitCode.FAILED.code(), role.exitCode());
            assertTrue(role.said().contains("It does not start."), role.said());
        }
        try (ChildRole role = start("starts-for-ever")) {
            role.awaitEvent("starting");
            role.terminate();
            assertEquals(0, role.exitCode(), role.said());
        }
    }

    @ParameterizedTest
    @EnumSource(ExitCode.class)
    void theOperatorsTableHasEveryExitCode(ExitCode code) throws IOException {
        String page = Files.readString(Path.of("../docs/operating.md"));
        assertTrue(page.contains("| " + code.code() + " | "), "docs/operating.md says nothing of " + code);
    }
}
