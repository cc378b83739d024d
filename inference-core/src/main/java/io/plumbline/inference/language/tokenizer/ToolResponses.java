package io.plumbline.inference.language.tokenizer;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.TextNode;
import io.plumbline.inference.json.FiniteNumbers;
import io.plumbline.inference.language.tokenizer.ChatTokenizer.Message;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;

/**
 * What tools have answered, as Gemma 4's first chat templates take it: beside the calls, in the message that has them
 * and what is said after them. They know no messages of tools, and would show them as turns of somebody else.
 */
final class ToolResponses {
    /** The field that a template asks for. */
    static final String FIELD = "tool_responses";

    /** What such a template writes before one. */
    static final String MARK = "<|tool_response>";

    private static final ObjectMapper MAPPER = FiniteNumbers.mapper();

    private ToolResponses() {}

    /** A message, and what tools have answered to its calls. */
    record Turn(Message message, List<Message> answers) {
        /** The answers as a template takes them, their texts marked. */
        List<Object> responses(UnaryOperator<String> texts) {
            List<Object> all = new ArrayList<>();
            for (Message answer : answers) {
                Map<String, Object> one = new LinkedHashMap<>();
                String name = answer.more().get("name");
                if (name != null) {
                    one.put("name", name);
                }
                one.put("response", JsonData.of(response(answer.content()), texts));
                all.add(one);
            }
            return all;
        }
    }

    /** An object, which a template shows by its members, or the text. */
    private static JsonNode response(String content) {
        if (content.stripLeading().startsWith("{")) {
            try {
                JsonNode json = MAPPER.readTree(content);
                ChatMessages.requireTexts(json, "What a tool answered");
                return json;
            } catch (JsonProcessingException | IllegalArgumentException e) {
                // A text then.
            }
        }
        return TextNode.valueOf(content);
    }

    /**
     * The conversation with answers beside their calls. What was said before a call is a message of its own: such a
     * template writes a content behind the calls.
     */
    static List<Turn> turns(List<Message> messages) {
        List<Turn> turns = new ArrayList<>();
        for (int i = 0; i < messages.size(); i++) {
            Message message = messages.get(i);
            List<Message> answers = new ArrayList<>();
            while (!message.toolCalls().isEmpty() && isAnswer(messages, i + 1)) {
                answers.add(messages.get(++i));
            }
            if (answers.isEmpty()) {
                turns.add(new Turn(message, answers));
                continue;
            }
            if (!message.content().isBlank()) {
                turns.add(new Turn(new Message(message.role(), message.content()), List.of()));
            }
            boolean isGoneOn = i + 1 < messages.size()
                    && messages.get(i + 1).role().equals(message.role())
                    && messages.get(i + 1).toolCalls().isEmpty()
                    && !messages.get(i + 1).content().isBlank();
            String after = isGoneOn ? messages.get(++i).content() : "";
            turns.add(new Turn(new Message(message.role(), after, message.more(), message.toolCalls()), answers));
        }
        return turns;
    }

    private static boolean isAnswer(List<Message> messages, int index) {
        return index < messages.size() && messages.get(index).role().equals(ChatMessages.TOOL);
    }
}
