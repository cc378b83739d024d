package io.plumbline.inference.language.template;

import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.Iterator;
import java.util.List;
import java.util.Map;

/** Filters that make texts. */
final class TextFilters {
    static final Map<String, Filter> ALL = Map.ofEntries(
            Map.entry("string", (run, input, arguments) -> {
                arguments.bind("string", 0);
                return soft(run, input);
            }),
            Map.entry("upper", (run, input, arguments) -> method(run, soft(run, input), "upper", arguments)),
            Map.entry("lower", (run, input, arguments) -> method(run, soft(run, input), "lower", arguments)),
            Map.entry("capitalize", (run, input, arguments) -> method(run, soft(run, input), "capitalize", arguments)),
            Map.entry("title", TextFilters::title),
            Map.entry("trim", TextFilters::trim),
            Map.entry("replace", TextFilters::replace),
            Map.entry("indent", TextFilters::indent),
            Map.entry("truncate", TextFilters::truncate),
            Map.entry("center", TextFilters::center),
            Map.entry("wordcount", TextFilters::wordCount),
            Map.entry("format", TextFilters::format),
            Map.entry("safe", (run, input, arguments) -> {
                arguments.bind("safe", 0);
                return TextValue.safe(run.texts().text(input));
            }),
            Map.entry("escape", TextFilters::escape),
            Map.entry("e", TextFilters::escape),
            Map.entry("forceescape", (run, input, arguments) -> {
                arguments.bind("forceescape", 0);
                return TextValue.safe(Html.escape(run.budget(), run.texts().text(input)));
            }),
            Map.entry("urlencode", TextFilters::urlEncode));

    private static final HexFormat UPPER_HEX = HexFormat.of().withUpperCase();

    private TextFilters() {}

    /** A text as it is, any other value as it prints. */
    private static TextValue soft(Interpreter run, Value input) {
        return input instanceof TextValue text ? text : TextValue.of(run.texts().text(input));
    }

    private static Value method(Interpreter run, TextValue text, String name, Arguments arguments) {
        return new TextMethods(run, text).call(name, arguments);
    }

    private static TextValue string(Value value, String what) {
        if (value instanceof TextValue text) {
            return text;
        }
        if (value instanceof Undefined undefined) {
            throw undefined.fault();
        }
        throw Fault.value(what + " must be a text, not a " + value.type() + ".");
    }

    private static Value title(Interpreter run, Value input, Arguments arguments) {
        arguments.bind("title", 0);
        String text = run.texts().text(input);
        run.budget().characters(2L * text.length());
        return TextValue.of(TextCase.titleWords(text));
    }

    private static Value trim(Interpreter run, Value input, Arguments arguments) {
        Value characters = arguments.bind("trim", 0, "chars")[0];
        return new TextMethods(run, soft(run, input)).strip(characters, true, true);
    }

    private static Value replace(Interpreter run, Value input, Arguments arguments) {
        Value[] given = arguments.bind("replace", 2, "old", "new", "count");
        int most = given[2] == NoneValue.NONE ? -1 : Numbers.index(given[2], "the count of 'replace'", -1);
        String old = run.texts().text(given[0]);
        String other = run.texts().text(given[1]);
        return TextValue.of(TextSearch.replace(run.budget(), run.texts().text(input), old, other, most));
    }

