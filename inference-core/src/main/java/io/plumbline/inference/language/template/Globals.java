package io.plumbline.inference.language.template;

import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;

/** The functions that every template finds: Jinja2's, and the two that transformers adds. */
final class Globals {
    /** What a template calls to learn the day. */
    static final String STRFTIME_NOW = "strftime_now";

    private static final Map<String, Builtin> ALL = new HashMap<>();

    static {
        add("range", Globals::range);
        add("dict", Globals::dict);
        add("namespace", (run, arguments) -> new Namespace(dict(run, arguments)));
        add("cycler", Globals::cycler);
        add("joiner", (run, arguments) -> {
            Value separator = arguments.bind("joiner", 0, "sep")[0];
            return new Joiner(separator == null ? TextValue.of(", ") : separator);
        });
        add("raise_exception", (run, arguments) -> {
            throw Fault.refused(run.texts().text(arguments.bind("raise_exception", 1, "message")[0]));
        });
        add(STRFTIME_NOW, Globals::strftimeNow);
    }

    private Globals() {}

    private static void add(String name, Builtin.Body body) {
        ALL.put(name, new Builtin(name, body));
    }

    /** Null where there is none of that name. */
    static Value find(String name) {
        return ALL.get(name);
    }

    private static Value range(Interpreter run, Arguments arguments) {
        Value[] given = arguments.bindUnnamed("range", 1, 3);
        long[] numbers = new long[3];
        for (int i = 0; i < arguments.positional().size(); i++) {
            if (!Numbers.isWhole(given[i])) {
                throw Fault.value("range takes whole numbers, not a " + given[i].type() + ".");
            }
            numbers[i] = Numbers.whole(given[i]);
        }
        boolean one = arguments.positional().size() == 1;
        long step = arguments.positional().size() == 3 ? numbers[2] : 1;
        int most = run.budget().limits().rangeLength();
        try {
            return RangeValue.of(one ? 0 : numbers[0], one ? numbers[0] : numbers[1], step, most);
        } catch (ArithmeticException e) {
            throw Fault.limit("a range has more than " + most + " numbers.");
        }
    }

    /** A dict of a mapping or of pairs, and of named arguments. */
    private static DictValue dict(Interpreter run, Arguments arguments) {
        DictValue dict = new DictValue();
        Value source = new Arguments(arguments.positional(), Map.of()).bindUnnamed("dict", 0, 1)[0];
        if (source instanceof DictValue other) {
            run.budget().objects(3L * other.size());
            other.entries().forEach(entry -> dict.put(run.budget(), entry.key(), entry.value()));
        } else if (source != null) {
            for (Iterator<Value> pairs = run.sequences().iterate(source); pairs.hasNext(); ) {
                List<Value> pair = run.sequences().list(pairs.next());
                if (pair.size() != 2) {
                    throw Fault.value("dict takes pairs, not " + pair.size() + " values at a time.");
                }
                run.budget().objects(3);
                dict.put(run.budget(), pair.get(0), pair.get(1));
            }
        }
        run.budget().objects(3L * arguments.named().size());
        arguments.named().forEach(dict::put);
        return dict;
    }

    private static Value cycler(Interpreter run, Arguments arguments) {
        arguments.bindUnnamed("cycler", 1, Math.max(1, arguments.positional().size()));
        return new Cycler(arguments.positional());
    }

    private static Value strftimeNow(Interpreter run, Arguments arguments) {
        if (!(arguments.bind(STRFTIME_NOW, 1, "format")[0] instanceof TextValue format)) {
            throw Fault.value("strftime_now takes a text.");
        }
        return TextValue.of(Strftime.format(run.budget(), run.now(), format.text()));
    }
}
