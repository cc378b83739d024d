package io.plumbline.inference.language.template;

import io.plumbline.inference.language.template.Statement.MacroBody;
import io.plumbline.inference.language.template.Statement.Parameter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A macro, or the body of a call block, with the frame that it was defined in. */
final class Macro implements Callable {
    private final MacroBody body;
    private final Frame around;

    Macro(MacroBody body, Frame around) {
        this.body = body;
        this.around = around;
    }

    /** Null for the body of a call block. */
    String name() {
        return body.name();
    }

    @Override
    public Value call(Interpreter interpreter, Arguments arguments) {
        Frame frame = new Frame(body.scope(), around);
        interpreter.budget().objects(2L + body.scope().size());
        give(frame, arguments);
        return TextValue.of(interpreter.runMacro(body, frame));
    }

    private String words() {
        return body.name() == null ? "the body of a call" : "the macro '" + body.name() + "'";
    }

    /** Sets the parameters that are given; those that are not stay without a value. */
    private void give(Frame frame, Arguments arguments) {
        List<Value> positional = arguments.positional();
        Map<String, Value> named = new LinkedHashMap<>(arguments.named());
        List<Parameter> parameters = body.parameters();
        boolean callerIsParameter = false;
        for (int i = 0; i < parameters.size(); i++) {
            String name = parameters.get(i).name();
            frame.set(name, i < positional.size() ? positional.get(i) : named.remove(name));
            callerIsParameter |= name.equals(MacroBody.CALLER);
        }
        if (body.takes(MacroBody.CALLER) && !callerIsParameter) {
            Value caller = named.remove(MacroBody.CALLER);
            boolean none = caller == null || caller == NoneValue.NONE;
            frame.set(MacroBody.CALLER, none ? Undefined.because("no caller is defined.") : caller);
        }
        if (body.takes(MacroBody.KEYWORDS)) {
            DictValue keywords = new DictValue();
            named.forEach(keywords::put);
            frame.set(MacroBody.KEYWORDS, keywords);
        } else if (!named.isEmpty()) {
            throw Fault.value(
                    words() + " has no parameter '" + named.keySet().iterator().next() + "'.");
        }
        int rest = Math.min(parameters.size(), positional.size());
        if (body.takes(MacroBody.REST)) {
            frame.set(MacroBody.REST, new TupleValue(new ArrayList<>(positional.subList(rest, positional.size()))));
        } else if (rest < positional.size()) {
            throw Fault.value(words() + " takes at most " + parameters.size() + " arguments.");
        }
    }

    /** An attribute, or null where there is none of that name. */
    Value attribute(Budget budget, String name) {
        return switch (name) {
            case "name" -> body.name() == null ? NoneValue.NONE : TextValue.of(body.name());
            case "arguments" -> {
                budget.objects(2L * body.parameters().size());
                yield new TupleValue(body.parameters().stream()
                        .map(parameter -> (Value) TextValue.of(parameter.name()))
                        .toList());
            }
            case "caller" -> BoolValue.of(body.takes(MacroBody.CALLER));
            case "catch_kwargs" -> BoolValue.of(body.takes(MacroBody.KEYWORDS));
            case "catch_varargs" -> BoolValue.of(body.takes(MacroBody.REST));
            default -> null;
        };
    }

    @Override
    public String type() {
        return "Macro";
    }
}
