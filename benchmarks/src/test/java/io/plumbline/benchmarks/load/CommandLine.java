package io.plumbline.benchmarks.load;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.stream.Collectors;

/**
 * The outcome of a command line of {@code plumbline load}.
 *
 * @param errors what it printed on standard error, but for the lines of its progress.
 */
public record CommandLine(int code, String output, String errors) {
    /** Runs one. */
    public static CommandLine run(String... words) throws Exception {
        PrintStream out = System.out;
        PrintStream err = System.err;
        ByteArrayOutputStream shown = new ByteArrayOutputStream();
        ByteArrayOutputStream said = new ByteArrayOutputStream();
        System.setOut(new PrintStream(shown, true, StandardCharsets.UTF_8));
        System.setErr(new PrintStream(said, true, StandardCharsets.UTF_8));
        int code;
        try {
            code = LoadMain.run(words);
        } finally {
            System.setOut(out);
            System.setErr(err);
        }
        String errors = said.toString(StandardCharsets.UTF_8)
                .lines()
                .filter(line -> !line.matches(" +\\d+ s  .*"))
                .collect(Collectors.joining("\n"));
        return new CommandLine(code, shown.toString(StandardCharsets.UTF_8), errors);
    }
}
