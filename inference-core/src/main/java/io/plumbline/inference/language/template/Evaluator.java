package io.plumbline.inference.language.template;

import io.plumbline.inference.language.template.Expression.And;
import io.plumbline.inference.language.template.Expression.Arithmetic;
import io.plumbline.inference.language.template.Expression.Attribute;
import io.plumbline.inference.language.template.Expression.Call;
import io.plumbline.inference.language.template.Expression.CallArguments;
import io.plumbline.inference.language.template.Expression.Compared;
import io.plumbline.inference.language.template.Expression.Comparison;
import io.plumbline.inference.language.template.Expression.Concatenation;
import io.plumbline.inference.language.template.Expression.Conditional;
import io.plumbline.inference.language.template.Expression.DictLiteral;
import io.plumbline.inference.language.template.Expression.Filtered;
import io.plumbline.inference.language.template.Expression.Item;
import io.plumbline.inference.language.template.Expression.Keyword;
import io.plumbline.inference.language.template.Expression.ListLiteral;
import io.plumbline.inference.language.template.Expression.Literal;
import io.plumbline.inference.language.template.Expression.Name;
import io.plumbline.inference.language.template.Expression.Not;
import io.plumbline.inference.language.template.Expression.Operation;
import io.plumbline.inference.language.template.Expression.Or;
import io.plumbline.inference.language.template.Expression.Pair;
import io.plumbline.inference.language.template.Expression.Signed;
import io.plumbline.inference.language.template.Expression.Slice;
import io.plumbline.inference.language.template.Expression.Tested;
import io.plumbline.inference.language.template.Expression.TupleLiteral;
import io.plumbline.inference.language.template.Statement.MacroBody;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Computes expressions. */
final class Evaluator {
    private final Interpreter interpreter;
    private final Budget budget;

    Evaluator(Interpreter interpreter) {
        this.interpreter = interpreter;
        this.budget = interpreter.budget();
    }

    Value evaluate(Expression expression, Frame frame) {
        budget.enter();
        Value value = switch (expression) {
            case Literal literal -> literal.value();
            case Name name -> name(name.name(), frame);
            case Attribute attribute ->
                interpreter.attributes().get(evaluate(attribute.object(), frame), attribute.name());
            case Item item ->
                interpreter.attributes().item(evaluate(item.object(), frame), evaluate(item.key(), frame));
            case Slice slice ->
                interpreter
                        .slices()
                        .slice(
                                evaluate(slice.object(), frame),
                                optional(slice.start(), frame),
                                optional(slice.stop(), frame),
                                optional(slice.step(), frame));
            case Call call -> call(call, frame, null);
            case Filtered filtered -> filter(filtered, evaluate(filtered.input(), frame), frame);
            case Tested tested -> test(tested, frame);
            case Not not -> BoolValue.of(!isTrue(not.operand(), frame));
            case Signed signed -> interpreter.operators().sign(signed.negative(), evaluate(signed.operand(), frame));
            case Arithmetic arithmetic -> arithmetic(arithmetic, frame);
            case Concatenation concatenation -> concatenation(concatenation, frame);
            case Comparison comparison -> comparison(comparison, frame);
            case And and -> and(and.operands(), frame);
            case Or or -> or(or.operands(), frame);
            case Conditional conditional -> conditional(conditional, frame);
            case ListLiteral list -> new ListValue(all(list.items(), frame));
            case TupleLiteral tuple -> new TupleValue(all(tuple.items(), frame));
            case DictLiteral dict -> dict(dict, frame);
        };
        budget.leave();
        return value;
    }

    private Value optional(Expression expression, Frame frame) {
        return expression == null ? null : evaluate(expression, frame);
    }

    private boolean isTrue(Expression expression, Frame frame) {
        return Sequences.isTrue(evaluate(expression, frame));
    }

    private static Value name(String name, Frame frame) {
        Value value = frame.find(name);
        return value == null ? Undefined.name(name) : value;
    }

    private List<Value> all(List<Expression> expressions, Frame frame) {
        budget.objects(expressions.size());
        List<Value> values = new ArrayList<>(expressions.size());
        for (Expression expression : expressions) {
            values.add(evaluate(expression, frame));
        }
        return values;
    }

    private Value dict(DictLiteral literal, Frame frame) {
        budget.objects(3L * literal.pairs().size());
        DictValue dict = new DictValue();
        for (Pair pair : literal.pairs()) {
            Value key = evaluate(pair.key(), frame);
            dict.put(budget, key, evaluate(pair.value(), frame));
        }
        return dict;
    }

    private Value and(List<Expression> operands, Frame frame) {
        Value value = BoolValue.TRUE;
        for (Expression operand : operands) {
            value = evaluate(operand, frame);
            if (!Sequences.isTrue(value)) {
                return value;
            }
        }
        return value;
    }

