package io.plumbline.inference.language.template;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;

/**
 * Values as texts: {@code str}, which is what {@code {{ … }}} prints, and {@code repr}, which stands within lists and
 * dicts.
 */
final class Texts {
    private final Budget budget;

    /** Containers that are being written: one that holds itself is written as dots, as Python does. */
    private final List<Value> open = new ArrayList<>();

    Texts(Budget budget) {
        this.budget = budget;
    }

    /** @throws Fault for functions and the like, which Python prints with a memory address. */
    String text(Value value) {
        return switch (value) {
            case TextValue text -> text.text();
            case Undefined undefined -> "";
            default -> represent(value);
        };
    }

    String represent(Value value) {
        return switch (value) {
            case NoneValue none -> "None";
            case BoolValue bool -> bool.value() ? "True" : "False";
            case IntValue number -> charged(Long.toString(number.value()));
            case FloatValue number -> charged(FloatText.of(number.value()));
            default -> {
                StringBuilder out = new StringBuilder();
                write(out, value);
                yield out.toString();
            }
        };
    }

    private String charged(String text) {
        budget.characters(text.length());
        return text;
    }

    private void append(StringBuilder out, String text) {
        budget.characters(text.length());
        out.append(text);
    }

    private void write(StringBuilder out, Value value) {
        switch (value) {
            case TextValue text
            when text.isSafe() -> {
                append(out, "Markup(");
                quoted(out, text.text());
                append(out, ")");
            }
            case TextValue text -> quoted(out, text.text());
            case ListValue list -> items(out, value, "[", list.items().iterator(), "]");
            case TupleValue tuple ->
                items(out, value, "(", tuple.items().iterator(), tuple.items().size() == 1 ? ",)" : ")");
            case DictValue dict -> dict(out, dict);
            case DictView view -> {
                append(out, view.type() + "(");
                items(out, value, "[", new Sequences(budget).iterate(view), "]");
                append(out, ")");
            }
            case RangeValue range ->
                append(
                        out,
                        "range(" + range.start() + ", " + range.stop() + (range.step() == 1 ? "" : ", " + range.step())
                                + ")");
            case Undefined undefined -> append(out, "Undefined");
            case Namespace namespace -> {
                append(out, "<Namespace ");
                dict(out, namespace.attributes());
                append(out, ">");
            }
            case Macro macro ->
                append(out, macro.name() == null ? "<Macro anonymous>" : "<Macro '" + macro.name() + "'>");
            case LoopValue loop -> append(out, "<LoopContext " + loop.index() + "/" + loop.length() + ">");
            case BoundMethod method -> throw noText(method);
            case Builtin function -> throw noText(function);
            case Generator generator -> throw noText(generator);
            case Cycler cycler -> throw noText(cycler);
            case Joiner joiner -> throw noText(joiner);
            default -> append(out, represent(value));
        }
    }

    private static Fault noText(Value value) {
        String call = value instanceof BoundMethod method ? "; should '" + method.name() + "' be called?" : ".";
        return Fault.value("a " + value.type() + " has no text that would always be the same" + call);
    }

    private boolean opens(StringBuilder out, Value container, String dots) {
        for (Value one : open) {
            if (one == container) {
                append(out, dots);
                return false;
            }
        }
        budget.enter();
        open.add(container);
        return true;
    }

    private void closes() {
        open.removeLast();
        budget.leave();
    }

    private void items(StringBuilder out, Value container, String begin, Iterator<Value> items, String end) {
        if (!opens(out, container, begin + "..." + end)) {
            return;
        }
        append(out, begin);
        for (boolean first = true; items.hasNext(); first = false) {
            append(out, first ? "" : ", ");
            write(out, items.next());
        }
        append(out, end);
        closes();
    }

    private void dict(StringBuilder out, DictValue dict) {
        if (!opens(out, dict, "{...}")) {
            return;
        }
        append(out, "{");
        boolean first = true;
        for (DictValue.Entry entry : dict.entries()) {
            append(out, first ? "" : ", ");
            write(out, entry.key());
            append(out, ": ");
            write(out, entry.value());
            first = false;
        }
        append(out, "}");
        closes();
    }

    /** A text in quotes, with escapes for what does not print. */
    private void quoted(StringBuilder out, String text) {
        budget.characters(text.length() + 2L);
        char quote = text.indexOf('\'') >= 0 && text.indexOf('"') < 0 ? '"' : '\'';
        out.append(quote);
        for (int i = 0; i < text.length(); ) {
            int c = text.codePointAt(i);
            i += Character.charCount(c);
            if (c == quote || c == '\\') {
                out.append('\\').append((char) c);
            } else if (c >= ' ' && c < 127 || Characters.isPrintable(c) || MarkedText.isMark((char) c)) {
                out.appendCodePoint(c);
            } else {
                String escape = escape(c);
                budget.characters(escape.length());
                out.append(escape);
            }
        }
        out.append(quote);
    }

    private static String escape(int c) {
        return switch (c) {
            case '\n' -> "\\n";
            case '\r' -> "\\r";
            case '\t' -> "\\t";
            default -> String.format(c < 0x100 ? "\\x%02x" : c < 0x10000 ? "\\u%04x" : "\\U%08x", c);
        };
    }
}
