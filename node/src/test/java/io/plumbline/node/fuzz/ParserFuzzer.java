package io.plumbline.node.fuzz;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** What Jazzer drives: {@code ./plumbline fuzz}. Its one argument names the parser. */
public final class ParserFuzzer {
    private static Parsers parsers;
    private static String name;

    private ParserFuzzer() {}

    /** Called by Jazzer once, with {@code --target_args}. */
    public static void fuzzerInitialize(String[] arguments) throws IOException {
        parsers = new Parsers();
        name = arguments[0];
    }

    /** Called by Jazzer for each input. */
    public static void fuzzerTestOneInput(byte[] bytes) {
        parsers.run(name, bytes);
    }

    /**
     * Without arguments prints all parsers' names; with a folder writes each one's seeds to a folder of its name
     * there.
     */
    public static void main(String[] arguments) throws IOException {
        try (Parsers all = new Parsers()) {
            for (String one : all.names().toList()) {
                if (arguments.length == 0) {
                    System.out.println(one);
                    continue;
                }
                Path folder = Files.createDirectories(Path.of(arguments[0]).resolve(one));
                List<byte[]> seeds = all.seeds(one);
                for (int i = 0; i < seeds.size(); i++) {
                    Files.write(folder.resolve("seed-" + i), seeds.get(i));
                }
                System.out.println(one);
            }
        }
    }
}
