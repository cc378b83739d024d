package io.plumbline.inference.language.template;

import io.plumbline.inference.language.template.Expression.Filtered;
import io.plumbline.inference.language.template.Statement.Assign;
import io.plumbline.inference.language.template.Statement.AssignBlock;
import io.plumbline.inference.language.template.Statement.Branch;
import io.plumbline.inference.language.template.Statement.Break;
import io.plumbline.inference.language.template.Statement.CallBlock;
import io.plumbline.inference.language.template.Statement.Continue;
import io.plumbline.inference.language.template.Statement.Data;
import io.plumbline.inference.language.template.Statement.FilterBlock;
import io.plumbline.inference.language.template.Statement.For;
import io.plumbline.inference.language.template.Statement.Generation;
import io.plumbline.inference.language.template.Statement.If;
import io.plumbline.inference.language.template.Statement.MacroBody;
import io.plumbline.inference.language.template.Statement.MacroDefinition;
import io.plumbline.inference.language.template.Statement.Parameter;
import io.plumbline.inference.language.template.Statement.Print;
import io.plumbline.inference.language.template.Statement.With;
import io.plumbline.inference.language.template.Target.NameTarget;
import io.plumbline.inference.language.template.Target.NamespaceTarget;
import io.plumbline.inference.language.template.Target.TupleTarget;
import java.time.LocalDateTime;
import java.util.Iterator;
import java.util.List;

/** One rendering of one template: runs its statements, and holds what their evaluation needs. */
final class Interpreter {
    /** How a statement ended. */
    private enum Flow {
        ON,
        BREAK,
        CONTINUE
    }

    private final Budget budget;
    private final Variables variables;
    private final LocalDateTime now;
    private final Texts texts;
    private final Sequences sequences;
    private final Attributes attributes;
    private final Slices slices;
    private final Comparisons comparisons;
    private final Operators operators;
    private final Evaluator evaluator;

    /** The line of the statement that runs, for messages. */
    private int line;

    Interpreter(Budget budget, Variables variables, LocalDateTime now) {
        this.budget = budget;
        this.variables = variables;
        this.now = now;
        this.texts = new Texts(budget);
        this.sequences = new Sequences(budget);
        this.attributes = new Attributes(budget);
        this.slices = new Slices(budget);
        this.comparisons = new Comparisons(budget, sequences);
        this.operators = new Operators(budget, texts);
        this.evaluator = new Evaluator(this);
    }

    String render(List<Statement> template, Scope scope) {
        Frame frame = new Frame(scope, null);
        frame.begin(variables, budget);
        Output out = new Output(budget);
        run(template, frame, out);
        return out.toString();
    }

    Budget budget() {
        return budget;
    }

    LocalDateTime now() {
        return now;
    }

    Texts texts() {
        return texts;
    }

    Sequences sequences() {
        return sequences;
    }

    Attributes attributes() {
        return attributes;
    }

    Slices slices() {
        return slices;
    }

    Comparisons comparisons() {
        return comparisons;
    }

    Operators operators() {
        return operators;
    }

    int line() {
        return line;
    }

    private Flow run(List<Statement> body, Frame frame, Output out) {
        budget.enter();
        Flow flow = Flow.ON;
        for (int i = 0; i < body.size() && flow == Flow.ON; i++) {
            flow = run(body.get(i), frame, out);
        }
        budget.leave();
        return flow;
    }

    private Flow run(Statement statement, Frame frame, Output out) {
        budget.step();
        line = statement.line();
        switch (statement) {
            case Data data -> out.append(data.text());
            case Print print -> out.append(texts.text(evaluator.evaluate(print.value(), frame)));
            case If condition -> {
                return run(condition, frame, out);
            }
            case For loop -> {
                return run(loop, frame, out);
            }
            case Assign assign -> {
                requireNamespaces(assign.target(), frame);
                assign(assign.target(), evaluator.evaluate(assign.value(), frame), frame);
            }
            case AssignBlock block -> {
                return run(block, frame);
            }
            case MacroDefinition definition ->
                frame.set(definition.macro().name(), new Macro(definition.macro(), frame));
            case CallBlock call ->
                out.append(texts.text(evaluator.call(call.call(), frame, new Macro(call.body(), frame))));
            case Generation generation ->
                out.append(texts.text(new Macro(generation.body(), frame).call(this, Arguments.NONE)));
            case FilterBlock block -> {
                Frame inner = begun(block.scope(), frame);
                Output captured = new Output(budget);
                Flow flow = run(block.body(), inner, captured);
                if (flow != Flow.ON) {
                    return flow;
                }
                out.append(texts.text(filtered(block.filter(), captured, inner)));
            }
            case With with -> {
                Frame inner = begun(with.scope(), frame);
                for (int i = 0; i < with.targets().size(); i++) {
                    assign(
                            with.targets().get(i),
                            evaluator.evaluate(with.values().get(i), frame),
                            inner);
                }
                return run(with.body(), inner, out);
            }
            case Break end -> {
                return Flow.BREAK;
            }
            case Continue next -> {
                return Flow.CONTINUE;
            }
        }
        return Flow.ON;
    }

