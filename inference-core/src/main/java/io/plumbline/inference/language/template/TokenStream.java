package io.plumbline.inference.language.template;

import io.plumbline.inference.language.template.Token.Kind;
import java.util.List;

/** The tokens of a template as its parsers take them, and how deep the parsers have gone. */
final class TokenStream {
    private final List<Token> tokens;
    private final int maxNesting;
    private int at;
    private int nesting;

    TokenStream(List<Token> tokens, int maxNesting) {
        this.tokens = tokens;
        this.maxNesting = maxNesting;
    }

    Token current() {
        return tokens.get(at);
    }

    /** The token after the current one; the last where there is none. */
    Token ahead() {
        return tokens.get(Math.min(at + 1, tokens.size() - 1));
    }

    /** Takes the current token. */
    Token next() {
        Token token = current();
        if (at < tokens.size() - 1) {
            at++;
        }
        return token;
    }

    boolean is(Symbol symbol) {
        return current().is(symbol);
    }

    boolean isName(String name) {
        return current().isName(name);
    }

    /** Takes the current token where it is this name. */
    boolean skipName(String name) {
        boolean found = isName(name);
        if (found) {
            next();
        }
        return found;
    }

    /** Takes the current token where it is this symbol. */
    boolean skip(Symbol symbol) {
        boolean found = is(symbol);
        if (found) {
            next();
        }
        return found;
    }

    Token expect(Kind kind) {
        if (!current().is(kind)) {
            throw unexpected(kind.toString());
        }
        return next();
    }

    void expect(Symbol symbol) {
        if (!skip(symbol)) {
            throw unexpected(symbol.toString());
        }
    }

    void expectName(String name) {
        if (!skipName(name)) {
            throw unexpected("'" + name + "'");
        }
    }

    Fault unexpected(String wanted) {
        return Fault.syntax(
                current().line(), wanted + " belongs where " + current().describe() + " stands.");
    }

    /** Goes one bracket, operator or block deeper: the parsers recur, and the stack must hold them. */
    void enter() {
        if (++nesting > maxNesting) {
            throw Fault.limit(current().line(), "it nests deeper than " + maxNesting + " blocks and brackets.");
        }
    }

    void leave() {
        nesting--;
    }
}
