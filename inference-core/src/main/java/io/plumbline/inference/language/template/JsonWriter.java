package io.plumbline.inference.language.template;

import java.util.ArrayList;
import java.util.List;

/**
 * JSON as Python's {@code json.dumps} writes it, by the filter {@code tojson} of transformers: characters beyond ASCII
 * and those of HTML stay as they are.
 */
final class JsonWriter {
    private final Interpreter interpreter;
    private final Budget budget;
    private final StringBuilder out = new StringBuilder();
    private boolean ascii;
    private boolean sorted;

    /** What one level is indented by; null for all on one line. */
    private String indent;

    private String itemSeparator = ", ";
    private String keySeparator = ": ";

    private JsonWriter(Interpreter interpreter) {
        this.interpreter = interpreter;
        this.budget = interpreter.budget();
    }

    /** The filter: {@code value|tojson(ensure_ascii, indent, separators, sort_keys)}. */
    static Value filter(Interpreter interpreter, Value value, Arguments arguments) {
        Value[] given = arguments.bind("tojson", 0, "ensure_ascii", "indent", "separators", "sort_keys");
        JsonWriter writer = new JsonWriter(interpreter);
        writer.ascii = given[0] != null && Sequences.isTrue(given[0]);
        writer.setIndent(given[1]);
        writer.setSeparators(given[2]);
        writer.sorted = given[3] != null && Sequences.isTrue(given[3]);
        writer.write(value, 0);
        return TextValue.of(writer.out.toString());
    }

    private void setIndent(Value value) {
        if (value == null || value == NoneValue.NONE) {
            return;
        }
        itemSeparator = ",";
        if (value instanceof TextValue text) {
            indent = text.text();
        } else {
            int blanks = Math.max(0, Numbers.index(value, "'indent' of tojson", 0));
            budget.characters(blanks);
            indent = " ".repeat(blanks);
        }
    }

    private void setSeparators(Value value) {
        if (value == null || value == NoneValue.NONE) {
            return;
        }
        List<Value> both = interpreter.sequences().list(value);
        if (both.size() != 2 || !(both.get(0) instanceof TextValue item) || !(both.get(1) instanceof TextValue key)) {
            throw Fault.value("'separators' of tojson must be two texts.");
        }
        itemSeparator = item.text();
        keySeparator = key.text();
    }

    private void append(String text) {
        budget.characters(text.length());
        out.append(text);
    }

    private void write(Value value, int depth) {
        switch (value) {
            case NoneValue none -> append("null");
            case BoolValue bool -> append(bool.value() ? "true" : "false");
            case IntValue number -> append(Long.toString(number.value()));
            case FloatValue number -> append(number(number.value()));
            case TextValue text -> quoted(text.text());
            case ListValue list -> list(list.items(), depth);
            case TupleValue tuple -> list(tuple.items(), depth);
            case DictValue dict -> dict(dict, depth);
            case Undefined undefined ->
                throw Fault.value("tojson is given a value that is not there: " + undefined.what());
            default -> throw Fault.value("tojson does not take a " + value.type() + ".");
        }
    }

    private static String number(double value) {
        if (Double.isNaN(value)) {
            return "NaN";
        }
        return Double.isInfinite(value) ? (value > 0 ? "Infinity" : "-Infinity") : FloatText.of(value);
    }

    private void newLine(int depth) {
        if (indent != null) {
            budget.characters(1 + (long) indent.length() * depth);
            out.append('\n').append(indent.repeat(depth));
        }
    }

    private void list(List<Value> items, int depth) {
        budget.enter();
        append("[");
        boolean first = true;
        for (Value item : items) {
            append(first ? "" : itemSeparator);
            newLine(depth + 1);
            write(item, depth + 1);
            first = false;
        }
        if (!items.isEmpty()) {
            newLine(depth);
        }
        append("]");
        budget.leave();
    }

    private void dict(DictValue dict, int depth) {
        budget.enter();
        append("{");
        boolean first = true;
        for (DictValue.Entry entry : ordered(dict)) {
            append(first ? "" : itemSeparator);
            newLine(depth + 1);
            quoted(key(entry.key()));
            append(keySeparator);
            write(entry.value(), depth + 1);
            first = false;
        }
        if (dict.size() > 0) {
            newLine(depth);
        }
        append("}");
        budget.leave();
    }

    private List<DictValue.Entry> ordered(DictValue dict) {
        budget.objects(dict.size());
        List<DictValue.Entry> entries = new ArrayList<>(dict.entries());
        return sorted ? new Sorting(interpreter).sort(entries, DictValue.Entry::key, false) : entries;
    }

    private String key(Value key) {
        return switch (key) {
            case TextValue text -> text.text();
            case NoneValue none -> "null";
            case BoolValue bool -> bool.value() ? "true" : "false";
            case IntValue number -> Long.toString(number.value());
            case FloatValue number -> number(number.value());
            default -> throw Fault.value("tojson does not take a " + key.type() + " as a key.");
        };
    }

    private void quoted(String text) {
        budget.characters(text.length() + 2L);
        out.append('"');
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c >= ' ' && c != '"' && c != '\\' && (c < 127 || !ascii || MarkedText.isMark(c))) {
                out.append(c);
            } else {
                String escape = escape(c);
                budget.characters(escape.length());
                out.append(escape);
            }
        }
        out.append('"');
    }

    private static String escape(char c) {
        return switch (c) {
            case '"' -> "\\\"";
            case '\\' -> "\\\\";
            case '\n' -> "\\n";
            case '\r' -> "\\r";
            case '\t' -> "\\t";
            case '\b' -> "\\b";
            case '\f' -> "\\f";
            case 127 -> "\u007f";
            default -> String.format("\\u%04x", (int) c);
        };
    }
}
