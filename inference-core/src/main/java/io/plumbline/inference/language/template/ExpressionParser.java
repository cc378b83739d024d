package io.plumbline.inference.language.template;

import io.plumbline.inference.language.template.Expression.And;
import io.plumbline.inference.language.template.Expression.Arithmetic;
import io.plumbline.inference.language.template.Expression.Compared;
import io.plumbline.inference.language.template.Expression.Comparison;
import io.plumbline.inference.language.template.Expression.Concatenation;
import io.plumbline.inference.language.template.Expression.Conditional;
import io.plumbline.inference.language.template.Expression.DictLiteral;
import io.plumbline.inference.language.template.Expression.ListLiteral;
import io.plumbline.inference.language.template.Expression.Literal;
import io.plumbline.inference.language.template.Expression.Name;
import io.plumbline.inference.language.template.Expression.Not;
import io.plumbline.inference.language.template.Expression.Operation;
import io.plumbline.inference.language.template.Expression.Or;
import io.plumbline.inference.language.template.Expression.Pair;
import io.plumbline.inference.language.template.Expression.Signed;
import io.plumbline.inference.language.template.Expression.TupleLiteral;
import io.plumbline.inference.language.template.Token.Kind;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/**
 * Reads expressions with Jinja2's precedences, from weak to strong: {@code if else}, {@code or}, {@code and},
 * {@code not}, comparisons and {@code in}, {@code + -}, {@code ~}, {@code * / // %}, {@code **}, signs, then what
 * follows a value: see {@link PostfixParser}.
 */
final class ExpressionParser {
    private final TokenStream tokens;
    private final PostfixParser postfix;

    ExpressionParser(TokenStream tokens) {
        this.tokens = tokens;
        this.postfix = new PostfixParser(tokens, this);
    }

    PostfixParser postfix() {
        return postfix;
    }

    Expression expression() {
        tokens.enter();
        Expression result = or();
        while (tokens.skipName("if")) {
            Expression test = or();
            Expression otherwise = tokens.skipName("else") ? expression() : null;
            result = new Conditional(test, result, otherwise);
        }
        tokens.leave();
        return result;
    }

    /** An expression, or a tuple without parentheses. */
    Expression tuple() {
        return tuple(this::expression, null, false);
    }

    /** As {@link #tuple()}, where {@code if} or {@code recursive} may follow and belong to the block. */
    Expression tupleWithoutCondition(String end) {
        return tuple(this::or, end, false);
    }

    private Expression tuple(Supplier<Expression> item, String end, boolean mayBeEmpty) {
        List<Expression> items = new ArrayList<>();
        boolean comma = false;
        while (!endsTuple(end)) {
            items.add(item.get());
            if (!tokens.is(Symbol.COMMA)) {
                break;
            }
            tokens.next();
            comma = true;
        }
        if (!comma) {
            if (!items.isEmpty()) {
                return items.getFirst();
            }
            if (!mayBeEmpty) {
                throw tokens.unexpected("an expression");
            }
        }
        return new TupleLiteral(List.copyOf(items));
    }

    private boolean endsTuple(String end) {
        Token token = tokens.current();
        return token.is(Kind.PRINT_END)
                || token.is(Kind.BLOCK_END)
                || token.is(Symbol.RIGHT_PARENTHESIS)
                || end != null && token.isName(end);
    }

    private Expression or() {
        Expression first = and();
        if (!tokens.isName("or")) {
            return first;
        }
        List<Expression> operands = new ArrayList<>(List.of(first));
        while (tokens.skipName("or")) {
            operands.add(and());
        }
        return new Or(List.copyOf(operands));
    }

    private Expression and() {
        Expression first = not();
        if (!tokens.isName("and")) {
            return first;
        }
        List<Expression> operands = new ArrayList<>(List.of(first));
        while (tokens.skipName("and")) {
            operands.add(not());
        }
        return new And(List.copyOf(operands));
    }

    private Expression not() {
        if (!tokens.skipName("not")) {
            return comparison();
        }
        tokens.enter();
        Expression operand = not();
        tokens.leave();
        return new Not(operand);
    }

    private Expression comparison() {
        Expression first = sum();
        List<Compared> rest = new ArrayList<>();
        for (Relation relation = relation(); relation != null; relation = relation()) {
            rest.add(new Compared(relation, sum()));
        }
        return rest.isEmpty() ? first : new Comparison(first, List.copyOf(rest));
    }

    /** Takes the sign of a comparison; null where none stands. */
    private Relation relation() {
        if (tokens.skipName("in")) {
            return Relation.IN;
        }
        if (tokens.isName("not") && tokens.ahead().isName("in")) {
            tokens.next();
            tokens.next();
            return Relation.NOT_IN;
        }
        Relation relation = Relation.of(tokens.current().symbol());
        if (relation != null) {
            tokens.next();
        }
        return relation;
    }

