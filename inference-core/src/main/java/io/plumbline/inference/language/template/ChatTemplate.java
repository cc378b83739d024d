package io.plumbline.inference.language.template;

import java.time.Clock;
import java.time.LocalDateTime;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * A model's chat template. Parsed once; does not change, and may be rendered by several threads at a time. What it
 * renders is data to it, whatever its contents: see the package's description.
 */
public final class ChatTemplate {
    /** Variables that transformers passes to every template, also where a caller names none of them. */
    private static final List<String> ABSENT = List.of("tools", "documents");

    private final List<Statement> statements;
    private final Scope scope;
    private final Limits limits;
    private final Set<String> names;

    /**
     * Reads a template.
     *
     * @throws TemplateException where it is not what transformers would compile, or goes beyond the limits.
     */
    public ChatTemplate(String source) {
        this(source, Limits.DEFAULT);
    }

    /** As {@link #ChatTemplate(String)}, with other limits than {@link Limits#DEFAULT}. */
    public ChatTemplate(String source, Limits limits) {
        this.limits = limits;
        ScopeAnalysis analysis = new ScopeAnalysis(limits);
        try {
            if (source.length() > limits.sourceCharacters()) {
                throw Fault.limit("its source has more than " + limits.sourceCharacters() + " characters.");
            }
            List<Token> tokens = Lexer.tokens(source);
            this.names = tokens.stream()
                    .filter(token -> token.is(Token.Kind.NAME))
                    .map(Token::text)
                    .collect(Collectors.toSet());
            this.statements = new StatementParser(new TokenStream(tokens, limits.nesting())).template();
            this.scope = analysis.run(statements);
        } catch (Fault fault) {
            throw fault.exception(analysis.line(), true);
        }
    }

    /**
     * Whether the template can ask for the day, by {@code strftime_now}: its prompts are the same only for the same
     * clock.
     */
    public boolean usesClock() {
        return hasName(Globals.STRFTIME_NOW);
    }

    /** Whether a name stands in the template: it does nothing with a variable of a name that does not. */
    public boolean hasName(String name) {
        return names.contains(name);
    }

    /**
     * Renders a conversation.
     *
     * @param variables by name: {@code messages}, {@code add_generation_prompt}, {@code bos_token} and others, as null,
     *     Booleans, numbers, texts, collections, and maps with texts as keys. {@code tools} and {@code documents} are
     *     none, and {@code add_generation_prompt} is false, where they are not given.
     * @param clock what {@code strftime_now} reads, in its zone; read once.
     * @throws TemplateException where the template refuses the conversation, cannot be rendered with it, or goes beyond
     *     the limits.
     */
    public String render(Map<String, ?> variables, Clock clock) {
        Map<String, Object> all = new HashMap<>();
        ABSENT.forEach(name -> all.put(name, null));
        all.put("add_generation_prompt", false);
        all.putAll(variables);
        Budget budget = new Budget(limits);
        Interpreter interpreter = null;
        try {
            interpreter = new Interpreter(budget, new Variables(all, budget), LocalDateTime.now(clock));
            return interpreter.render(statements, scope);
        } catch (Fault fault) {
            throw fault.exception(interpreter == null ? 0 : interpreter.line(), false);
        }
    }
}
