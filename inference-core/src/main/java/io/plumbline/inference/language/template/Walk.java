package io.plumbline.inference.language.template;

import io.plumbline.inference.language.template.Expression.And;
import io.plumbline.inference.language.template.Expression.Arithmetic;
import io.plumbline.inference.language.template.Expression.Attribute;
import io.plumbline.inference.language.template.Expression.Call;
import io.plumbline.inference.language.template.Expression.CallArguments;
import io.plumbline.inference.language.template.Expression.Comparison;
import io.plumbline.inference.language.template.Expression.Concatenation;
import io.plumbline.inference.language.template.Expression.Conditional;
import io.plumbline.inference.language.template.Expression.DictLiteral;
import io.plumbline.inference.language.template.Expression.Filtered;
import io.plumbline.inference.language.template.Expression.Item;
import io.plumbline.inference.language.template.Expression.ListLiteral;
import io.plumbline.inference.language.template.Expression.Literal;
import io.plumbline.inference.language.template.Expression.Name;
import io.plumbline.inference.language.template.Expression.Not;
import io.plumbline.inference.language.template.Expression.Or;
import io.plumbline.inference.language.template.Expression.Signed;
import io.plumbline.inference.language.template.Expression.Slice;
import io.plumbline.inference.language.template.Expression.Tested;
import io.plumbline.inference.language.template.Expression.TupleLiteral;
import java.util.function.Consumer;

/** Visits the expressions that an expression consists of. */
final class Walk {
    private Walk() {}

    /** Passes each direct part of {@code expression} to {@code visit}, in Jinja2's order. */
    static void children(Expression expression, Consumer<Expression> visit) {
        switch (expression) {
            case Literal literal -> {}
            case Name name -> {}
            case ListLiteral list -> list.items().forEach(visit);
            case TupleLiteral tuple -> tuple.items().forEach(visit);
            case DictLiteral dict ->
                dict.pairs().forEach(pair -> {
                    visit.accept(pair.key());
                    visit.accept(pair.value());
                });
            case Attribute attribute -> visit.accept(attribute.object());
            case Item item -> {
                visit.accept(item.object());
                visit.accept(item.key());
            }
            case Slice slice -> {
                visit.accept(slice.object());
                optional(slice.start(), visit);
                optional(slice.stop(), visit);
                optional(slice.step(), visit);
            }
            case Call call -> {
                visit.accept(call.callee());
                arguments(call.arguments(), visit);
            }
            case Filtered filtered -> {
                optional(filtered.input(), visit);
                arguments(filtered.arguments(), visit);
            }
            case Tested tested -> {
                visit.accept(tested.input());
                arguments(tested.arguments(), visit);
            }
            case Not not -> visit.accept(not.operand());
            case Signed signed -> visit.accept(signed.operand());
            case Arithmetic arithmetic -> {
                visit.accept(arithmetic.first());
                arithmetic.rest().forEach(operation -> visit.accept(operation.operand()));
            }
            case Concatenation concatenation -> concatenation.parts().forEach(visit);
            case Comparison comparison -> {
                visit.accept(comparison.first());
                comparison.rest().forEach(compared -> visit.accept(compared.operand()));
            }
            case And and -> and.operands().forEach(visit);
            case Or or -> or.operands().forEach(visit);
            case Conditional conditional -> {
                visit.accept(conditional.test());
                visit.accept(conditional.then());
                optional(conditional.otherwise(), visit);
            }
        }
    }

    private static void arguments(CallArguments arguments, Consumer<Expression> visit) {
        arguments.positional().forEach(visit);
        arguments.named().forEach(keyword -> visit.accept(keyword.value()));
        optional(arguments.spread(), visit);
        optional(arguments.spreadNamed(), visit);
    }

    private static void optional(Expression expression, Consumer<Expression> visit) {
        if (expression != null) {
            visit.accept(expression);
        }
    }
}
