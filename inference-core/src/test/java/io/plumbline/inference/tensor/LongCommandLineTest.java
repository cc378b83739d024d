package io.plumbline.inference.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** ONNX Runtime 1.29 recurses over the process's command line while it starts; a long class path ended the process. */
class LongCommandLineTest {
    @TempDir
    Path folder;

    /** Loads a model as a command would, on its main thread. */
    public static void main(String[] arguments) throws IOException {
        TensorPackage.importModel(Path.of(arguments[0]), Path.of(arguments[1]), share -> {});
        System.out.println("loaded");
    }

    @Test
    void aProcessWithALongCommandLineLoadsModels() throws Exception {
        Process process = new ProcessBuilder(List.of(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Dplumbline.long=" + "a".repeat(60_000),
                        "--add-modules",
                        "jdk.incubator.vector",
                        "--enable-native-access=ALL-UNNAMED",
                        "-cp",
                        System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
                        LongCommandLineTest.class.getName(),
                        "../models/plumbline-shapes/shapes.onnx",
                        folder.resolve("shapes").toString()))
                .redirectErrorStream(true)
                .start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), said);
    }
}
