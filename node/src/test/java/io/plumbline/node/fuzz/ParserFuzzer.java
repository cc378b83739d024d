package io.plumbline.node.fuzz;

import java.io.IOException;

/** What Jazzer drives: {@link FuzzRun}. Its one argument names the parser. */
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
}
