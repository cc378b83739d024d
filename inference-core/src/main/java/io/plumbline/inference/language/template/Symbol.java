package io.plumbline.inference.language.template;

import java.util.Arrays;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;

/** Operators and brackets within tags. */
enum Symbol {
    PLUS("+"),
    MINUS("-"),
    TIMES("*"),
    DIVIDE("/"),
    FLOOR_DIVIDE("//"),
    PERCENT("%"),
    POWER("**"),
    TILDE("~"),
    LEFT_BRACKET("["),
    RIGHT_BRACKET("]"),
    LEFT_PARENTHESIS("("),
    RIGHT_PARENTHESIS(")"),
    LEFT_BRACE("{"),
    RIGHT_BRACE("}"),
    EQUAL("=="),
    NOT_EQUAL("!="),
    GREATER(">"),
    GREATER_OR_EQUAL(">="),
    LESS("<"),
    LESS_OR_EQUAL("<="),
    ASSIGN("="),
    DOT("."),
    COLON(":"),
    PIPE("|"),
    COMMA(","),
    SEMICOLON(";");

    private static final Map<String, Symbol> BY_SIGN =
            Arrays.stream(values()).collect(Collectors.toMap(Symbol::sign, Function.identity()));

    private final String sign;

    Symbol(String sign) {
        this.sign = sign;
    }

    String sign() {
        return sign;
    }

    /** The longest symbol that stands at {@code at}, or null. */
    static Symbol at(String source, int at) {
        Symbol two = at + 2 <= source.length() ? BY_SIGN.get(source.substring(at, at + 2)) : null;
        return two != null ? two : BY_SIGN.get(source.substring(at, at + 1));
    }

    @Override
    public String toString() {
        return "'" + sign + "'";
    }
}
