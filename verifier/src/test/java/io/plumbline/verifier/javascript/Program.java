package io.plumbline.verifier.javascript;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/**
 * A program that has ended.
 *
 * @param code its exit status.
 * @param said all that it printed.
 */
record Program(int code, String said) {
    /** Runs a program to its end; null where there is none of its name. */
    static Program run(Path folder, String... command) throws IOException, InterruptedException {
        Path said = Files.createTempFile("plumbline-javascript", ".log");
        try {
            Process process = new ProcessBuilder(command)
                    .directory(folder.toFile())
                    .redirectErrorStream(true)
                    .redirectOutput(said.toFile())
                    .start();
            if (!process.waitFor(2, TimeUnit.MINUTES)) {
                process.destroyForcibly();
                throw new AssertionError(String.join(" ", command) + " did not end: " + Files.readString(said));
            }
            return new Program(process.exitValue(), Files.readString(said));
        } catch (IOException e) {
            return null;
        } finally {
            Files.delete(said);
        }
    }
}
