package io.plumbline.inference.tokenizer;

import com.hubspot.jinjava.Jinjava;
import com.hubspot.jinjava.JinjavaConfig;
import com.hubspot.jinjava.LegacyOverrides;
import com.hubspot.jinjava.el.JinjavaInterpreterResolver;
import com.hubspot.jinjava.interpret.Context;
import com.hubspot.jinjava.interpret.RenderResult;
import com.hubspot.jinjava.interpret.TemplateError;
import com.hubspot.jinjava.lib.fn.ELFunctionDefinition;
import io.plumbline.inference.tokenizer.ChatTokenizer.Message;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import jinjava.javax.el.CompositeELResolver;

/** A model's chat template: Jinja as the Hugging Face libraries run it, blocks trimmed and Python's string methods at hand. */
final class ChatTemplate {
    private final Jinjava jinja;
    private final String source;
    private final Map<String, Object> specials;

    /** @param specials values every rendering sees: {@code bos_token}, {@code eos_token}. */
    ChatTemplate(String source, Map<String, Object> specials) {
        this.source = JinjaSource.prepare(source);
        this.specials = specials;
        CompositeELResolver resolver = new CompositeELResolver();
        resolver.add(new PythonStrings());
        resolver.add(JinjavaInterpreterResolver.DEFAULT_RESOLVER_READ_ONLY);
        this.jinja = new Jinjava(JinjavaConfig.newBuilder()
                .withKeepTrailingNewline(true)
                .withElResolver(resolver)
                .withLegacyOverrides(LegacyOverrides.newBuilder()
                        .withEvaluateMapKeys(true)
                        .withUsePyishObjectMapper(true)
                        .withUseNaturalOperatorPrecedence(true)
                        .build())
                .build());
        Context global = jinja.getGlobalContext();
        global.registerFunction(
                new ELFunctionDefinition("", "raise_exception", ChatTemplate.class, "raiseException", String.class));
    }

    /** What templates call when a conversation has a form the model was not trained on. */
    public static Object raiseException(String message) {
        throw new IllegalArgumentException(message);
    }

    /**
     * The prompt of a conversation.
     *
     * @throws IllegalArgumentException when the template refuses the conversation, or cannot be rendered.
     */
    String render(List<Message> messages) {
        List<Map<String, Object>> list = new ArrayList<>();
        for (Message message : messages) {
            list.add(Map.of("role", message.role(), "content", message.content()));
        }
        Map<String, Object> context = new HashMap<>(specials);
        context.put("messages", list);
        context.put("add_generation_prompt", true);
        RenderResult result = jinja.renderForResult(source, context);
        for (TemplateError error : result.getErrors()) {
            Throwable cause = error.getException();
            while (cause != null && !(cause instanceof IllegalArgumentException)) {
                cause = cause.getCause();
            }
            String why = cause == null ? error.getMessage() : cause.getMessage();
            throw new IllegalArgumentException("The model's chat template refuses these messages: " + why);
        }
        return result.getOutput();
    }
}
