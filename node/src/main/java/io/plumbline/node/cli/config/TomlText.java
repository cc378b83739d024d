package io.plumbline.node.cli.config;

import java.util.Collection;
import java.util.stream.Collectors;
import org.tomlj.Toml;

/** Values as TOML writes them. */
final class TomlText {
    private TomlText() {}

    /** A basic string. */
    static String quoted(String text) {
        return '"' + Toml.tomlEscape(text).toString() + '"';
    }

    /** An array of basic strings. */
    static String list(Collection<?> values) {
        return values.stream().map(value -> quoted(value.toString())).collect(Collectors.joining(", ", "[", "]"));
    }
}
