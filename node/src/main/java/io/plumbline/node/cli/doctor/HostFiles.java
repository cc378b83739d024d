package io.plumbline.node.cli.doctor;

import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * Linux's files on a host.
 *
 * @param root {@code /}; another folder in tests.
 */
record HostFiles(Path root) {
    private static final int MOST_BYTES = 1 << 20;

    /** A file's text without the blanks around it; null where there is none that may be read. */
    String text(String path) {
        // In one read of all of it: the kernel gives a number of its settings to the first read, and nothing after.
        byte[] bytes = new byte[MOST_BYTES];
        try (InputStream in =
                new FileInputStream(root.resolve(path.substring(1)).toFile())) {
            int length = in.readNBytes(bytes, 0, MOST_BYTES);
            return new String(bytes, 0, length, StandardCharsets.UTF_8).strip();
        } catch (IOException e) {
            return null;
        }
    }

    /** The number that a file begins with; {@code otherwise} where it begins with none. */
    long number(String path, long otherwise) {
        String text = text(path);
        String first = text == null ? "" : text.split("\\s")[0];
        return first.matches("\\d{1,18}") ? Long.parseLong(first) : otherwise;
    }

    List<String> lines(String path) {
        String text = text(path);
        return text == null ? List.of() : text.lines().toList();
    }

    /** Names in a folder; none where there is none. */
    List<String> names(String path) {
        try (Stream<Path> all = Files.list(root.resolve(path.substring(1)))) {
            return all.map(one -> one.getFileName().toString()).sorted().toList();
        } catch (IOException e) {
            return List.of();
        }
    }
}