    private Expression sum() {
        return chain(this::concatenation, ArithmeticOperator.ADD, ArithmeticOperator.SUBTRACT);
    }

    private Expression concatenation() {
        Expression first = product();
        if (!tokens.is(Symbol.TILDE)) {
            return first;
        }
        List<Expression> parts = new ArrayList<>(List.of(first));
        while (tokens.skip(Symbol.TILDE)) {
            parts.add(product());
        }
        return new Concatenation(List.copyOf(parts));
    }

    private Expression product() {
        return chain(
                this::power,
                ArithmeticOperator.MULTIPLY,
                ArithmeticOperator.DIVIDE,
                ArithmeticOperator.FLOOR_DIVIDE,
                ArithmeticOperator.MODULO);
    }

    private Expression power() {
        return chain(this::signed, ArithmeticOperator.POWER);
    }

    private Expression chain(Supplier<Expression> operand, ArithmeticOperator... operators) {
        Expression first = operand.get();
        List<Operation> rest = null;
        for (ArithmeticOperator found = take(operators); found != null; found = take(operators)) {
            rest = rest == null ? new ArrayList<>() : rest;
            rest.add(new Operation(found, operand.get()));
        }
        return rest == null ? first : new Arithmetic(first, List.copyOf(rest));
    }

    private ArithmeticOperator take(ArithmeticOperator... operators) {
        for (ArithmeticOperator operator : operators) {
            if (tokens.skip(operator.symbol())) {
                return operator;
            }
        }
        return null;
    }

    private Expression signed() {
        return postfix.filtersAndTests(withoutFilters());
    }

    private Expression withoutFilters() {
        boolean negative = tokens.is(Symbol.MINUS);
        if (!negative && !tokens.is(Symbol.PLUS)) {
            return postfix.subscripts(primary());
        }
        tokens.next();
        tokens.enter();
        Expression operand = withoutFilters();
        tokens.leave();
        return postfix.subscripts(new Signed(negative, operand));
    }

    /** A name, a literal, or something in brackets. */
    Expression primary() {
        Token token = tokens.current();
        return switch (token.kind()) {
            case NAME -> name(tokens.next().text());
            case STRING -> string();
            case INTEGER -> new Literal(IntValue.of(NumberLiteral.whole(tokens.next())));
            case FLOAT -> new Literal(new FloatValue(NumberLiteral.real(tokens.next())));
            case SYMBOL ->
                switch (token.symbol()) {
                    case LEFT_PARENTHESIS -> parenthesized();
                    case LEFT_BRACKET -> list();
                    case LEFT_BRACE -> dict();
                    default -> throw tokens.unexpected("an expression");
                };
            default -> throw tokens.unexpected("an expression");
        };
    }

    private static Expression name(String name) {
        return switch (name) {
            case "true", "True" -> new Literal(BoolValue.TRUE);
            case "false", "False" -> new Literal(BoolValue.FALSE);
            case "none", "None" -> new Literal(NoneValue.NONE);
            default -> new Name(name);
        };
    }

    private Expression string() {
        String text = tokens.next().text();
        if (tokens.current().is(Kind.STRING)) {
            StringBuilder whole = new StringBuilder(text);
            while (tokens.current().is(Kind.STRING)) {
                whole.append(tokens.next().text());
            }
            text = whole.toString();
        }
        return new Literal(TextValue.of(text).counted());
    }

    private Expression parenthesized() {
        tokens.next();
        Expression inner = tuple(this::expression, null, true);
        tokens.expect(Symbol.RIGHT_PARENTHESIS);
        return inner;
    }

    private Expression list() {
        tokens.next();
        List<Expression> items = new ArrayList<>();
        while (!tokens.is(Symbol.RIGHT_BRACKET)) {
            items.add(expression());
            if (!tokens.is(Symbol.RIGHT_BRACKET)) {
                tokens.expect(Symbol.COMMA);
            }
        }
        tokens.next();
        return new ListLiteral(List.copyOf(items));
    }

    private Expression dict() {
        tokens.next();
        List<Pair> pairs = new ArrayList<>();
        while (!tokens.is(Symbol.RIGHT_BRACE)) {
            Expression key = expression();
            tokens.expect(Symbol.COLON);
            pairs.add(new Pair(key, expression()));
            if (!tokens.is(Symbol.RIGHT_BRACE)) {
                tokens.expect(Symbol.COMMA);
            }
        }
        tokens.next();
        return new DictLiteral(List.copyOf(pairs));
    }
}