    private Value or(List<Expression> operands, Frame frame) {
        Value value = BoolValue.FALSE;
        for (Expression operand : operands) {
            value = evaluate(operand, frame);
            if (Sequences.isTrue(value)) {
                return value;
            }
        }
        return value;
    }

    private Value conditional(Conditional conditional, Frame frame) {
        if (isTrue(conditional.test(), frame)) {
            return evaluate(conditional.then(), frame);
        }
        return conditional.otherwise() == null
                ? Undefined.because("an 'if' without 'else' has no value where it does not hold.")
                : evaluate(conditional.otherwise(), frame);
    }

    private Value arithmetic(Arithmetic arithmetic, Frame frame) {
        Value value = evaluate(arithmetic.first(), frame);
        for (Operation operation : arithmetic.rest()) {
            value = interpreter.operators().apply(operation.operator(), value, evaluate(operation.operand(), frame));
        }
        return value;
    }

    private Value concatenation(Concatenation concatenation, Frame frame) {
        StringBuilder out = new StringBuilder();
        for (Value part : all(concatenation.parts(), frame)) {
            String text = interpreter.texts().text(part);
            budget.characters(text.length());
            out.append(text);
        }
        return TextValue.of(out.toString());
    }

    private Value comparison(Comparison comparison, Frame frame) {
        Value left = evaluate(comparison.first(), frame);
        for (Compared compared : comparison.rest()) {
            Value right = evaluate(compared.operand(), frame);
            if (!interpreter.comparisons().holds(compared.relation(), left, right)) {
                return BoolValue.FALSE;
            }
            left = right;
        }
        return BoolValue.TRUE;
    }

    private Value filter(Filtered filtered, Value input, Frame frame) {
        Filter filter = Filters.get(filtered.name());
        return filter.apply(interpreter, input, arguments(filtered.arguments(), frame, null));
    }

    /** Filters the text of a block: the innermost filter is given it. */
    Value filterBlock(Filtered filtered, Value text, Frame frame) {
        Value input = filtered.input() == null ? text : filterBlock((Filtered) filtered.input(), text, frame);
        return filter(filtered, input, frame);
    }

    private Value test(Tested tested, Frame frame) {
        Value value = evaluate(tested.input(), frame);
        ValueTest test = ValueTests.get(tested.name());
        return BoolValue.of(test.holds(interpreter, value, arguments(tested.arguments(), frame, null)));
    }

    /** @param caller the body of a call block, or null. */
    Value call(Call call, Frame frame, Macro caller) {
        Value callee = evaluate(call.callee(), frame);
        Arguments arguments = arguments(call.arguments(), frame, caller);
        return switch (callee) {
            case Callable callable -> callable.call(interpreter, arguments);
            case Undefined undefined -> throw undefined.fault();
            default -> throw Fault.value("a " + callee.type() + " cannot be called.");
        };
    }

    private Arguments arguments(CallArguments given, Frame frame, Macro caller) {
        if (given == CallArguments.NONE && caller == null) {
            return Arguments.NONE;
        }
        List<Value> positional = all(given.positional(), frame);
        Map<String, Value> named = new LinkedHashMap<>();
        for (Keyword keyword : given.named()) {
            budget.objects(3);
            named.put(keyword.name(), evaluate(keyword.value(), frame));
        }
        if (caller != null) {
            name(named, MacroBody.CALLER, caller);
        }
        if (given.spread() != null) {
            Iterator<Value> items = interpreter.sequences().iterate(evaluate(given.spread(), frame));
            while (items.hasNext()) {
                budget.objects(1);
                positional.add(items.next());
            }
        }
        if (given.spreadNamed() != null) {
            spread(evaluate(given.spreadNamed(), frame), named);
        }
        return new Arguments(positional, named);
    }

    private void spread(Value value, Map<String, Value> named) {
        if (!(value instanceof DictValue dict)) {
            throw Fault.value("'**' takes a dict, not a " + value.type() + ".");
        }
        for (DictValue.Entry entry : dict.entries()) {
            if (!(entry.key() instanceof TextValue name)) {
                throw Fault.value("'**' takes a dict with texts as keys, not a "
                        + entry.key().type() + ".");
            }
            budget.objects(3);
            // Compared here, and once more where a dict is made of the arguments.
            budget.reads(3L * name.text().length());
            name(named, name.text(), entry.value());
        }
    }

    private static void name(Map<String, Value> named, String name, Value value) {
        if (named.putIfAbsent(name, value) != null) {
            throw Fault.value("the argument '" + name + "' is given twice.");
        }
    }
}
