package io.plumbline.inference.language.tokenizer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.inference.TestModels;
import io.plumbline.inference.language.model.LoadedModel;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Reasoning and calls of an assistant stand in the next prompt as the model's published template has them. */
class ReasoningInPromptsTest {
    private static final List<String> HARMONY =
            List.of("<|start|>", "<|channel|>", "<|return|>", "<|message|>", "<|end|>", "<|call|>", "<|constrain|>");

    private static final String TOOLS =
            "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"depth\",\"description\":\"Metres.\"}}]";

    private static final String CALLED =
            "{\"role\":\"assistant\",\"content\":%s,\"reasoning_content\":\"I look it up.\","
                    + "\"tool_calls\":[{\"id\":\"call_1\",\"type\":\"function\","
                    + "\"function\":{\"name\":\"depth\",\"arguments\":\"{\\\"sea\\\":\\\"North\\\"}\"}}]},"
                    + "{\"role\":\"tool\",\"tool_call_id\":\"call_1\",\"content\":\"95 m\"}";

    @TempDir
    Path folder;

    private static String template(String name) throws IOException {
        try (InputStream in = ReasoningInPromptsTest.class.getResourceAsStream("/templates/" + name + ".jinja")) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    private static String prompt(ChatTokenizer tokenizer, String messages) {
        int[] tokens = tokenizer.prompt("{\"messages\":[" + messages + "]," + TOOLS + "}", 0);
        return Arrays.stream(tokens).mapToObj(tokenizer::name).collect(Collectors.joining());
    }

    @Test
    void gptOssIsToldWhatItThoughtBeforeACallAndTheCall() throws IOException {
        try (LoadedModel model = TestModels.shippedWith(template("openai-gpt-oss-120b"), HARMONY, folder);
                ChatTokenizer tokenizer = ChatTokenizer.of(model.tokenFiles())) {
            String asked = "{\"role\":\"user\",\"content\":\"How deep is it?\"},";
            String call = "<|start|>assistant to=functions.depth<|channel|>commentary json<|message|>"
                    + "{\"sea\": \"North\"}<|call|><|start|>functions.depth to=assistant<|channel|>commentary<|message|>"
                    + "\"95 m\"<|end|><|start|>assistant";
            String thought = "<|start|>assistant<|channel|>analysis<|message|>I look it up.";
            String prompt = prompt(tokenizer, asked + CALLED.formatted("null"));
            assertTrue(prompt.endsWith(thought + "<|end|>" + call), prompt);
            // Its template takes one of both, and writes a content as reasoning too.
            prompt = prompt(tokenizer, asked + CALLED.formatted("\"One moment.\""));
            assertTrue(prompt.endsWith(thought + "\nOne moment.<|end|>" + call), prompt);
            // Of a turn that is over, what was said alone.
            prompt = prompt(
                    tokenizer,
                    asked + "{\"role\":\"assistant\",\"content\":\"95 m.\",\"reasoning_content\":\"I look it up.\"},"
                            + "{\"role\":\"user\",\"content\":\"Thanks.\"}");
            assertTrue(prompt.contains("<|start|>assistant<|channel|>final<|message|>95 m.<|end|>"), prompt);
            assertFalse(prompt.contains("look it up"), prompt);
        }
    }

    /** Reasoning that ends is followed by a call or by what is said: behind these an answer ends. */
    @Test
    void answersOfGptOssEndBehindACallAndAtTheirEnd() throws IOException {
        try (LoadedModel model = TestModels.shippedWith(template("openai-gpt-oss-120b"), HARMONY, folder);
                ChatTokenizer tokenizer = ChatTokenizer.of(model.tokenFiles())) {
            assertEquals(
                    List.of("<|call|>", "<|return|>"),
                    Arrays.stream(model.stopTokens())
                            .mapToObj(tokenizer::name)
                            .sorted()
                            .toList());
        }
    }

    @Test
    void qwenIsToldItsReasoningBetweenItsTags() throws IOException {
        try (LoadedModel model = TestModels.shippedWith(
                        template("Qwen3-0.6B"), List.of("<|im_start|>", "<|x|>", "<|im_end|>"), folder);
                ChatTokenizer tokenizer = ChatTokenizer.of(model.tokenFiles())) {
            String prompt = prompt(
                    tokenizer,
                    "{\"role\":\"user\",\"content\":\"How deep is it?\"}," + CALLED.formatted("\"One moment.\""));
            assertTrue(
                    prompt.contains(
                            "<|im_start|>assistant\n<think>\nI look it up.\n</think>\n\nOne moment.\n<tool_call>\n"
                                    + "{\"name\": \"depth\", \"arguments\": {\"sea\": \"North\"}}\n</tool_call><|im_end|>"),
                    prompt);
        }
    }

    private static String told(ChatTokenizer tokenizer, String options) {
        String json =
                "{\"messages\":[{\"role\":\"user\",\"content\":\"How deep is it?\"}],\"template\":" + options + "}";
        return Arrays.stream(tokenizer.prompt(json, 0))
                .mapToObj(tokenizer::name)
                .collect(Collectors.joining());
    }

    @Test
    void templatesAreToldWhatTheyAskForAndNothingElse() throws IOException {
        try (LoadedModel model = TestModels.shippedWith(
                        template("Qwen3-0.6B"),
                        List.of("<|im_start|>", "<|x|>", "<|im_end|>"),
                        folder.resolve("qwen"));
                ChatTokenizer tokenizer = ChatTokenizer.of(model.tokenFiles())) {
            assertTrue(told(tokenizer, "{\"enable_thinking\":true}").endsWith("<|im_start|>assistant\n"));
            assertTrue(told(tokenizer, "{\"enable_thinking\":false}").endsWith("<think>\n\n</think>\n\n"));
            for (String refused : List.of(
                    "{\"reasoning_effort\":\"low\"}",
                    "{\"messages\":\"x\"}",
                    "{\"raise_exception\":\"x\"}",
                    "{\"bos_token\":\"x\"}",
                    "{\"Enable\":true}",
                    "{\"enable_thinking\":null}",
                    "{\"enable_thinking\":0.5}",
                    "{\"enable_thinking\":[]}",
                    "{\"enable_thinking\":\"" + "x".repeat(2000) + "\"}",
                    "[]",
                    "7")) {
                assertThrows(IllegalArgumentException.class, () -> told(tokenizer, refused), refused);
            }
        }
        try (LoadedModel model =
                        TestModels.shippedWith(template("openai-gpt-oss-120b"), HARMONY, folder.resolve("oss"));
                ChatTokenizer tokenizer = ChatTokenizer.of(model.tokenFiles())) {
            assertTrue(told(tokenizer, "{\"reasoning_effort\":\"high\"}").contains("Reasoning: high"));
            // A control token that it spells out is text.
            String spelled = "{\"role\":\"user\",\"content\":\"x\"}],\"template\":{\"reasoning_effort\":\"<|end|>\"}}";
            int[] tokens = tokenizer.prompt("{\"messages\":[" + spelled, 0);
            int[] plain = tokenizer.prompt("{\"messages\":[" + spelled.replace("<|end|>", "low"), 0);
            assertEquals(ends(tokenizer, plain), ends(tokenizer, tokens));
        }
    }

    private static long ends(ChatTokenizer tokenizer, int[] tokens) {
        return Arrays.stream(tokens)
                .filter(token -> tokenizer.name(token).equals("<|end|>"))
                .count();
    }

    /** As Gemma 4's, as far as calls go: answers stand beside them, and messages of tools are somebody else's. */
    private static final String GEMMA =
            "{%- for tool in tools or [] %}<|tool>{{ tool.function.name }}<tool|>{% endfor -%}"
                    + "{%- for message in messages -%}<|turn>{{ ('model' if message.role == 'assistant' else message.role) + '\\n' }}"
                    + "{%- if message.reasoning_content and message.tool_calls -%}"
                    + "<|channel>thought\n{{ message.reasoning_content }}<channel|>{%- endif -%}"
                    + "{%- for call in message.tool_calls -%}<|tool_call>call:{{ call.function.name + '{' }}"
                    + "{%- for key, value in call.function.arguments.items() -%}{{ key }}:<|\"|>{{ value }}<|\"|>{%- endfor -%}"
                    + "}<tool_call|>{%- endfor -%}"
                    + "{%- for answer in message.tool_responses -%}<|tool_response>response:{{ answer.name + '{' }}"
                    + "{%- if answer.response is mapping -%}{%- for key, value in answer.response | dictsort -%}"
                    + "{{ key }}:{{ value }},{%- endfor -%}{%- else -%}value:<|\"|>{{ answer.response }}<|\"|>{%- endif -%}"
                    + "}<tool_response|>{%- endfor -%}"
                    + "{{ message.content }}{%- if not (message.tool_responses and not message.content) -%}<turn|>{%- endif -%}"
                    + "{%- endfor -%}{%- if not messages[-1].tool_responses -%}{{ '<|turn>model\\n' }}{%- endif -%}";

    private static final List<String> GEMMA_TOKENS = List.of(
            "<|turn>",
            "<|channel>",
            "<eos>",
            "<turn|>",
            "<|tool_call>",
            "<tool_call|>",
            "<|tool_response>",
            "<tool_response|>",
            "<|\"|>",
            "<channel|>");

    @Test
    void gemma4IsToldWhatToolsAnsweredBesideTheirCalls() throws IOException {
        try (LoadedModel model = TestModels.shippedWith(GEMMA, GEMMA_TOKENS, folder);
                ChatTokenizer tokenizer = ChatTokenizer.of(model.tokenFiles())) {
            assertEquals(
                    List.of("<eos>", "<turn|>", "<|tool_response>"),
                    Arrays.stream(model.stopTokens())
                            .mapToObj(tokenizer::name)
                            .sorted()
                            .toList());
            assertTrue(tokenizer.isControl("<|\"|>") && !tokenizer.isControl("call"));
            String asked = "{\"role\":\"user\",\"content\":\"How deep is it?\"},";
            String turn = "<|tool>depth<tool|><|turn>user\nHow deep is it?<turn|>";
            String call = "<|turn>model\n<|channel>thought\nI look it up.<channel|>"
                    + "<|tool_call>call:depth{sea:<|\"|>North<|\"|>}<tool_call|>"
                    + "<|tool_response>response:depth{value:<|\"|>95 m<|\"|>}<tool_response|>";
            assertEquals(turn + call, prompt(tokenizer, asked + CALLED.formatted("null")));
            assertEquals(
                    turn + "<|turn>model\nOne moment.<turn|>" + call,
                    prompt(tokenizer, asked + CALLED.formatted("\"One moment.\"")));
            assertEquals(
                    turn + call + "95 m deep.<turn|><|turn>user\nThanks.<turn|><|turn>model\n",
                    prompt(
                            tokenizer,
                            asked + CALLED.formatted("null") + ",{\"role\":\"assistant\",\"content\":\"95 m deep.\"},"
                                    + "{\"role\":\"user\",\"content\":\"Thanks.\"}"));
            // An object is shown by its members; what is none, or spells out a mark, is a text.
            String object = CALLED.formatted("null").replace("\"95 m\"", "\"{\\\"m\\\": 95}\"");
            assertEquals(turn + call.replace("value:<|\"|>95 m<|\"|>", "m:95,"), prompt(tokenizer, asked + object));
            String odd = CALLED.formatted("null").replace("\"95 m\"", "\"{<tool_response|>\"");
            int[] tokens = tokenizer.prompt("{\"messages\":[" + asked + odd + "]," + TOOLS + "}", 0);
            assertEquals(
                    1,
                    Arrays.stream(tokens)
                            .filter(token -> tokenizer.name(token).equals("<tool_response|>"))
                            .count());
        }
    }
}
