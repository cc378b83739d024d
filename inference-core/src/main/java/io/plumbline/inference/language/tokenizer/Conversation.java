package io.plumbline.inference.language.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;
import io.plumbline.inference.language.sources.PromptSources;
import io.plumbline.inference.language.tokenizer.ChatTokenizer.Message;
import io.plumbline.verifier.lightclient.TrustedLedger;
import java.util.ArrayList;
import java.util.List;

/**
 * The messages of a conversation, the tools that the model may call, the facts and files that it is told, and what its
 * chat template is.
 *
 * @param messages at least one.
 * @param tools each an object {@code {"type": "function", "function": {"name", "description", "parameters"}}}; empty
 *     for none.
 * @param sources null for none.
 * @param options that the model's chat template is told.
 */
public record Conversation(
        List<Message> messages, List<JsonNode> tools, PromptSources sources, TemplateOptions options) {
    public Conversation {
        messages = List.copyOf(messages);
        tools = List.copyOf(tools);
    }

    /** One of messages alone. */
    public static Conversation of(List<Message> messages) {
        return new Conversation(messages, List.of(), null, TemplateOptions.NONE);
    }

    /** Whether tools have answered in it. */
    boolean hasAnswers() {
        return messages.stream().anyMatch(message -> message.role().equals(ChatMessages.TOOL));
    }

    /**
     * The same with its facts and files as text, before the last message of the user.
     *
     * @param ledger that facts are proven by; null where none is known.
     * @param time seconds since 1970 at which they must be fresh.
     * @throws IllegalArgumentException where one is not proven, or the user says nothing.
     */
    Conversation told(TrustedLedger ledger, long time) {
        if (sources == null) {
            return this;
        }
        int last = messages.size() - 1;
        while (last >= 0 && !messages.get(last).role().equals(ChatMessages.USER)) {
            last--;
        }
        if (last < 0) {
            throw new IllegalArgumentException("Facts and files stand before a user's message, and there is none.");
        }
        Message message = messages.get(last);
        String text = sources.rendered(ledger, time) + "\n\n" + message.content();
        ChatMessages.requireCharacters(text, "what facts and files become");
        List<Message> told = new ArrayList<>(messages);
        told.set(last, new Message(message.role(), text, message.more(), message.toolCalls()));
        return new Conversation(told, tools, null, options);
    }
}
