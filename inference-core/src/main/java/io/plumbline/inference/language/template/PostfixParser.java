package io.plumbline.inference.language.template;

import io.plumbline.inference.language.template.Expression.Attribute;
import io.plumbline.inference.language.template.Expression.Call;
import io.plumbline.inference.language.template.Expression.CallArguments;
import io.plumbline.inference.language.template.Expression.Filtered;
import io.plumbline.inference.language.template.Expression.Item;
import io.plumbline.inference.language.template.Expression.Keyword;
import io.plumbline.inference.language.template.Expression.Literal;
import io.plumbline.inference.language.template.Expression.Not;
import io.plumbline.inference.language.template.Expression.Slice;
import io.plumbline.inference.language.template.Expression.Tested;
import io.plumbline.inference.language.template.Expression.TupleLiteral;
import io.plumbline.inference.language.template.Token.Kind;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Reads what follows a value: attributes, items, slices and calls; then filters and tests. */
final class PostfixParser {
    private final TokenStream tokens;
    private final ExpressionParser expressions;

    PostfixParser(TokenStream tokens, ExpressionParser expressions) {
        this.tokens = tokens;
        this.expressions = expressions;
    }

    Expression subscripts(Expression object) {
        Expression result = object;
        while (true) {
            if (tokens.is(Symbol.DOT)) {
                result = afterDot(result);
            } else if (tokens.is(Symbol.LEFT_BRACKET)) {
                result = inBrackets(result);
            } else if (tokens.is(Symbol.LEFT_PARENTHESIS)) {
                result = new Call(result, arguments());
            } else {
                return result;
            }
        }
    }

    Expression filtersAndTests(Expression input) {
        Expression result = input;
        while (true) {
            if (tokens.is(Symbol.PIPE)) {
                result = filters(result);
            } else if (tokens.isName("is")) {
                result = test(result);
            } else if (tokens.is(Symbol.LEFT_PARENTHESIS)) {
                result = new Call(result, arguments());
            } else {
                return result;
            }
        }
    }

    /** {@code |name(…)|name(…)}, as many as there are. */
    Expression filters(Expression input) {
        Expression result = input;
        while (tokens.skip(Symbol.PIPE)) {
            result = filter(result);
        }
        return result;
    }

    /** A filter's name and arguments, after its bar. */
    Filtered filter(Expression input) {
        int line = tokens.current().line();
        String name = dottedName();
        return new Filtered(input, name, tokens.is(Symbol.LEFT_PARENTHESIS) ? arguments() : CallArguments.NONE, line);
    }

    private String dottedName() {
        String name = tokens.expect(Kind.NAME).text();
        if (!tokens.is(Symbol.DOT)) {
            return name;
        }
        StringBuilder dotted = new StringBuilder(name);
        while (tokens.skip(Symbol.DOT)) {
            dotted.append('.').append(tokens.expect(Kind.NAME).text());
        }
        return dotted.toString();
    }

    private Expression test(Expression input) {
        int line = tokens.next().line();
        boolean negated = tokens.skipName("not");
        String name = dottedName();
        Expression test = new Tested(input, name, testArguments(), line);
        return negated ? new Not(test) : test;
    }

    /** In parentheses, or one value that simply follows, as in {@code x is divisibleby 3}. */
    private CallArguments testArguments() {
        Token token = tokens.current();
        boolean follows = switch (token.kind()) {
            case NAME ->
                switch (token.text()) {
                    case "else", "or", "and" -> false;
                    case "is" -> throw tokens.unexpected("one test for one 'is', joined by 'and',");
                    default -> true;
                };
            case STRING, INTEGER, FLOAT -> true;
            case SYMBOL -> token.is(Symbol.LEFT_BRACKET) || token.is(Symbol.LEFT_BRACE);
            default -> false;
        };
        if (token.is(Symbol.LEFT_PARENTHESIS)) {
            return arguments();
        }
        if (!follows) {
            return CallArguments.NONE;
        }
        tokens.enter();
        Expression argument = subscripts(expressions.primary());
        tokens.leave();
        return new CallArguments(List.of(argument), List.of(), null, null);
    }

    private Expression afterDot(Expression object) {
        tokens.next();
        Token token = tokens.next();
        return switch (token.kind()) {
            case NAME -> new Attribute(object, token.text());
            case INTEGER -> new Item(object, new Literal(IntValue.of(NumberLiteral.whole(token))));
            default ->
                throw Fault.syntax(token.line(), "a name or a number belongs where " + token.describe() + " stands.");
        };
    }

    private Expression inBrackets(Expression object) {
        tokens.next();
        if (tokens.is(Symbol.COLON)) {
            return slice(object, null);
        }
        List<Expression> keys = new ArrayList<>();
        while (!tokens.is(Symbol.RIGHT_BRACKET)) {
            keys.add(expressions.expression());
            if (keys.size() == 1 && tokens.is(Symbol.COLON)) {
                return slice(object, keys.getFirst());
            }
            if (!tokens.is(Symbol.RIGHT_BRACKET)) {
                tokens.expect(Symbol.COMMA);
                if (tokens.is(Symbol.RIGHT_BRACKET)) {
                    throw tokens.unexpected("an expression");
                }
            }
        }
        tokens.next();
        return new Item(object, keys.size() == 1 ? keys.getFirst() : new TupleLiteral(List.copyOf(keys)));
    }

    private Expression slice(Expression object, Expression start) {
        tokens.next();
        Expression stop = tokens.is(Symbol.COLON) || tokens.is(Symbol.RIGHT_BRACKET) ? null : expressions.expression();
        Expression step = null;
        if (tokens.skip(Symbol.COLON) && !tokens.is(Symbol.RIGHT_BRACKET)) {
            step = expressions.expression();
        }
        tokens.expect(Symbol.RIGHT_BRACKET);
        return new Slice(object, start, stop, step);
    }

    private CallArguments arguments() {
        tokens.next();
        List<Expression> positional = new ArrayList<>();
        List<Keyword> named = new ArrayList<>();
        Set<String> names = new HashSet<>();
        Expression spread = null;
        Expression spreadNamed = null;
        while (!tokens.is(Symbol.RIGHT_PARENTHESIS)) {
            if (tokens.is(Symbol.TIMES)) {
                require(spread == null && spreadNamed == null);
                tokens.next();
                spread = expressions.expression();
            } else if (tokens.is(Symbol.POWER)) {
                require(spreadNamed == null);
                tokens.next();
                spreadNamed = expressions.expression();
            } else if (tokens.current().is(Kind.NAME) && tokens.ahead().is(Symbol.ASSIGN)) {
                require(spreadNamed == null && names.add(tokens.current().text()));
                String name = tokens.next().text();
                tokens.next();
                named.add(new Keyword(name, expressions.expression()));
            } else {
                require(spread == null && spreadNamed == null && named.isEmpty());
                positional.add(expressions.expression());
            }
            if (!tokens.is(Symbol.RIGHT_PARENTHESIS)) {
                tokens.expect(Symbol.COMMA);
            }
        }
        tokens.next();
        return new CallArguments(List.copyOf(positional), List.copyOf(named), spread, spreadNamed);
    }

    private void require(boolean inOrder) {
        if (!inOrder) {
            throw Fault.syntax(
                    tokens.current().line(),
                    "arguments are in another order than: values, then names once each, then * and **.");
        }
    }
}
