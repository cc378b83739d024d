package io.plumbline.node;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What no formatter holds: the width of comments and prose, and that every package says what it is for. */
class StyleTest {
    private static final Path HOME = Path.of("..");
    private static final int WIDTH = 120;

    private static List<Path> files(Predicate<String> wanted) throws IOException {
        try (Stream<Path> all = Files.walk(HOME)) {
            return all.filter(file -> !file.toString().matches(".*/(target|node_modules)/.*")
                            && !file.toString().contains("/.git")
                            && wanted.test(file.toString()))
                    .toList();
        }
    }

    private static void addLong(List<String> tooLong, Path file, int number, String line) {
        if (line.codePointCount(0, line.length()) > WIDTH) {
            tooLong.add(file + ":" + (number + 1));
        }
    }

    @Test
    void commentsFitIn120Columns() throws IOException {
        List<String> tooLong = new ArrayList<>();
        List<Path> sources = files(name -> name.endsWith(".java"));
        assertFalse(sources.isEmpty());
        for (Path file : sources) {
            List<String> lines = Files.readAllLines(file);
            for (int i = 0; i < lines.size(); i++) {
                String text = lines.get(i).strip();
                if (text.startsWith("*") || text.startsWith("//") || text.startsWith("/*")) {
                    addLong(tooLong, file, i, lines.get(i));
                }
            }
        }
        assertEquals(List.of(), tooLong);
    }

    /** Tables and code may be as wide as they must. */
    @Test
    void proseFitsIn120Columns() throws IOException {
        List<String> tooLong = new ArrayList<>();
        List<Path> pages = files(name -> name.endsWith(".md"));
        assertFalse(pages.isEmpty());
        for (Path file : pages) {
            boolean isCode = false;
            List<String> lines = Files.readAllLines(file);
            for (int i = 0; i < lines.size(); i++) {
                isCode ^= lines.get(i).startsWith("```");
                if (!isCode && !lines.get(i).startsWith("|")) {
                    addLong(tooLong, file, i, lines.get(i));
                }
            }
        }
        assertEquals(List.of(), tooLong);
    }

    @Test
    void everyPackageSaysWhatItIsFor() throws IOException {
        List<Path> silent = files(name -> name.contains("/src/main/java/") && name.endsWith(".java")).stream()
                .map(Path::getParent)
                .distinct()
                .filter(folder -> !Files.exists(folder.resolve("package-info.java")))
                .toList();
        assertEquals(List.of(), silent);
    }
}
