package io.plumbline.node.cli;

import io.plumbline.inference.language.kernels.Backend;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.tomlj.Toml;
import org.tomlj.TomlParseResult;

/**
 * What {@code plumbline tune} found out about this host, as far as roles use it; a file in TOML.
 *
 * @param kernels name of the form of the kernels that is fastest here, see {@link Backend}.
 * @param threads that compute.
 * @param batchRows rows of a prompt in a step.
 */
public record HostProfile(String kernels, int threads, int batchRows) {
    /** Rows of a prompt in a step, at most: other answers wait for it. */
    public static final int MOST_ROWS = 2048;

    private static final Set<String> TABLES = Set.of("host", "use", "measured");
    private static final Set<String> HOST = Set.of("processor", "processors");
    private static final Set<String> USE = Set.of("kernels", "threads", "batch-rows");
    private static final String AGAIN = "; run ./plumbline tune here";

    /** Whether a file is meant as one: profiles of devices are in JSON. */
    public static boolean is(Path file) {
        return file.toString().endsWith(".toml");
    }

    /** This host's processor by its name, or "unknown". */
    public static String processor() {
        try {
            return Files.readAllLines(Path.of("/proc/cpuinfo")).stream()
                    .filter(line -> line.matches("(model name|Processor|CPU part)\\s*:.*"))
                    .findFirst()
                    .map(line -> line.substring(line.indexOf(':') + 1).strip())
                    .orElse("unknown");
        } catch (IOException e) {
            return "unknown";
        }
    }

    /**
     * Reads a profile of this host.
     *
     * @throws IOException where it is none or another host's, as FILE:LINE: key: what is wrong.
     */
    public static HostProfile read(Path file) throws IOException {
        TomlParseResult toml = Toml.parse(file);
        if (toml.hasErrors()) {
            throw new IOException(
                    file + ":" + toml.errors().getFirst().position().line() + ": "
                            + toml.errors().getFirst().getMessage() + AGAIN + ".");
        }
        Reader reader = new Reader(file, toml);
        reader.requireKeys(List.of(), TABLES);
        reader.requireKeys(List.of("host"), HOST);
        reader.requireKeys(List.of("use"), USE);
        String processor = reader.text("host", "processor");
        if (!processor.equals(processor())) {
            throw reader.fault(
                    "host",
                    "processor",
                    "is \"" + processor + "\", and this host's is \"" + processor()
                            + "\": this is another host's profile");
        }
        int here = Runtime.getRuntime().availableProcessors();
        int processors = reader.number("host", "processors", Integer.MAX_VALUE);
        if (processors != here) {
            throw reader.fault("host", "processors", "is " + processors + ", and this process has " + here);
        }
        String kernels = reader.text("use", "kernels");
        List<String> known = Backend.all().stream().map(Backend::name).toList();
        if (!known.contains(kernels)) {
            throw reader.fault(
                    "use", "kernels", "is \"" + kernels + "\", and this host has " + String.join(", ", known));
        }
        return new HostProfile(
                kernels, reader.number("use", "threads", here), reader.number("use", "batch-rows", MOST_ROWS));
    }

    private record Reader(Path file, TomlParseResult toml) {
        IOException fault(String table, String key, String why) {
            List<String> path = List.of(table, key);
            int line = toml.contains(path) ? toml.inputPositionOf(path).line() : 1;
            return new IOException(file + ":" + line + ": " + table + "." + key + ": " + why + AGAIN + ".");
        }

        void requireKeys(List<String> table, Set<String> known) throws IOException {
            String name = String.join(".", table);
            if (!table.isEmpty() && !toml.isTable(table)) {
                throw new IOException(file + ":1: " + name + ": is required" + AGAIN + ".");
            }
            for (String key :
                    table.isEmpty() ? toml.keySet() : toml.getTable(table).keySet()) {
                if (!known.contains(key)) {
                    List<String> path = table.isEmpty() ? List.of(key) : List.of(name, key);
                    throw new IOException(
                            file + ":" + toml.inputPositionOf(path).line() + ": " + String.join(".", path)
                                    + ": is not known" + AGAIN + ".");
                }
            }
        }

        String text(String table, String key) throws IOException {
            if (toml.get(List.of(table, key)) instanceof String text) {
                return text;
            }
            throw fault(table, key, "must be a text in quotes");
        }

        int number(String table, String key, int most) throws IOException {
            if (toml.get(List.of(table, key)) instanceof Long value && value >= 1 && value <= most) {
                return value.intValue();
            }
            throw fault(table, key, "must be a number from 1 to " + most);
        }
    }

    /** Has the kernels chosen that it names. */
    public void use() {
        System.setProperty(Backend.PROPERTY, kernels);
    }
}
