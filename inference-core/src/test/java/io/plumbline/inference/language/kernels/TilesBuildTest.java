package io.plumbline.inference.language.kernels;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.plumbline.verifier.platform.NativeLibrary;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Tiles get the same shapes however far the C compiler optimizes: a packager's flags may be others. */
class TilesBuildTest {
    private static final Path C = Path.of("../native/src").toAbsolutePath().normalize();

    @TempDir
    private Path folder;

    private void run(String... command) throws IOException, InterruptedException {
        Path said = folder.resolve("said");
        Process process = new ProcessBuilder(command)
                .directory(folder.toFile())
                .redirectErrorStream(true)
                .redirectOutput(said.toFile())
                .start();
        if (!process.waitFor(2, TimeUnit.MINUTES)) {
            process.destroyForcibly();
        }
        assertEquals(0, process.waitFor(), String.join(" ", command) + ": " + Files.readString(said));
    }

    private void compile(String level, String source, String... sets) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of("cc", level, "-std=gnu11", "-fno-strict-aliasing"));
        command.addAll(List.of(sets));
        command.addAll(List.of("-c", C.resolve(source).toString()));
        run(command.toArray(String[]::new));
    }

    @Test
    void productsByTilesAreTheSameAtEachLevelOfOptimization() throws IOException, InterruptedException {
        assumeTrue(
                NativeLibrary.available(List.of("amx")).contains("amx"),
                "Skipped: this processor has no AMX, or no compiler built it");
        for (String level : List.of("-O1", "-O2", "-Os", "-O3")) {
            compile(
                    level,
                    "main/c/amx.c",
                    "-mavx512f",
                    "-mavx512bw",
                    "-mavx512vl",
                    "-mavx512vbmi",
                    "-mamx-tile",
                    "-mamx-int8");
            compile(level, "main/c/avx512vnni.c", "-mavx512f", "-mavx512bw", "-mavx512vl", "-mavx512vnni");
            compile(level, "test/c/tiles.c");
            run("cc", "amx.o", "avx512vnni.o", "tiles.o", "-o", "tiles");
            run(folder.resolve("tiles").toString());
        }
    }
}
