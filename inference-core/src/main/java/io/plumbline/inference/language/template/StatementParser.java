package io.plumbline.inference.language.template;

import io.plumbline.inference.language.template.Expression.Call;
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
import io.plumbline.inference.language.template.Statement.LoopScopes;
import io.plumbline.inference.language.template.Statement.MacroBody;
import io.plumbline.inference.language.template.Statement.MacroDefinition;
import io.plumbline.inference.language.template.Statement.Parameter;
import io.plumbline.inference.language.template.Statement.Print;
import io.plumbline.inference.language.template.Statement.With;
import io.plumbline.inference.language.template.Token.Kind;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Reads text, prints and blocks. */
final class StatementParser {
    private final TokenStream tokens;
    private final ExpressionParser expressions;
    private final TargetParser targets;

    /** Loops around the current place that {@code break} and {@code continue} can reach: a macro begins anew. */
    private int loops;

    StatementParser(TokenStream tokens) {
        this.tokens = tokens;
        this.expressions = new ExpressionParser(tokens);
        this.targets = new TargetParser(tokens);
    }

    List<Statement> template() {
        List<Statement> all = statements();
        if (!tokens.current().is(Kind.END)) {
            throw Fault.syntax(
                    tokens.current().line(),
                    "the tag " + tokens.current().describe() + " ends or continues no block that is open.");
        }
        return all;
    }

    /**
     * Statements up to one of {@code ends}, whose name is the current token then. Begins at the end of the opening tag.
     */
    private List<Statement> body(String... ends) {
        int opened = tokens.current().line();
        tokens.skip(Symbol.COLON);
        tokens.expect(Kind.BLOCK_END);
        tokens.enter();
        List<Statement> all = statements(ends);
        tokens.leave();
        if (tokens.current().is(Kind.END)) {
            throw Fault.syntax(opened, "the block that begins here has no {% " + ends[ends.length - 1] + " %}.");
        }
        return all;
    }

    private List<Statement> bodyToEnd(String end) {
        List<Statement> body = body(end);
        tokens.next();
        return body;
    }

    private List<Statement> statements(String... ends) {
        List<Statement> all = new ArrayList<>();
        while (true) {
            Token token = tokens.current();
            switch (token.kind()) {
                case DATA -> all.add(new Data(tokens.next().text(), token.line()));
                case PRINT_BEGIN -> {
                    tokens.next();
                    all.add(new Print(expressions.tuple(), token.line()));
                    tokens.expect(Kind.PRINT_END);
                }
                case BLOCK_BEGIN -> {
                    tokens.next();
                    for (String end : ends) {
                        if (tokens.isName(end)) {
                            return List.copyOf(all);
                        }
                    }
                    statement(all);
                    tokens.expect(Kind.BLOCK_END);
                }
                default -> {
                    return List.copyOf(all);
                }
            }
        }
    }

    private void statement(List<Statement> all) {
        Token tag = tokens.expect(Kind.NAME);
        int line = tag.line();
        switch (tag.text()) {
            case "if" -> all.add(conditional(line));
            case "for" -> all.add(loop(line));
            case "set" -> all.add(assignment(line));
            case "macro" -> all.add(macro(line));
            case "call" -> all.add(callBlock(line));
            case "filter" -> all.add(filterBlock(line));
            case "with" -> all.add(with(line));
            case "generation" -> all.add(generation(line));
            case "print" -> prints(all, line);
            case "break" -> all.add(new Break(inLoop(tag)));
            case "continue" -> all.add(new Continue(inLoop(tag)));
            case "include", "import", "from", "extends", "block", "autoescape" ->
                throw Fault.syntax(
                        line, "the tag '" + tag.text() + "' is not supported: a chat template stands alone.");
            default -> throw Fault.syntax(line, "there is no tag '" + tag.text() + "', or none that is open here.");
        }
    }

    private int inLoop(Token tag) {
        if (loops == 0) {
            throw Fault.syntax(tag.line(), "'" + tag.text() + "' stands outside of a loop.");
        }
        return tag.line();
    }

    private If conditional(int line) {
        List<Branch> branches = new ArrayList<>();
        int at = line;
        while (true) {
            Expression test = expressions.tupleWithoutCondition(null);
            branches.add(new Branch(test, body("elif", "else", "endif"), at));
            Token end = tokens.next();
            at = end.line();
            if (!end.isName("elif")) {
                List<Statement> otherwise = end.isName("else") ? bodyToEnd("endif") : List.of();
                return new If(List.copyOf(branches), otherwise, line);
            }
        }
    }

