package io.plumbline.inference.language.template;

import io.plumbline.inference.language.template.Expression.Call;
import io.plumbline.inference.language.template.Expression.Filtered;
import java.util.List;

/** What a template does, as parsed. Each block that has names of its own carries its {@link Scope}. */
sealed interface Statement {
    /** Where it begins, from 1. */
    int line();

    /** Text between tags. */
    record Data(String text, int line) implements Statement {}

    record Print(Expression value, int line) implements Statement {}

    /** @param otherwise empty where there is no {@code else}. */
    record If(List<Branch> branches, List<Statement> otherwise, int line) implements Statement {}

    record Branch(Expression test, List<Statement> body, int line) {}

    /** @param filter the condition after {@code if}, or null. */
    record For(
            Target target,
            Expression iterable,
            Expression filter,
            boolean recursive,
            List<Statement> body,
            List<Statement> otherwise,
            LoopScopes scopes,
            int line)
            implements Statement {}

    /** The scopes of a loop's body, its filter and its {@code else}. */
    record LoopScopes(Scope body, Scope filter, Scope otherwise) {
        LoopScopes() {
            this(new Scope(), new Scope(), new Scope());
        }
    }

    record Assign(Target target, Expression value, int line) implements Statement {}

    /** {@code {% set target %}body{% endset %}}; {@code filter} may be null. */
    record AssignBlock(Target target, Filtered filter, List<Statement> body, Scope scope, int line)
            implements Statement {}

    record MacroDefinition(MacroBody macro, int line) implements Statement {}

    /** {@code {% call(parameters) macro(…) %}body{% endcall %}}. */
    record CallBlock(Call call, MacroBody body, int line) implements Statement {}

    /** {@code {% generation %}body{% endgeneration %}}, which transformers runs as a macro without parameters. */
    record Generation(MacroBody body, int line) implements Statement {}

    record FilterBlock(Filtered filter, List<Statement> body, Scope scope, int line) implements Statement {}

    record With(List<Target> targets, List<Expression> values, List<Statement> body, Scope scope, int line)
            implements Statement {}

    record Break(int line) implements Statement {}

    record Continue(int line) implements Statement {}

    /**
     * What a macro or the body of a call block consists of.
     *
     * @param name null for the body of a call block.
     */
    record MacroBody(String name, List<Parameter> parameters, List<Statement> body, Scope scope) {
        static final String CALLER = "caller";
        static final String KEYWORDS = "kwargs";
        static final String REST = "varargs";

        /** Parameters that a macro has without naming them, where its body reads them. */
        static final List<String> SPECIAL_NAMES = List.of(CALLER, KEYWORDS, REST);

        /** Whether calls give the macro the special parameter {@code name}. */
        boolean takes(String name) {
            int slot = scope.slot(name);
            return slot >= 0
                    && scope.beginning(slot) == Scope.Beginning.PARAMETER
                    && parameters.stream().noneMatch(p -> p.name().equals(name));
        }
    }

    /** @param otherwise the default value, or null. */
    record Parameter(String name, Expression otherwise) {}
}
