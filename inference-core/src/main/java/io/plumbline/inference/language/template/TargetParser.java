package io.plumbline.inference.language.template;

import io.plumbline.inference.language.template.Target.NameTarget;
import io.plumbline.inference.language.template.Target.NamespaceTarget;
import io.plumbline.inference.language.template.Target.TupleTarget;
import io.plumbline.inference.language.template.Token.Kind;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** Reads where values are put: names, tuples of them, and for {@code set} attributes of namespaces. */
final class TargetParser {
    private static final Set<String> RESERVED = Set.of("true", "True", "false", "False", "none", "None");

    private final TokenStream tokens;

    TargetParser(TokenStream tokens) {
        this.tokens = tokens;
    }

    /** @param end the name that ends the target, as {@code in} does; or null. */
    Target target(String end, boolean withNamespace) {
        List<Target> parts = new ArrayList<>();
        boolean comma = false;
        while (!(end != null && tokens.isName(end)) && !tokens.is(Symbol.RIGHT_PARENTHESIS)) {
            parts.add(part(withNamespace));
            if (!tokens.skip(Symbol.COMMA)) {
                break;
            }
            comma = true;
        }
        if (parts.isEmpty()) {
            throw tokens.unexpected("a name to assign to");
        }
        return comma ? new TupleTarget(List.copyOf(parts)) : parts.getFirst();
    }

    private Target part(boolean withNamespace) {
        if (tokens.skip(Symbol.LEFT_PARENTHESIS)) {
            tokens.enter();
            Target inner = target(null, false);
            tokens.leave();
            tokens.expect(Symbol.RIGHT_PARENTHESIS);
            return inner;
        }
        if (withNamespace && tokens.current().is(Kind.NAME) && tokens.ahead().is(Symbol.DOT)) {
            String namespace = tokens.next().text();
            tokens.next();
            return new NamespaceTarget(namespace, tokens.expect(Kind.NAME).text());
        }
        return new NameTarget(name());
    }

    /** One name that may be assigned to. */
    String name() {
        Token token = tokens.expect(Kind.NAME);
        if (RESERVED.contains(token.text())) {
            throw Fault.syntax(token.line(), "'" + token.text() + "' cannot be assigned to.");
        }
        return token.text();
    }
}