    private For loop(int line) {
        Target target = targets.target("in", false);
        tokens.expectName("in");
        Expression iterable = expressions.tupleWithoutCondition("recursive");
        Expression filter = tokens.skipName("if") ? expressions.expression() : null;
        boolean recursive = tokens.skipName("recursive");
        int around = loops;
        loops = recursive ? 1 : around + 1;
        List<Statement> body = body("endfor", "else");
        loops = recursive ? 0 : around;
        List<Statement> otherwise = tokens.next().isName("else") ? bodyToEnd("endfor") : List.of();
        loops = around;
        return new For(target, iterable, filter, recursive, body, otherwise, new LoopScopes(), line);
    }

    private Statement assignment(int line) {
        Target target = targets.target(null, true);
        if (tokens.skip(Symbol.ASSIGN)) {
            return new Assign(target, expressions.tuple(), line);
        }
        Filtered filter = (Filtered) expressions.postfix().filters(null);
        return new AssignBlock(target, filter, bodyToEnd("endset"), new Scope(), line);
    }

    private MacroDefinition macro(int line) {
        String name = targets.name();
        List<Parameter> parameters = parameters();
        return new MacroDefinition(macroBody(name, parameters, "endmacro"), line);
    }

    private MacroBody macroBody(String name, List<Parameter> parameters, String end) {
        int around = loops;
        loops = 0;
        List<Statement> body = bodyToEnd(end);
        loops = around;
        return new MacroBody(name, parameters, body, new Scope());
    }

    private List<Parameter> parameters() {
        tokens.expect(Symbol.LEFT_PARENTHESIS);
        List<Parameter> all = new ArrayList<>();
        Set<String> names = new HashSet<>();
        boolean defaults = false;
        while (!tokens.is(Symbol.RIGHT_PARENTHESIS)) {
            if (!all.isEmpty()) {
                tokens.expect(Symbol.COMMA);
            }
            String name = targets.name();
            Expression otherwise = tokens.skip(Symbol.ASSIGN) ? expressions.expression() : null;
            if (otherwise == null && defaults) {
                throw Fault.syntax(
                        tokens.current().line(), "parameter '" + name + "' needs a default: one before has.");
            }
            if (!names.add(name)) {
                throw Fault.syntax(tokens.current().line(), "two parameters are called '" + name + "'.");
            }
            defaults |= otherwise != null;
            all.add(new Parameter(name, otherwise));
        }
        tokens.next();
        return List.copyOf(all);
    }

    private CallBlock callBlock(int line) {
        List<Parameter> parameters = tokens.is(Symbol.LEFT_PARENTHESIS) ? parameters() : List.of();
        if (!(expressions.expression() instanceof Call call)) {
            throw Fault.syntax(line, "'call' needs the call of a macro.");
        }
        return new CallBlock(call, macroBody(null, parameters, "endcall"), line);
    }

    private Generation generation(int line) {
        return new Generation(macroBody(null, List.of(), "endgeneration"), line);
    }

    private FilterBlock filterBlock(int line) {
        Filtered first = expressions.postfix().filter(null);
        Filtered filter = (Filtered) expressions.postfix().filters(first);
        return new FilterBlock(filter, bodyToEnd("endfilter"), new Scope(), line);
    }

    private With with(int line) {
        List<Target> names = new ArrayList<>();
        List<Expression> values = new ArrayList<>();
        while (!tokens.current().is(Kind.BLOCK_END)) {
            if (!names.isEmpty()) {
                tokens.expect(Symbol.COMMA);
            }
            names.add(targets.target(null, false));
            tokens.expect(Symbol.ASSIGN);
            values.add(expressions.expression());
        }
        return new With(List.copyOf(names), List.copyOf(values), bodyToEnd("endwith"), new Scope(), line);
    }

    private void prints(List<Statement> all, int line) {
        while (!tokens.current().is(Kind.BLOCK_END)) {
            all.add(new Print(expressions.expression(), line));
            if (!tokens.current().is(Kind.BLOCK_END)) {
                tokens.expect(Symbol.COMMA);
            }
        }
    }
}
