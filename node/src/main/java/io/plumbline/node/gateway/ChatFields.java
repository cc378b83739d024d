package io.plumbline.node.gateway;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.BooleanNode;
import com.fasterxml.jackson.databind.node.IntNode;
import com.fasterxml.jackson.databind.node.TextNode;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * The fields that clients put into a chat completion's body: OpenAI's, and those that vLLM, SGLang and llama.cpp take
 * beside them. One that would change the answer and is not honoured is refused by name, unless it asks for nothing.
 */
final class ChatFields {
    private static final Set<String> HONOURED = with(
            "messages",
            "max_completion_tokens",
            "top_logprobs",
            "tools",
            "tool_choice",
            "parallel_tool_calls",
            "chat_template_kwargs",
            "reasoning_effort");

    private static final Set<String> HONOURED_OF_TEXT = with("prompt");

    /** These, and what both APIs for text have. */
    private static Set<String> with(String... own) {
        Set<String> honoured = new HashSet<>(Set.of(own));
        honoured.addAll(AnswerForm.FIELDS);
        honoured.addAll(List.of(
                "model",
                "max_tokens",
                "n",
                "logprobs",
                "seed",
                "temperature",
                "top_k",
                "top_p",
                "min_p",
                "presence_penalty",
                "frequency_penalty",
                "repetition_penalty",
                "logit_bias",
                "stop",
                "stream",
                "stream_options",
                "plumbline"));
        return Set.copyOf(honoured);
    }

    /** About the client's and its provider's books, and how soon an answer comes; never about what it says. */
    private static final Set<String> HARMLESS = Set.of(
            "user",
            "metadata",
            "store",
            "service_tier",
            "safety_identifier",
            "prompt_cache_key",
            "prompt_cache_retention",
            "cache_prompt",
            "prediction",
            "priority",
            "request_id");

    private static final Map<String, List<JsonNode>> NEUTRAL = neutral();

    /** Of {@code plumbline}, in both APIs. */
    private static final Set<String> EXTENSION = Set.of("level", "node", "max_price", "prefer", "disclose");

    /** Facts and files stand before a user's message, and a text completion has none. */
    private static final Map<String, List<JsonNode>> TEXT_SOURCES =
            NamedSources.FIELDS.stream().collect(Collectors.toMap(field -> field, field -> List.of()));

    private ChatFields() {}

    private static Map<String, List<JsonNode>> neutral() {
        JsonNode none = Http.MAPPER.createObjectNode();
        JsonNode empty = Http.MAPPER.createArrayNode();
        JsonNode zero = IntNode.valueOf(0);
        JsonNode one = IntNode.valueOf(1);
        Map<String, List<JsonNode>> neutral = new HashMap<>();
        for (String name : List.of("functions", "documents", "stop_token_ids", "bad_words")) {
            neutral.put(name, List.of(empty));
        }
        for (String name : List.of("function_call")) {
            neutral.put(name, List.of(TextNode.valueOf("none"), TextNode.valueOf("auto")));
        }
        neutral.put("chat_template_kwargs", List.of(none));
        neutral.put("modalities", List.of(Http.MAPPER.createArrayNode().add("text")));
        for (String name :
                List.of("min_tokens", "top_a", "mirostat", "dry_multiplier", "xtc_probability", "dynatemp_range")) {
            neutral.put(name, List.of(zero));
        }
        for (String name : List.of("repeat_penalty", "length_penalty", "typical_p", "tfs_z", "best_of")) {
            neutral.put(name, List.of(one));
        }
        for (String name : List.of(
                "echo",
                "ignore_eos",
                "use_beam_search",
                "include_stop_str_in_output",
                "continue_final_message",
                "add_special_tokens",
                "return_token_ids",
                "return_tokens_as_token_ids")) {
            neutral.put(name, List.of(BooleanNode.FALSE));
        }
        for (String name : List.of("add_generation_prompt", "skip_special_tokens", "spaces_between_special_tokens")) {
            neutral.put(name, List.of(BooleanNode.TRUE));
        }
        for (String name : List.of(
                "chat_template",
                "prompt",
                "suffix",
                "messages",
                "audio",
                "logits_processors",
                "prompt_logprobs",
                "truncate_prompt_tokens",
                "reasoning",
                "reasoning_effort",
                "reasoning_format",
                "thinking",
                "enable_thinking",
                "verbosity",
                "web_search_options",
                "samplers")) {
            neutral.put(name, List.of());
        }
        return Map.copyOf(neutral);
    }

    /** As {@link #check}, of a text completion. */
    static void checkText(RequestFields fields) {
        fields.requireOnly(HONOURED_OF_TEXT, HARMLESS, NEUTRAL);
        checkOptions(fields);
        fields.object("plumbline").requireOnly(EXTENSION, Set.of(), TEXT_SOURCES);
    }

    /** @throws ApiException naming a field that is not honoured, or not known. */
    static void check(RequestFields fields) {
        fields.requireOnly(HONOURED, HARMLESS, NEUTRAL);
        checkOptions(fields);
        Set<String> extension = new HashSet<>(EXTENSION);
        extension.addAll(NamedSources.FIELDS);
        fields.object("plumbline").requireOnly(extension, Set.of(), Map.of());
    }

    private static void checkOptions(RequestFields fields) {
        fields.object("stream_options")
                .requireOnly(
                        Set.of("include_usage"),
                        Set.of("include_obfuscation"),
                        Map.of("continuous_usage_stats", List.of(BooleanNode.FALSE)));
    }
}