    private static Value indent(Interpreter run, Value input, Arguments arguments) {
        Value[] given = arguments.bind("indent", 0, "width", "first", "blank");
        TextValue text = string(input, "what 'indent' indents");
        String by;
        if (given[0] instanceof TextValue width) {
            by = width.text();
        } else {
            int blanks = Math.max(0, Numbers.index(given[0], "the width of 'indent'", 4));
            run.budget().characters(blanks);
            by = " ".repeat(blanks);
        }
        boolean first = given[1] != null && Sequences.isTrue(given[1]);
        boolean blank = given[2] != null && Sequences.isTrue(given[2]);
        // A line break is added before the text is split, so that one at its end is not lost.
        run.budget().characters(text.text().length() + 1L);
        TextValue ended = text.alike(text.text() + "\n");
        List<Value> lines = new TextSplitting(run.budget()).lines(ended, false).items();
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < lines.size(); i++) {
            String line = ((TextValue) lines.get(i)).text();
            boolean indented = i == 0 ? first : blank || !line.isEmpty();
            run.budget().characters(line.length() + 1L + (indented ? by.length() : 0));
            out.append(i == 0 ? "" : "\n").append(indented ? by : "").append(line);
        }
        return text.alike(out.toString());
    }

    private static Value truncate(Interpreter run, Value input, Arguments arguments) {
        Value[] given = arguments.bind("truncate", 0, "length", "killwords", "end", "leeway");
        int length = Numbers.index(given[0], "the length of 'truncate'", 255);
        boolean within = given[1] != null && Sequences.isTrue(given[1]);
        TextValue end = given[2] == null ? TextValue.of("...") : string(given[2], "the end of 'truncate'");
        int leeway = given[3] == NoneValue.NONE ? 5 : Numbers.index(given[3], "the leeway of 'truncate'", 5);
        if (length < end.length(run.budget()) || leeway < 0) {
            throw Fault.value("'truncate' cuts to less than its end.");
        }
        if (run.sequences().length(input) <= (long) length + leeway) {
            return input;
        }
        TextValue text = string(input, "what 'truncate' cuts");
        int to = text.offset(run.budget(), length - end.length(run.budget()));
        run.budget().characters(to);
        String cut = text.text().substring(0, to);
        int word = within ? -1 : cut.lastIndexOf(' ');
        String kept = word < 0 ? cut : cut.substring(0, word);
        run.budget().characters(kept.length() + end.text().length());
        return text.alike(kept + end.text());
    }

    private static Value center(Interpreter run, Value input, Arguments arguments) {
        int width = Numbers.index(arguments.bind("center", 0, "width")[0], "a width", 80);
        return new TextMethods(run, soft(run, input)).centered(width);
    }

    private static Value wordCount(Interpreter run, Value input, Arguments arguments) {
        arguments.bind("wordcount", 0);
        String text = run.texts().text(input);
        run.budget().reads(text.length());
        int words = 0;
        boolean within = false;
        for (Iterator<Integer> points = text.codePoints().iterator(); points.hasNext(); ) {
            int c = points.next();
            boolean word = c == '_' || Character.isLetter(c) || Characters.isNumeric(c);
            words += word && !within ? 1 : 0;
            within = word;
        }
        return IntValue.of(words);
    }

    private static Value format(Interpreter run, Value input, Arguments arguments) {
        if (!arguments.positional().isEmpty() && !arguments.named().isEmpty()) {
            throw Fault.value("'format' takes values in their order or by name, not both.");
        }
        Value values = new TupleValue(arguments.positional());
        if (!arguments.named().isEmpty()) {
            DictValue named = new DictValue();
            arguments.named().forEach(named::put);
            values = named;
        }
        return run.operators().apply(ArithmeticOperator.MODULO, soft(run, input), values);
    }

    private static Value escape(Interpreter run, Value input, Arguments arguments) {
        arguments.bind("escape", 0);
        boolean safe = input instanceof TextValue text && text.isSafe();
        return safe
                ? input
                : TextValue.safe(Html.escape(run.budget(), run.texts().text(input)));
    }

    private static Value urlEncode(Interpreter run, Value input, Arguments arguments) {
        arguments.bind("urlencode", 0);
        if (input instanceof TextValue || !Sequences.isIterable(input)) {
            return TextValue.of(quoted(run, run.texts().text(input), false));
        }
        Value pairs = input instanceof DictValue dict ? new DictView(dict, DictView.Part.ITEMS) : input;
        StringBuilder out = new StringBuilder();
        for (Iterator<Value> all = run.sequences().iterate(pairs); all.hasNext(); ) {
            List<Value> pair = run.sequences().list(all.next());
            if (pair.size() != 2) {
                throw Fault.value("'urlencode' takes a text or pairs.");
            }
            out.append(out.isEmpty() ? "" : "&")
                    .append(quoted(run, run.texts().text(pair.get(0)), true))
                    .append('=')
                    .append(quoted(run, run.texts().text(pair.get(1)), true));
        }
        return TextValue.of(out.toString());
    }

    /** @param query whether slashes are escaped too, and blanks become plus signs. */
    private static String quoted(Interpreter run, String text, boolean query) {
        // A character may have three bytes, and each may become three characters.
        run.budget().characters(9L * text.length());
        StringBuilder out = new StringBuilder(text.length());
        for (byte b : MarkedText.plain(run.budget(), text).getBytes(StandardCharsets.UTF_8)) {
            boolean plain =
                    b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || "_.-~".indexOf(b) >= 0;
            if (plain || b == '/' && !query) {
                out.append((char) b);
            } else if (b == ' ' && query) {
                out.append('+');
            } else {
                UPPER_HEX.toHexDigits(out.append('%'), b);
            }
        }
        return out.toString();
    }
}
