package io.plumbline.node.applications;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.stream.Collectors;
import javax.tools.ToolProvider;

/** The Java examples of a page, compiled as they stand there and run. */
public final class DocumentedExample {
    private static final String FENCE = "```java\n";

    private DocumentedExample() {}

    /** The examples of a page of this repository, in their order. */
    public static List<String> of(String page) throws Exception {
        String text = Files.readString(Path.of("..").resolve(page));
        List<String> examples = new ArrayList<>();
        for (int at = text.indexOf(FENCE); at >= 0; at = text.indexOf(FENCE, at + 1)) {
            int begin = at + FENCE.length();
            examples.add(text.substring(begin, text.indexOf("```", begin)));
        }
        return examples;
    }

    /**
     * Compiles and runs an example.
     *
     * @param imports beside those that it has.
     * @param folder that the classes go into.
     * @return what it has printed.
     */
    public static String run(String example, Collection<String> imports, Path folder) throws Exception {
        List<String> heads =
                imports.stream().map(name -> "import " + name + ";").collect(Collectors.toList());
        List<String> statements = new ArrayList<>();
        example.lines().forEach(line -> (line.startsWith("import ") ? heads : statements).add(line));
        String source = String.join("\n", heads) + "\npublic class Example {\npublic static void main(String[] a) "
                + "throws Exception {\n" + String.join("\n", statements) + "\n}\n}\n";
        Path file = Files.writeString(Files.createDirectories(folder).resolve("Example.java"), source);
        ByteArrayOutputStream said = new ByteArrayOutputStream();
        int code = ToolProvider.getSystemJavaCompiler()
                .run(
                        null,
                        said,
                        said,
                        "-proc:none",
                        "-Xlint:all",
                        "-Xlint:-classfile",
                        "-Werror",
                        "-cp",
                        System.getProperty("java.class.path"),
                        "-d",
                        folder.toString(),
                        file.toString());
        assertEquals(0, code, source + said);
        PrintStream before = System.out;
        ByteArrayOutputStream printed = new ByteArrayOutputStream();
        try (URLClassLoader loader =
                new URLClassLoader(new URL[] {folder.toUri().toURL()}, DocumentedExample.class.getClassLoader())) {
            System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
            loader.loadClass("Example").getMethod("main", String[].class).invoke(null, (Object) new String[0]);
        } finally {
            System.setOut(before);
        }
        String text = printed.toString(StandardCharsets.UTF_8);
        assertTrue(!text.isBlank(), "it prints nothing");
        return text;
    }
}