    private Frame begun(Scope scope, Frame parent) {
        budget.objects(2L + scope.size());
        Frame frame = new Frame(scope, parent);
        frame.begin(variables, budget);
        return frame;
    }

    private Flow run(If condition, Frame frame, Output out) {
        for (Branch branch : condition.branches()) {
            line = branch.line();
            if (Sequences.isTrue(evaluator.evaluate(branch.test(), frame))) {
                return run(branch.body(), frame, out);
            }
        }
        return run(condition.otherwise(), frame, out);
    }

    private Flow run(AssignBlock block, Frame frame) {
        Frame inner = begun(block.scope(), frame);
        Output captured = new Output(budget);
        Flow flow = run(block.body(), inner, captured);
        if (flow == Flow.ON) {
            assign(block.target(), filtered(block.filter(), captured, inner), frame);
        }
        return flow;
    }

    private Value filtered(Filtered filter, Output captured, Frame frame) {
        Value text = TextValue.of(captured.toString());
        return filter == null ? text : evaluator.filterBlock(filter, text, frame);
    }

    private void requireNamespaces(Target target, Frame frame) {
        switch (target) {
            case NameTarget name -> {}
            case NamespaceTarget named -> namespace(named, frame);
            case TupleTarget tuple -> tuple.parts().forEach(part -> requireNamespaces(part, frame));
        }
    }

    private static Namespace namespace(NamespaceTarget target, Frame frame) {
        if (frame.find(target.namespace()) instanceof Namespace namespace) {
            return namespace;
        }
        throw Fault.value("'" + target.namespace() + "' is no namespace: its attributes cannot be set.");
    }

    private void assign(Target target, Value value, Frame frame) {
        switch (target) {
            case NameTarget name -> frame.set(name.name(), value);
            case NamespaceTarget named -> {
                budget.objects(2);
                namespace(named, frame).attributes().put(named.attribute(), value);
            }
            case TupleTarget tuple -> {
                Iterator<Value> items = sequences.iterate(value);
                for (Target part : tuple.parts()) {
                    if (!items.hasNext()) {
                        throw Fault.value("a value has fewer items than the "
                                + tuple.parts().size() + " names it is for.");
                    }
                    assign(part, items.next(), frame);
                }
                if (items.hasNext()) {
                    throw Fault.value(
                            "a value has more items than the " + tuple.parts().size() + " names it is for.");
                }
            }
        }
    }

    private Flow run(For loop, Frame frame, Output out) {
        Value items = evaluator.evaluate(loop.iterable(), frame);
        if (!loop.recursive()) {
            return run(loop, items, 0, frame, out);
        }
        out.append(recursion(loop, items, 0, frame));
        return Flow.ON;
    }

    private String recursion(For loop, Value items, int depth, Frame frame) {
        Output out = new Output(budget);
        budget.enter();
        run(loop, items, depth, frame, out);
        budget.leave();
        return out.toString();
    }

    private Flow run(For loop, Value items, int depth, Frame frame, Output out) {
        Frame inner = new Frame(loop.scopes().body(), frame);
        budget.objects(2L + loop.scopes().body().size());
        Iterator<Value> source = sequences.iterate(items);
        int length = sequences.lengthOrNone(items);
        if (loop.filter() != null) {
            source = filtered(loop, source, frame);
            length = -1;
        }
        if (inner.scope().has("loop")) {
            LoopValue.Body again = loop.recursive() ? (more, level) -> recursion(loop, more, level, frame) : null;
            LoopValue value = new LoopValue(this, source, length, again, depth);
            inner.set("loop", value);
            source = value;
        }
        boolean wentThrough = false;
        while (source.hasNext()) {
            budget.step();
            assign(loop.target(), source.next(), inner);
            inner.begin(variables, budget);
            Flow flow = run(loop.body(), inner, out);
            if (flow == Flow.BREAK) {
                break;
            }
            // Only a turn that reaches the end of the body keeps 'else' from running: so Jinja2 compiles it.
            wentThrough |= flow == Flow.ON;
        }
        return wentThrough || loop.otherwise().isEmpty()
                ? Flow.ON
                : run(loop.otherwise(), begun(loop.scopes().otherwise(), frame), out);
    }

    private Iterator<Value> filtered(For loop, Iterator<Value> items, Frame frame) {
        Frame test = begun(loop.scopes().filter(), frame);
        return new Pull(budget, () -> {
            while (items.hasNext()) {
                Value item = items.next();
                assign(loop.target(), item, test);
                if (Sequences.isTrue(evaluator.evaluate(loop.filter(), test))) {
                    return item;
                }
            }
            return null;
        });
    }

    /** The text that a macro gives, its parameters set in {@code frame} where they are given. */
    String runMacro(MacroBody macro, Frame frame) {
        int calledAt = line;
        budget.enter();
        frame.begin(variables, budget);
        for (Parameter parameter : macro.parameters()) {
            if (frame.find(parameter.name()) == null) {
                frame.set(
                        parameter.name(),
                        parameter.otherwise() == null
                                ? Undefined.name(parameter.name())
                                : evaluator.evaluate(parameter.otherwise(), frame));
            }
        }
        Output out = new Output(budget);
        run(macro.body(), frame, out);
        budget.leave();
        line = calledAt;
        return out.toString();
    }
}
