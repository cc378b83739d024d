package io.plumbline.node.cli.config;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.ParameterDescription;
import com.beust.jcommander.ParameterException;
import io.plumbline.node.cli.ByteSize;
import io.plumbline.node.cli.Milliseconds;
import io.plumbline.node.cli.ModelById;
import io.plumbline.node.cli.NamedModel;
import java.math.BigDecimal;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** An option of a role's command, as a configuration file and the environment have it. */
final class RoleOption {
    /** The form that a value has in a file. */
    private enum Form {
        FLAG("true or false"),
        INTEGER("an integer, without quotes"),
        NUMBER("a number"),
        QUANTITY("a text in quotes"),
        TEXT("a text in quotes"),
        PATH("a text in quotes");

        private final String words;

        Form(String words) {
            this.words = words;
        }
    }

    private static final Pattern NAME = Pattern.compile("[A-Z]{2,}\\b");

    private final ParameterDescription parameter;
    private final Class<?> type;
    private final boolean isList;
    private final Form form;
    private final String key;

    /** @param parameter of a command that is not run: values are tried on it. */
    RoleOption(ParameterDescription parameter) {
        this.parameter = parameter;
        Class<?> declared = parameter.getParameterized().getType();
        isList = Collection.class.isAssignableFrom(declared);
        type = isList ? (Class<?>) parameter.getParameterized().findFieldGenericType() : declared;
        form = form(type, declaration());
        key = isMain()
                ? parameter.getDescription().replaceFirst("\\.\\.\\..*", "").toLowerCase(Locale.ROOT)
                : parameter.getLongestName().substring("--".length());
    }

    private static Form form(Class<?> type, Parameter declaration) {
        if (type == boolean.class) {
            return Form.FLAG;
        }
        if (type == Path.class || type == NamedModel.class) {
            return Form.PATH;
        }
        if (declaration.converter() == ByteSize.class || declaration.converter() == Milliseconds.class) {
            return Form.QUANTITY;
        }
        if (type == BigDecimal.class) {
            return Form.NUMBER;
        }
        boolean isInteger = type == int.class || type == long.class || type == Integer.class || type == Long.class;
        return isInteger ? Form.INTEGER : Form.TEXT;
    }

    private Parameter declaration() {
        return parameter.getParameterAnnotation();
    }

    /** Whether it has no name on the command line: its values are the words that belong to no option. */
    private boolean isMain() {
        return declaration().names().length == 0;
    }

    /** Its longest name without dashes; for words that belong to no option what the command's help calls them. */
    String key() {
        return key;
    }

    /** As {@code PLUMBLINE_LOG_LEVEL}. */
    String variable() {
        return "PLUMBLINE_" + key.toUpperCase(Locale.ROOT).replace('-', '_');
    }

    String description() {
        return parameter.getDescription();
    }

    boolean isRequired() {
        return declaration().required();
    }

    boolean isList() {
        return isList;
    }

    /** Whether the command line that its command has parsed names it. */
    boolean isGiven() {
        return parameter.isAssigned();
    }

    /**
     * A value of a file as a word of the command line.
     *
     * @param value as TOML has it: text, a long, a double, a boolean, or another type that no option has.
     * @throws IllegalArgumentException where it has another type than the option; the message says which it must have.
     */
    String word(Object value) {
        boolean fits = switch (form) {
            case FLAG -> value instanceof Boolean;
            case INTEGER -> value instanceof Long;
            case NUMBER -> value instanceof Long || value instanceof Double || value instanceof String;
            case QUANTITY -> value instanceof String || value instanceof Long;
            case TEXT -> value instanceof String || value instanceof Long && type == String.class;
            case PATH -> value instanceof String;
        };
        if (!fits) {
            throw new IllegalArgumentException("must be " + (isList ? "a list of texts in quotes, or one" : form.words)
                    + ", not " + (value instanceof String text ? TomlText.quoted(text) : value));
        }
        return value instanceof Double number ? BigDecimal.valueOf(number).toPlainString() : value.toString();
    }

