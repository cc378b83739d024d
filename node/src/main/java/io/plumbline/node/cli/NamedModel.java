package io.plumbline.node.cli;

import com.beust.jcommander.IStringConverter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * A model's folder, and the name that clients know it by: {@code DIR} or {@code NAME=DIR}.
 *
 * @param name the folder's own where none is given.
 */
public record NamedModel(String name, Path folder) {
    /** Reads an option's value. A folder with "=" in its name is that folder. */
    public static NamedModel parse(String text) {
        int equals = text.indexOf('=');
        if (equals > 0 && !Files.isDirectory(Path.of(text))) {
            return new NamedModel(text.substring(0, equals), Path.of(text.substring(equals + 1)));
        }
        Path folder = Path.of(text);
        return new NamedModel(folder.toAbsolutePath().normalize().getFileName().toString(), folder);
    }

    /** The same value with its folder taken from another one than the process's, where it is relative. */
    public static String from(Path base, String text) {
        int equals = text.indexOf('=');
        if (equals > 0 && !Files.isDirectory(base.resolve(text))) {
            return text.substring(0, equals + 1) + base.resolve(text.substring(equals + 1));
        }
        return base.resolve(text).toString();
    }

    /** @throws IOException where two have one name. */
    public static SortedMap<String, Path> folders(List<NamedModel> models) throws IOException {
        SortedMap<String, Path> folders = new TreeMap<>();
        for (NamedModel model : models) {
            if (folders.put(model.name, model.folder) != null) {
                throw new IOException(
                        "--model: two models are called " + model.name + "; write NAME=DIR to name one otherwise.");
            }
        }
        return folders;
    }

    /** For {@code @Parameter}. */
    public static final class Converter implements IStringConverter<NamedModel> {
        @Override
        public NamedModel convert(String text) {
            return parse(text);
        }
    }
}
