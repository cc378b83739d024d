package io.plumbline.node.cli.config;

import io.plumbline.node.cli.NamedPaths;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.tomlj.Toml;
import org.tomlj.TomlArray;
import org.tomlj.TomlParseError;
import org.tomlj.TomlParseResult;

/**
 * A role's options in TOML 1.0, at the top level. Relative paths are taken from the file's folder.
 *
 * @param settings that can be read.
 * @param problems what cannot.
 */
record ConfigurationFile(List<Setting> settings, List<Problem> problems) {
    private static final Pattern KEY = Pattern.compile("\\s*([A-Za-z0-9_-]+)\\s*[=:].*");

    static ConfigurationFile read(Path file, RoleOptions role) {
        ConfigurationFile read = new ConfigurationFile(new ArrayList<>(), new ArrayList<>());
        String text;
        try {
            NamedPaths.requireFile("--config", file);
            text = Files.readString(file);
        } catch (CharacterCodingException e) {
            read.problems.add(new Problem(Origin.of(file, 0), null, "is not UTF-8; save it as such"));
            return read;
        } catch (IOException e) {
            read.problems.add(new Problem(
                    Origin.of(file, 0),
                    null,
                    e.getMessage()
                            .replaceFirst("^--config: ", "")
                            .replace(file + " ", "")
                            .replaceFirst("\\.$", "")));
            return read;
        }
        TomlParseResult toml = Toml.parse(text);
        if (toml.hasErrors()) {
            List<String> lines = text.lines().toList();
            toml.errors().forEach(error -> read.problems.add(syntax(file, error, lines)));
            return read;
        }
        Path folder = file.toAbsolutePath().getParent();
        for (String key : toml.keySet()) {
            Origin origin = Origin.of(file, toml.inputPositionOf(List.of(key)).line());
            read.add(role, key, toml.get(List.of(key)), folder, origin);
        }
        return read;
    }

    private static Problem syntax(Path file, TomlParseError error, List<String> lines) {
        // An error at a line's end may stand at the next line's beginning.
        int line = Math.clamp(error.position().line(), 1, Math.max(1, lines.size()));
        Matcher key = KEY.matcher(lines.isEmpty() ? "" : lines.get(line - 1));
        String message = error.getMessage().replace("\n", "\\n");
        String remedy = message.contains("previously defined")
                ? "; leave one of them"
                : "; write key = value: text in quotes, a list as [\"a\", \"b\"], numbers and true or false as they are";
        return new Problem(Origin.of(file, line), key.matches() ? key.group(1) : null, message + remedy);
    }

    private void add(RoleOptions role, String key, Object value, Path folder, Origin origin) {
        RoleOption option = role.find(key);
        if (option == null) {
            String nearest = role.nearest(key);
            problems.add(new Problem(
                    origin,
                    key,
                    "is no option of this role; "
                            + (nearest == null
                                    ? "remove it, or look for it in config template"
                                    : "did you mean " + nearest + "?")));
            return;
        }
        try {
            List<String> values = new ArrayList<>();
            if (value instanceof TomlArray array && option.isList()) {
                for (int i = 0; i < array.size(); i++) {
                    values.add(option.from(folder, option.word(array.get(i))));
                }
            } else {
                values.add(option.from(folder, option.word(value)));
            }
            values.forEach(option::require);
            settings.add(new Setting(option, values, origin));
        } catch (IllegalArgumentException e) {
            problems.add(new Problem(origin, key, e.getMessage()));
        }
    }
}