    /**
     * A variable's text as words of the command line.
     *
     * @throws IllegalArgumentException where it is not one of the words that the option takes.
     */
    List<String> words(String text) {
        if (form == Form.FLAG && !text.matches("true|false")) {
            throw new IllegalArgumentException("must be true or false, not \"" + text + "\"");
        }
        return isList ? List.of(text.split(",")) : List.of(text);
    }

    /** The same value with a relative path in it taken from a folder. */
    String from(Path folder, String value) {
        if (form != Form.PATH || ModelById.is(Path.of(value))) {
            return value;
        }
        return type == NamedModel.class
                ? NamedModel.from(folder, value)
                : folder.resolve(value).toString();
    }

    /** @throws IllegalArgumentException where the command would refuse the value; the message says why. */
    void require(String value) {
        if (isMain() || form == Form.FLAG) {
            return;
        }
        try {
            parameter.addValue(value);
        } catch (ParameterException e) {
            throw new IllegalArgumentException(
                    type.isEnum()
                            ? "must be one of " + enumWords() + ", not \"" + value + "\""
                            : reason(e.getMessage()),
                    e);
        }
    }

    private String enumWords() {
        return Arrays.stream(type.getEnumConstants()).map(this::enumWord).collect(Collectors.joining(", "));
    }

    /** A constant in small letters where the description has them all so; the command line takes both. */
    private String enumWord(Object constant) {
        boolean isLower = Arrays.stream(type.getEnumConstants())
                .allMatch(one -> description().contains(one.toString().toLowerCase(Locale.ROOT)));
        return isLower ? constant.toString().toLowerCase(Locale.ROOT) : constant.toString();
    }

    /** A message about this option without its name before it and a stop after it. */
    String reason(String message) {
        return message.replaceFirst("^(?i)\"?(--)?" + key + "\"?:? ", "").replaceFirst("\\.$", "");
    }

    /** The words of the command line that set these values. */
    List<String> commandLine(List<String> values) {
        if (isMain()) {
            return values;
        }
        if (form == Form.FLAG) {
            return values.contains("true") ? List.of("--" + key) : List.of();
        }
        List<String> words = new ArrayList<>();
        for (String value : values) {
            words.add("--" + key);
            words.add(value);
        }
        return words;
    }

    /** The default as words of the command line; empty where there is none, or none that is the same on every host. */
    List<String> defaults() {
        Object value = parameter.getDefault();
        if (value == null || value.equals("") || value instanceof Collection<?>) {
            return List.of();
        }
        if (declaration().converter() == ByteSize.class) {
            return List.of(ByteSize.text((Long) value));
        }
        if (declaration().converter() == Milliseconds.class) {
            return List.of(Milliseconds.text((Long) value));
        }
        return List.of(type.isEnum() ? enumWord(value) : value.toString());
    }

    /** Values as a file has them: the right-hand side of {@code key = value}. */
    String toml(List<String> values) {
        if (isList) {
            return TomlText.list(values);
        }
        boolean isBare = form == Form.FLAG || form == Form.INTEGER || form == Form.NUMBER;
        return isBare ? values.getFirst() : TomlText.quoted(values.getFirst());
    }

    /** A right-hand side that shows what stands there, for an option without a default. */
    String placeholder() {
        if (type.isEnum()) {
            return TomlText.quoted(enumWord(type.getEnumConstants()[0]));
        }
        return switch (form) {
            case FLAG -> "true";
            case INTEGER, NUMBER -> "1";
            case QUANTITY -> TomlText.quoted("1G");
            // Descriptions begin with what a value is, as FILE, where it has such a name.
            case TEXT, PATH -> {
                Matcher name = NAME.matcher(description());
                yield toml(List.of(name.lookingAt() ? name.group() : "..."));
            }
        };
    }
}
