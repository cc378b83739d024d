package io.plumbline.inference.language.template;

import io.plumbline.inference.language.template.Expression.Conditional;
import io.plumbline.inference.language.template.Expression.Filtered;
import io.plumbline.inference.language.template.Expression.Name;
import io.plumbline.inference.language.template.Expression.Tested;
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
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.function.Consumer;

/**
 * Settles which names belong to which block, as Jinja2's compiler does: a block's own statements first, then the blocks
 * within it, so that these know all names around them, the later ones too. On the way it refuses filters and tests that
 * do not exist; within an {@code if} they count only when they are met, so that a template can ask for them first.
 */
final class ScopeAnalysis {
    private final Deque<Runnable> inner = new ArrayDeque<>();
    private final Budget budget;

    /** The line of the statement that is looked at, for messages. */
    private int line;

    ScopeAnalysis(Limits limits) {
        this.budget = new Budget(limits);
    }

    /** @throws Fault where the template nests too deep, or uses a filter or a test that does not exist. */
    Scope run(List<Statement> template) {
        Scope scope = new Scope();
        new Block(scope).statements(template);
        while (!inner.isEmpty()) {
            inner.poll().run();
        }
        return scope;
    }

    int line() {
        return line;
    }

    /** Visits what belongs to one scope; blocks with scopes of their own are put aside. */
    private final class Block {
        private final Scope scope;

        /** How many {@code if} stand around: assignments may be left out there. */
        private int conditions;

        Block(Scope scope) {
            this.scope = scope;
        }

        private void within(Scope own, Consumer<Block> visit) {
            inner.add(() -> {
                own.setParent(scope);
                visit.accept(new Block(own));
            });
        }

        void statements(List<Statement> all) {
            budget.enter();
            for (Statement statement : all) {
                statement(statement);
            }
            budget.leave();
        }

        private void statement(Statement statement) {
            line = statement.line();
            switch (statement) {
                case Data data -> {}
                case Break end -> {}
                case Continue next -> {}
                case Print print -> expression(print.value());
                case If condition -> condition(condition);
                case For loop -> loop(loop);
                case Assign assign -> {
                    expression(assign.value());
                    target(assign.target());
                }
                case AssignBlock assign -> {
                    target(assign.target());
                    within(assign.scope(), block -> {
                        block.statements(assign.body());
                        block.filter(assign.filter());
                    });
                }
                case MacroDefinition definition -> {
                    scope.store(definition.macro().name(), conditions > 0);
                    macro(definition.macro(), definition.line());
                }
                case CallBlock call -> {
                    expression(call.call());
                    macro(call.body(), call.line());
                }
                case Generation generation -> macro(generation.body(), generation.line());
                case FilterBlock filter -> {
                    filter(filter.filter());
                    within(filter.scope(), block -> {
                        block.statements(filter.body());
                        block.filter(filter.filter());
                    });
                }
                case With with -> {
                    with.values().forEach(this::expression);
                    within(with.scope(), block -> {
                        with.targets().forEach(block::parameter);
                        block.statements(with.body());
                    });
                }
            }
        }

        private void filter(Filtered filter) {
            if (filter != null) {
                expression(filter);
            }
        }

        private void condition(If condition) {
            conditions++;
            for (Branch branch : condition.branches()) {
                expression(branch.test());
                statements(branch.body());
            }
            statements(condition.otherwise());
            conditions--;
        }

        private void loop(For loop) {
            expression(loop.iterable());
            if (UndeclaredNames.assigns(loop, "loop", budget)) {
                throw Fault.syntax(loop.line(), "'loop' cannot be assigned to within a loop.");
            }
            within(loop.scopes().body(), block -> {
                if (loop.recursive() || UndeclaredNames.in(loop.body(), "loop", budget)) {
                    block.scope.declareParameter("loop");
                }
                block.parameter(loop.target());
                block.statements(loop.body());
            });
            if (loop.filter() != null) {
                within(loop.scopes().filter(), block -> {
                    block.parameter(loop.target());
                    block.expression(loop.filter());
                });
            }
            within(loop.scopes().otherwise(), block -> block.statements(loop.otherwise()));
        }

        private void macro(MacroBody macro, int line) {
            boolean callerNeedsDefault = macro.parameters().stream()
                    .anyMatch(p -> p.name().equals(MacroBody.CALLER) && p.otherwise() == null);
            if (callerNeedsDefault && UndeclaredNames.in(macro.body(), MacroBody.CALLER, budget)) {
                throw Fault.syntax(line, "the parameter 'caller' needs a default, or should be left out.");
            }
            within(macro.scope(), block -> {
                for (Parameter parameter : macro.parameters()) {
                    block.scope.declareParameter(parameter.name());
                }
                for (Parameter parameter : macro.parameters()) {
                    if (parameter.otherwise() != null) {
                        block.expression(parameter.otherwise());
                    }
                }
                block.statements(macro.body());
                for (String special : MacroBody.SPECIAL_NAMES) {
                    if (UndeclaredNames.in(macro.body(), special, budget)) {
                        block.scope.declareParameter(special);
                    }
                }
            });
        }

        /** A name that the block is given. */
        private void parameter(Target target) {
            switch (target) {
                case NameTarget name -> scope.declareParameter(name.name());
                case NamespaceTarget namespace -> scope.load(namespace.namespace());
                case TupleTarget tuple -> tuple.parts().forEach(this::parameter);
            }
        }

        private void target(Target target) {
            switch (target) {
                case NameTarget name -> scope.store(name.name(), conditions > 0);
                case NamespaceTarget namespace -> scope.load(namespace.namespace());
                case TupleTarget tuple -> tuple.parts().forEach(this::target);
            }
        }

        private void expression(Expression expression) {
            budget.enter();
            switch (expression) {
                case Name name -> scope.load(name.name());
                case Filtered filtered ->
                    require(Filters.exists(filtered.name()), "filter", filtered.name(), filtered.line());
                case Tested tested -> require(ValueTests.exists(tested.name()), "test", tested.name(), tested.line());
                default -> {}
            }
            boolean condition = expression instanceof Conditional;
            conditions += condition ? 1 : 0;
            Walk.children(expression, this::expression);
            conditions -= condition ? 1 : 0;
            budget.leave();
        }

        private void require(boolean exists, String what, String name, int line) {
            if (!exists && conditions == 0) {
                throw Fault.syntax(line, "there is no " + what + " '" + name + "'.");
            }
        }
    }
}
