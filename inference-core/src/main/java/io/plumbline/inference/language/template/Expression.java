package io.plumbline.inference.language.template;

import java.util.List;

/** What a template computes, as parsed. Names are looked up in the frame at hand: see {@link Scope}. */
sealed interface Expression {
    record Literal(Value value) implements Expression {}

    record Name(String name) implements Expression {}

    record ListLiteral(List<Expression> items) implements Expression {}

    record TupleLiteral(List<Expression> items) implements Expression {}

    record DictLiteral(List<Pair> pairs) implements Expression {}

    record Pair(Expression key, Expression value) {}

    /** {@code object.name}. */
    record Attribute(Expression object, String name) implements Expression {}

    /** {@code object[key]}. */
    record Item(Expression object, Expression key) implements Expression {}

    /** {@code object[start:stop:step]}; each bound may be null. */
    record Slice(Expression object, Expression start, Expression stop, Expression step) implements Expression {}

    record Call(Expression callee, CallArguments arguments) implements Expression {}

    /** {@code input|name(arguments)}; {@code input} is null where a block's text is filtered. */
    record Filtered(Expression input, String name, CallArguments arguments, int line) implements Expression {}

    /** {@code input is name(arguments)}. */
    record Tested(Expression input, String name, CallArguments arguments, int line) implements Expression {}

    record Not(Expression operand) implements Expression {}

    /** {@code -operand} or {@code +operand}. */
    record Signed(boolean negative, Expression operand) implements Expression {}

    /** A chain of operators of one precedence, from the left: {@code first + second - third}. */
    record Arithmetic(Expression first, List<Operation> rest) implements Expression {}

    record Operation(ArithmeticOperator operator, Expression operand) {}

    /** {@code a ~ b ~ c}: texts put together. */
    record Concatenation(List<Expression> parts) implements Expression {}

    /** A chain as Python compares it: {@code a < b < c} is {@code a < b and b < c}. */
    record Comparison(Expression first, List<Compared> rest) implements Expression {}

    record Compared(Relation relation, Expression operand) {}

    record And(List<Expression> operands) implements Expression {}

    record Or(List<Expression> operands) implements Expression {}

    /** {@code then if test else otherwise}; {@code otherwise} is null where there is none. */
    record Conditional(Expression test, Expression then, Expression otherwise) implements Expression {}

    /**
     * @param positional in their order.
     * @param named in their order.
     * @param spread {@code *spread}, or null.
     * @param spreadNamed {@code **spreadNamed}, or null.
     */
    record CallArguments(List<Expression> positional, List<Keyword> named, Expression spread, Expression spreadNamed) {
        static final CallArguments NONE = new CallArguments(List.of(), List.of(), null, null);
    }

    record Keyword(String name, Expression value) {}
}
