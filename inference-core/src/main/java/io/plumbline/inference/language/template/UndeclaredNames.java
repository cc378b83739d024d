package io.plumbline.inference.language.template;

import io.plumbline.inference.language.template.Expression.Name;
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
import java.util.List;

/**
 * Looks, in the order of the source and into all inner blocks, whether a special name such as {@code loop} or
 * {@code caller} is read before something else is given that name.
 */
final class UndeclaredNames {
    private final String name;
    private final Budget budget;
    private boolean read;
    private boolean bound;
    private boolean assigned;

    private UndeclaredNames(String name, Budget budget) {
        this.name = name;
        this.budget = budget;
    }

    /** Whether {@code body} reads {@code name} before it gives it a meaning of its own. */
    static boolean in(List<Statement> body, String name, Budget budget) {
        UndeclaredNames names = new UndeclaredNames(name, budget);
        names.statements(body);
        return names.read;
    }

    /** Whether {@code set} or {@code for} assigns to {@code name} anywhere within {@code statement}. */
    static boolean assigns(Statement statement, String name, Budget budget) {
        UndeclaredNames names = new UndeclaredNames(name, budget);
        names.statement(statement);
        return names.assigned;
    }

    private void statements(List<Statement> all) {
        budget.enter();
        all.forEach(this::statement);
        budget.leave();
    }

    private void statement(Statement statement) {
        switch (statement) {
            case Data data -> {}
            case Break end -> {}
            case Continue next -> {}
            case Print print -> expression(print.value());
            case If condition -> {
                for (Branch branch : condition.branches()) {
                    expression(branch.test());
                    statements(branch.body());
                }
                statements(condition.otherwise());
            }
            case For loop -> {
                target(loop.target(), true);
                expression(loop.iterable());
                statements(loop.body());
                statements(loop.otherwise());
                expression(loop.filter());
            }
            case Assign assign -> {
                target(assign.target(), true);
                expression(assign.value());
            }
            case AssignBlock assign -> {
                target(assign.target(), true);
                expression(assign.filter());
                statements(assign.body());
            }
            case MacroDefinition definition -> macro(definition.macro());
            case CallBlock call -> {
                expression(call.call());
                macro(call.body());
            }
            case Generation generation -> macro(generation.body());
            case FilterBlock filter -> {
                statements(filter.body());
                expression(filter.filter());
            }
            case With with -> {
                with.targets().forEach(target -> target(target, false));
                with.values().forEach(this::expression);
                statements(with.body());
            }
        }
    }

    private void macro(MacroBody macro) {
        for (Parameter parameter : macro.parameters()) {
            bound |= parameter.name().equals(name);
        }
        macro.parameters().forEach(parameter -> expression(parameter.otherwise()));
        statements(macro.body());
    }

    private void target(Target target, boolean assignment) {
        switch (target) {
            case NameTarget one
            when one.name().equals(name) -> {
                bound = true;
                assigned |= assignment;
            }
            case NameTarget other -> {}
            case NamespaceTarget namespace -> {}
            case TupleTarget tuple -> tuple.parts().forEach(part -> target(part, assignment));
        }
    }

    private void expression(Expression expression) {
        if (expression instanceof Name one) {
            read |= one.name().equals(name) && !bound;
        } else if (expression != null) {
            budget.enter();
            Walk.children(expression, this::expression);
            budget.leave();
        }
    }
}
