package io.plumbline.node.gateway.answer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTimeout;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.plumbline.inference.language.tokenizer.TextStream.Piece;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Answers of each family, as their models write them and as none should, in whatever pieces they come. */
class AnswerReaderTest {
    private static final ObjectMapper JSON = new ObjectMapper();

    /** A template's source as far as formats are told apart by it, and answers with what they are read as. */
    private record Family(String template, String promptEnd, boolean hasTools, Map<String, String> answers) {
        AnswerReader reader() {
            AnswerFormat format = AnswerFormat.of(template, name -> !isSpelled());
            return format.reader(hasTools ? tools(format.calls(), true) : null, false, promptEnd);
        }

        /** Whether its marks are text, and no control tokens. */
        boolean isSpelled() {
            return template.contains("{# as text #}");
        }
    }

    private static ToolUse tools(CallFormat format, boolean mayCallSeveral) {
        try {
            JsonNode parameters = JSON.readTree("""
                    {"type": "object", "properties": {
                      "text": {"type": "string"}, "count": {"type": "integer"}, "is_on": {"type": "boolean"},
                      "list": {"type": "array"}, "any": {}, "maybe": {"type": ["string", "null"]},
                      "kind": {"enum": ["1", "b"]}, "either": {"anyOf": [{"type": "number"}, {"$ref": "#/$defs/name"}]},
                      "loop": {"$ref": "#/properties/loop"}},
                     "$defs": {"name": {"type": "string"}}}""");
            Map<String, JsonNode> tools = new HashMap<>();
            for (String name : List.of("add", "now", "say \"x\"", "get_weather")) {
                tools.put(name, parameters);
            }
            return new ToolUse(format, tools, mayCallSeveral);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static final String TAGGED = "<tool_call>{\"name\", \"arguments\"}";
    private static final String THINK = "<think></think>";
    private static final String CALL = "{\"name\": \"add\", \"arguments\": {\"a\": 1, \"b\": {\"c\": \"<x>\\\"] }\"}}}";
    private static final String READ = "[C add{\"a\":1,\"b\":{\"c\":\"<x>\\\"] }\"}}]";

    private static final Map<String, Family> OTHERS = Map.of(
            "Hermes, Qwen",
            new Family(
                    TAGGED,
                    "",
                    true,
                    answers(
                            "<tool_call>\n" + CALL + "\n</tool_call>",
                            READ,
                            "I add. <t <tool_call>\n" + CALL + "\n</tool_call>\n<tool_call>" + CALL + "</tool_call>\n",
                            "[T I add. <t ]" + READ + READ,
                            "<tool_call>" + CALL,
                            READ,
                            "<tool_call>" + CALL + "</tool_",
                            READ,
                            "<tool_call>" + CALL + "</tool_call> Done.",
                            READ + "[T  Done.]",
                            "<tool_call>[" + CALL + ", " + CALL + "]</tool_call>",
                            READ + READ,
                            "<tool_call>{\"arguments\": {\"a\": [1, \"}\"]}, \"id\": 5, \"name\": \"add\"}</tool_call>",
                            "[C add{\"a\":[1,\"}\"]}]",
                            "<tool_call>{\"name\": \"add\", \"arguments\": {\"a\": \"</tool_call> b\"}}</tool_call>",
                            "[C add{\"a\":\"</tool_call> b\"}]",
                            "<tool_call>{\"name\":\"say \\\"x\\\"\",\"parameters\":{}}</tool_call>",
                            "[C say \"x\"{}]",
                            "<tool_call>" + CALL + "</tool_call>\n\n<tool_call>no",
                            READ + "[T \n\n<tool_call>no]",
                            // No call of a tool that was offered: text, all of it.
                            "",
                            "",
                            "No call <tool_cal",
                            "[T No call <tool_cal]",
                            "<tool_call>no json</tool_call>",
                            "[T <tool_call>no json</tool_call>]",
                            "<tool_call>{\"name\": \"other\", \"arguments\": {}}</tool_call>",
                            "[T <tool_call>{\"name\": \"other\", \"arguments\": {}}</tool_call>]",
                            "<tool_call>{\"name\": \"add\", \"arguments\": 7}</tool_call> and on",
                            "[T <tool_call>{\"name\": \"add\", \"arguments\": 7}</tool_call> and on]",
                            "<tool_call>{\"name\": \"add\"}</tool_call>",
                            "[T <tool_call>{\"name\": \"add\"}</tool_call>]",
                            "<tool_call>{\"name\": \"add\", \"arguments\": {}} x</tool_call>",
                            "[T <tool_call>{\"name\": \"add\", \"arguments\": {}} x</tool_call>]",
                            "<tool_call>{\"name\": \"add\", \"arguments\": {\"a\": tru}} <tool_call>" + CALL
                                    + "</tool_call>",
                            "[T <tool_call>{\"name\": \"add\", \"arguments\": {\"a\": tru}} ]" + READ,
                            "<tool_call>{\"name\": \"add\", \"arguments\": {\"a\": 1, \"a\": 2}}</tool_call>",
                            "[T <tool_call>{\"name\": \"add\", \"arguments\": {\"a\": 1, \"a\": 2}}</tool_call>]",
                            "<tool_call>{\"name\": \"add\", \"name\": \"now\", \"arguments\": {}}</tool_call>",
                            "[T <tool_call>{\"name\": \"add\", \"name\": \"now\", \"arguments\": {}}</tool_call>]",
                            "Cut: <tool_call>{\"name\": \"add\", \"arguments\": {\"a\": [1",
                            "[T Cut: <tool_call>{\"name\": \"add\", \"arguments\": {\"a\": [1]")),
            "Llama 3",
            new Family(
                    "{\"name\": function name, \"parameters\": ",
                    "",
                    true,
                    answers(
                            CALL,
                            READ,
                            "\n" + CALL + "\n",
                            READ,
                            "{\"name\": \"now\", \"parameters\": {}}",
                            "[C now{}]",
                            "⟦<|python_tag|>⟧{\"type\": \"function\", \"name\": \"now\", \"parameters\": {}}⟦<|eom_id|>⟧",
                            "[C now{}]",
                            "⟦<|python_tag|>⟧now.call(query=\"x\")⟦<|eom_id|>⟧",
                            "[T now.call(query=\"x\")]",
                            CALL + " And on.",
                            "[T " + CALL + " And on.]",
                            " \n A text with " + CALL,
                            "[T  \n A text with " + CALL + "]",
                            "{ a set }",
                            "[T { a set }]",
                            " ",
                            "[T  ]",
                            "{\"name\": \"add\"",
                            "[T {\"name\": \"add\"]")),
            "Mistral 7B v0.3",
            new Family(
                    "[TOOL_CALLS]",
                    "",
                    true,
                    answers(
                            "⟦[TOOL_CALLS]⟧ [" + CALL + "]⟦</s>⟧",
                            READ,
                            "[" + CALL + ", {\"name\": \"now\", \"arguments\": {}, \"id\": \"abcdefghi\"} ]",
                            READ + "[C now{}]",
                            "[" + CALL + "] Done.",
                            READ + "[T  Done.]",
                            "[" + CALL + ", {\"name\": \"no\", \"arguments\": {}}]",
                            READ + "[T  {\"name\": \"no\", \"arguments\": {}}]]",
                            "[1, 2]",
                            "[T [1, 2]]",
                            "[ ]",
                            "[T [ ]]",
                            CALL,
                            "[T " + CALL + "]")),
            "Mistral since v11",
            new Family(
                    "[TOOL_CALLS][ARGS]",
                    "",
                    true,
                    answers(
                            "⟦[TOOL_CALLS]⟧add⟦[ARGS]⟧{\"a\": 1}⟦</s>⟧",
                            "[C add{\"a\":1}]",
                            "⟦[TOOL_CALLS]⟧add⟦[CALL_ID]⟧123456789⟦[ARGS]⟧{\"a\": 1}⟦[TOOL_CALLS]⟧now⟦[ARGS]⟧{}⟦</s>⟧",
                            "[C add{\"a\":1}][C now{}]",
                            "Wait.⟦[TOOL_CALLS]⟧now⟦[ARGS]⟧{}",
                            "[T Wait.][C now{}]",
                            "⟦[TOOL_CALLS]⟧now⟦[ARGS]⟧{} Done.",
                            "[C now{}][T  Done.]",
                            "⟦[TOOL_CALLS]⟧now{\"a\": 1}⟦</s>⟧",
                            "[C now{\"a\":1}]",
                            "⟦[TOOL_CALLS]⟧no{\"a\": 1}",
                            "[T no{\"a\": 1}]",
                            "⟦[TOOL_CALLS]⟧no⟦[ARGS]⟧{}",
                            "[T no{}]",
                            "⟦[TOOL_CALLS]⟧now⟦[ARGS]⟧{\"a\": x}⟦[TOOL_CALLS]⟧now⟦[ARGS]⟧{}",
                            "[T now{\"a\": x}][C now{}]",
                            "⟦[TOOL_CALLS]⟧now⟦[ARGS]⟧{\"a\": 1⟦</s>⟧",
                            "[T now{\"a\": 1]",
                            "⟦[TOOL_CALLS]⟧now",
                            "[T now]",
                            // Words are no control tokens.
                            "[TOOL_CALLS]now[ARGS]{}",
                            "[T [TOOL_CALLS]now[ARGS]{}]")),
            "Qwen3-Coder",
            new Family(
                    "<tool_call><function=name>",
                    "",
                    true,
                    answers(
                            "I look.\n<tool_call>\n<function=get_weather>\n<parameter=text>\n12\n</parameter>\n<parameter=count>\n"
                                    + "12\n</parameter>\n</function>\n</tool_call>",
                            "[T I look.\n][C get_weather{\"text\":\"12\",\"count\":12}]",
                            "<tool_call><function=now></function></tool_call>\n<tool_call>\n<function=add>\n"
                                    + "<parameter=list>[1, \"a\"]</parameter><parameter=is_on> true </parameter></function></tool_call>",
                            "[C now{}][C add{\"list\":[1,\"a\"],\"is_on\":true}]",
                            element("text", "\nif a < b:\n    \"c\" </parameter> \\n\n"),
                            "[C add{\"text\":\"if a < b:\\n    \\\"c\\\" </parameter> \\\\n\"}]",
                            element("any", "{\"b\": null}"),
                            "[C add{\"any\":{\"b\":null}}]",
                            element("any", "not json"),
                            "[C add{\"any\":\"not json\"}]",
                            element("count", "twelve"),
                            "[C add{\"count\":\"twelve\"}]",
                            element("unknown", "7"),
                            "[C add{\"unknown\":7}]",
                            element("is_on", "True"),
                            "[C add{\"is_on\":true}]",
                            element("text", "True"),
                            "[C add{\"text\":\"True\"}]",
                            element("maybe", "null"),
                            "[C add{\"maybe\":null}]",
                            element("maybe", "7"),
                            "[C add{\"maybe\":\"7\"}]",
                            element("kind", "1"),
                            "[C add{\"kind\":\"1\"}]",
                            element("either", "7.5"),
                            "[C add{\"either\":7.5}]",
                            element("either", "7"),
                            "[C add{\"either\":7}]",
                            element("either", "x"),
                            "[C add{\"either\":\"x\"}]",
                            element("loop", "7"),
                            "[C add{\"loop\":7}]",
                            "<tool_call>\n<function=no>\n</function>\n</tool_call>",
                            "[T <tool_call>\n<function=no>\n</function>\n</tool_call>]",
                            "<tool_call><function=add><parameter=text>x</function></tool_call>",
                            "[T <tool_call><function=add><parameter=text>x</function></tool_call>]",
                            "<tool_call><function=add></function>",
                            "[T <tool_call><function=add></function>]",
                            "<tool_call>" + CALL + "</tool_call>",
                            "[T <tool_call>" + CALL + "</tool_call>]")),
            "GLM-4.5",
            new Family(
                    "<tool_call>{name}<arg_key>" + THINK,
                    "<|assistant|>",
                    true,
                    answers(
                            "\n<think>Look.</think>\nI look.\n<tool_call>get_weather\n<arg_key>text</arg_key>\n<arg_value>New York"
                                    + "</arg_value>\n<arg_key>count</arg_key>\n<arg_value>3</arg_value>\n</tool_call>",
                            "[R Look.][T I look.\n][C get_weather{\"text\":\"New York\",\"count\":3}]",
                            "\n<think></think>\n<tool_call>now\n</tool_call>",
                            "[C now{}]",
                            "<tool_call>add<arg_key>a</arg_key></tool_call>",
                            "[T <tool_call>add<arg_key>a</arg_key></tool_call>]",
                            "<tool_call>add",
                            "[T <tool_call>add]")),
            "Qwen3, which may reason",
            new Family(
                    TAGGED + THINK,
                    "<|im_start|>assistant\n",
                    true,
                    answers(
                            "<think>\nIt is <b>. </th\n\n</think>\n\nHello <think>!",
                            "[R It is <b>. </th][T Hello <think>!]",
                            "<think>\n\n</think>\n\nHello",
                            "[T Hello]",
                            "\n Hello </think>",
                            "[T \n Hello </think>]",
                            "<think>\nAdd.\n</think>\n\n<tool_call>\n" + CALL + "\n</tool_call>⟦<|im_end|>⟧",
                            "[R Add.]" + READ,
                            "<think>\nOn and on \n",
                            "[R On and on]",
                            "<think> a </thi",
                            "[R a </thi]",
                            "<think></thi",
                            "[R </thi]",
                            "<thi",
                            "[T <thi]",
                            "<think>a",
                            "[R a]",
                            "⟦<think>⟧ a b ⟦</think>⟧ c",
                            "[R a b][T c]",
                            "",
                            "")),
            "DeepSeek-R1, whose prompt begins the reasoning",
            new Family(
                    THINK,
                    "<｜Assistant｜><think>\n",
                    false,
                    answers(
                            "It is so.\n</think>\n\nHello", "[R It is so.][T Hello]",
                            "\n<think>\nIt is so.\n</think>\n\nHello", "[R It is so.][T Hello]",
                            "It is", "[R It is]",
                            "<think", "[R <think]",
                            "</think>Hello", "[T Hello]",
                            "⟦</think>⟧Hello", "[T Hello]",
                            "", "")),
            "gpt-oss",
            new Family(
                    "<|channel|><|message|>",
                    "<|start|>assistant",
                    true,
                    answers(
                            "⟦<|channel|>⟧analysis⟦<|message|>⟧They greet.⟦<|end|>⟧⟦<|start|>⟧assistant⟦<|channel|>⟧final"
                                    + "⟦<|message|>⟧Hello <|end|> there.⟦<|return|>⟧",
                            "[R They greet.][T Hello <|end|> there.]",
                            "⟦<|channel|>⟧analysis⟦<|message|>⟧Look.⟦<|end|>⟧⟦<|start|>⟧assistant⟦<|channel|>⟧commentary"
                                    + " to=functions.get_weather ⟦<|constrain|>⟧json⟦<|message|>⟧{\"text\": \"a b\"}⟦<|call|>⟧",
                            "[R Look.][C get_weather{\"text\":\"a b\"}]",
                            " to=functions.now⟦<|channel|>⟧commentary json⟦<|message|>⟧{}⟦<|call|>⟧",
                            "[C now{}]",
                            "⟦<|channel|>⟧commentary⟦<|message|>⟧I will look.⟦<|end|>⟧⟦<|start|>⟧assistant to=functions.now"
                                    + "⟦<|channel|>⟧analysis⟦<|message|>⟧{}⟦<|call|>⟧",
                            "[R I will look.][C now{}]",
                            "⟦<|channel|>⟧analysis⟦<|message|>⟧a⟦<|end|>⟧⟦<|start|>⟧assistant⟦<|channel|>⟧analysis"
                                    + "⟦<|message|>⟧b⟦<|end|>⟧⟦<|start|>⟧assistant⟦<|message|>⟧c",
                            "[R a\nb][T c]",
                            "⟦<|channel|>⟧final⟦<|message|>⟧",
                            "",
                            "⟦<|channel|>⟧fin",
                            "",
                            "⟦<|channel|>⟧analysis⟦<|message|>⟧Cut",
                            "[R Cut]",
                            // A tool that was not offered, and arguments that are none.
                            "⟦<|channel|>⟧commentary to=functions.no⟦<|message|>⟧{\"a\": 1}⟦<|call|>⟧",
                            "[T {\"a\": 1}]",
                            "⟦<|channel|>⟧analysis to=python code⟦<|message|>⟧print(1)⟦<|call|>⟧",
                            "[T print(1)]",
                            "⟦<|channel|>⟧commentary to=functions.now⟦<|message|>⟧{\"a\": x} y⟦<|call|>⟧",
                            "[T {\"a\": x} y]",
                            "⟦<|channel|>⟧commentary to=functions.now⟦<|message|>⟧{\"a\": 1⟦<|call|>⟧",
                            "[T {\"a\": 1]",
                            "⟦<|channel|>⟧commentary to=functions.now⟦<|message|>⟧{} {}⟦<|call|>⟧",
                            "[T {} {}]",
                            // An answer in no channel at all.
                            "Hello⟦<|return|>⟧",
                            "[T Hello]",
                            "Hello",
                            "[T Hello]",
                            "⟦<|message|>⟧Hello",
                            "[T Hello]")),
            "gpt-oss without tools",
            new Family(
                    "<|channel|><|message|>",
                    "<|start|>assistant",
                    false,
                    answers(
                            "⟦<|channel|>⟧commentary to=functions.now⟦<|message|>⟧{}⟦<|call|>⟧", "[T {}]",
                            "⟦<|channel|>⟧final⟦<|message|>⟧Hello.⟦<|return|>⟧", "[T Hello.]")));

    private static final String GEMMA = "<|channel><channel|><|tool_call>call:<|\"|><tool_call|>";

    private static final Map<String, Family> GEMMAS = Map.of(
            "Gemma 4",
            new Family(
                    GEMMA,
                    "⟦<|turn>⟧model\n",
                    true,
                    answers(
                            "⟦<|channel>⟧thought\nThey greet.\n⟦<channel|>⟧Hello.⟦<turn|>⟧",
                            "[R They greet.][T Hello.]",
                            "⟦<|channel>⟧thought\n⟦<channel|>⟧\nHello.⟦<turn|>⟧",
                            "[T Hello.]",
                            "Hello.⟦<turn|>⟧",
                            "[T Hello.]",
                            "⟦<|channel>⟧thought\nI look.⟦<channel|>⟧⟦<|tool_call>⟧call:get_weather{count:2,text:"
                                    + "⟦<|\"|>⟧a, \"b\"\n{c}\\⟦<|\"|>⟧}⟦<tool_call|>⟧⟦<|tool_response>⟧",
                            "[R I look.][C get_weather{\"count\":2,\"text\":\"a, \\\"b\\\"\\n{c}\\\\\"}]",
                            "⟦<|tool_call>⟧call:now{}⟦<tool_call|>⟧⟦<|tool_call>⟧call:add{any:{a:⟦<|\"|>⟧⟦<|\"|>⟧,b:{}},"
                                    + "is_on:true,list:[-1.5e3,⟦<|\"|>⟧x⟦<|\"|>⟧,[],null]}⟦<tool_call|>⟧",
                            "[C now{}][C add{\"any\":{\"a\":\"\",\"b\":{}},\"is_on\":true,\"list\":[-1.5e3,\"x\",[],null]}]",
                            "Wait.⟦<|tool_call>⟧call:add{ ⟦<|\"|>⟧a:b⟦<|\"|>⟧ : None, is_on: False }⟦<tool_call|>⟧",
                            "[T Wait.][C add{\"a:b\":null,\"is_on\":false}]",
                            // The names of marks are text, and so are marks of something else.
                            "⟦<|tool_call>⟧call:add{text:⟦<|\"|>⟧<|\"|>}<tool_call|><|channel>⟦<|\"|>⟧}⟦<tool_call|>⟧",
                            "[C add{\"text\":\"<|\\\"|>}<tool_call|><|channel>\"}]",
                            "<|channel>thought\nno<channel|> <|tool_call>call:now{}<tool_call|>⟦<turn|>⟧",
                            "[T <|channel>thought\nno<channel|> <|tool_call>call:now{}<tool_call|>]",
                            "⟦<|channel>⟧thought\nA <channel|> and <|tool_call>.⟦<|tool_call>⟧⟦<channel|>⟧Hello.",
                            "[R A <channel|> and <|tool_call>.][T Hello.]",
                            "Hello.⟦<|channel>⟧thought\n⟦<channel|>⟧⟦<channel|>⟧⟦<turn|>⟧",
                            "[T Hello.]",
                            "⟦<|channel>⟧⟦<|channel>⟧thought\na⟦<channel|>⟧b ⟦<|channel>⟧thought\nc⟦<channel|>⟧ d",
                            "[R a][T b ][R \nc][T  d]",
                            "⟦<|channel>⟧thoughtful⟦<channel|>⟧Hello.",
                            "[R thoughtful][T Hello.]",
                            "⟦<|channel>⟧thought⟦<channel|>⟧Hello.",
                            "[T Hello.]",
                            // Ends in the middle.
                            "⟦<|channel>⟧thought\nCut ",
                            "[R Cut]",
                            "⟦<|channel>⟧thou",
                            "",
                            "⟦<|channel>⟧",
                            "",
                            "⟦<|tool_call>⟧call:add{count:1}",
                            "[C add{\"count\":1}]",
                            "⟦<|tool_call>⟧call:add{count:1}⟦<turn|>⟧",
                            "[C add{\"count\":1}]",
                            "⟦<|tool_call>⟧call:add{count:1",
                            "[T call:add{count:1]",
                            "⟦<|tool_call>⟧call:add{text:⟦<|\"|>⟧Cut}⟦<turn|>⟧",
                            "[T call:add{text:Cut}]",
                            "⟦<|tool_call>⟧call:ad",
                            "[T call:ad]",
                            // No call.
                            "⟦<|tool_call>⟧call:no{a:1}⟦<tool_call|>⟧",
                            "[T call:no{a:1}]",
                            "⟦<|tool_call>⟧add{a:1}⟦<tool_call|>⟧",
                            "[T add{a:1}]",
                            "⟦<|tool_call>⟧call:add{a:word}⟦<tool_call|>⟧",
                            "[T call:add{a:word}]",
                            "⟦<|tool_call>⟧call:add{a:1,a:2}⟦<tool_call|>⟧",
                            "[T call:add{a:1,a:2}]",
                            "⟦<|tool_call>⟧call:add{a:[1}⟦<tool_call|>⟧",
                            "[T call:add{a:[1}]",
                            "⟦<|tool_call>⟧call:add{a:1,}⟦<tool_call|>⟧",
                            "[T call:add{a:1,}]",
                            "⟦<|tool_call>⟧call:add{a:⟦<|\"|>⟧x⟦<|\"|>⟧y⟦<|\"|>⟧}⟦<tool_call|>⟧",
                            "[T call:add{a:xy}]",
                            "⟦<|tool_call>⟧call:add{a:1} Well.⟦<turn|>⟧",
                            "[T call:add{a:1} Well.]",
                            "⟦<|tool_call>⟧call:add{a:⟦<|\"|>⟧x⟦<|channel>⟧thought\nOh.⟦<channel|>⟧y⟦<|\"|>⟧}",
                            "[T call:add{a:x][R Oh.][T y}]",
                            "⟦<|tool_call>⟧call:add{a:1⟦<|tool_call>⟧call:now{}⟦<tool_call|>⟧",
                            "[T call:add{a:1][C now{}]")),
            "Gemma 4 of a GGUF file, whose marks are text",
            new Family(
                    GEMMA + "{# as text #}",
                    "",
                    true,
                    answers(
                            "<|channel>thought\nThey greet.\n<channel|>Hello.⟦<turn|>⟧",
                            "[R They greet.][T Hello.]",
                            "<|channel>thought\n<channel|>Hello.<channel|>⟦<turn|>⟧",
                            "[T Hello.]",
                            "<|channel>thought\nA <|tool_call> <chan<channel|>I look.<|tool_call>call:add{count:7,text:"
                                    + "<|\"|>a<|b}<tool_call|>\"<|\"|>}<tool_call|><|tool_call>call:now{}<tool_call|>",
                            "[R A <|tool_call> <chan][T I look.][C add{\"count\":7,\"text\":\"a<|b}<tool_call|>\\\"\"}][C now{}]",
                            "<|tool_call>call:add{text:<|\"|>x<|\"|>}",
                            "[C add{\"text\":\"x\"}]",
                            "<|tool_call>call:no{text:<|\"|>x<|\"|>}<tool_call|>",
                            "[T <|tool_call>call:no{text:<|\"|>x<|\"|>}<tool_call|>]",
                            "<|tool_call>call:add{text:<|\"|>x<|\"|>}<tool_cal",
                            "[C add{\"text\":\"x\"}]",
                            "<|tool_call>call:add{text:<|\"|>x<|\"|><|\"|>}",
                            "[T <|tool_call>call:add{text:<|\"|>x<|\"|><|\"|>}]",
                            "<|tool_call>call:add{text:<|\"|>x<|channel>thought\nOh.<channel|>y",
                            "[T <|tool_call>call:add{text:<|\"|>x][R Oh.][T y]",
                            "<|tool_call>call:now{}<tool_call|><|tool_response>",
                            "[C now{}]",
                            "a <|tool_response><|tool_response>b<|tool_response>",
                            "[T a <|tool_response><|tool_response>b]",
                            "a <|tool_response><|channel>b<channel|>",
                            "[T a <|tool_response>][R b]",
                            "a <|tool_call<|channel>b<channel|>",
                            "[T a <|tool_call][R b]",
                            "a <|tool_",
                            "[T a <|tool_]",
                            "a <|chan",
                            "[T a <|chan]",
                            "<|channel>thought\nCut <chan",
                            "[R Cut <chan]")),
            "Granite 3, which may reason",
            new Family(
                    "<|tool_call|> <think></think> <response></response>",
                    "",
                    true,
                    answers(
                            "<think>It is so.</think>\n<response>\nHello </response> there.\n</response>\n⟦<|end_of_text|>⟧",
                            "[R It is so.][T Hello </response> there.]",
                            "<think>It is so.</think><response></response>",
                            "[R It is so.]",
                            "<think>It is so.</think>Hello.</response>",
                            "[R It is so.][T Hello.</response>]",
                            "<response>Cut \n</resp",
                            "[T Cut \n</resp]",
                            "<resp",
                            "[T <resp]",
                            "⟦<|tool_call|>⟧[" + CALL + ", {\"name\": \"now\", \"arguments\": {}}]⟦<|end_of_text|>⟧",
                            READ + "[C now{}]",
                            "⟦<|tool_call|>⟧[{\"name\": \"no\", \"arguments\": {}}]",
                            "[T [{\"name\": \"no\", \"arguments\": {}}]]")),
            "Granite 3.2, which may reason",
            new Family(
                    "Here is my thought process: Here is my response:",
                    "",
                    false,
                    answers(
                            "Here is my thought process: It is so.\n\nHere is my response: Hello.",
                            "[R It is so.][T Hello.]",
                            "Here is my answer: Hello.",
                            "[T Here is my answer: Hello.]",
                            "Here is my thought process: Here is my",
                            "[R Here is my]")),
            "OLMo 3",
            new Family(
                    "<function_calls>",
                    "",
                    true,
                    answers(
                            "I add.\n<function_calls>add(count=1, text=\"a \\\"b\\\" 'c'\\n\", list=[1, {\"a\": null}])\n"
                                    + "now()</function_calls>⟦<|im_end|>⟧",
                            "[T I add.\n][C add{\"count\":1,\"text\":\"a \\\"b\\\" 'c'\\n\",\"list\":[1,{\"a\":null}]}][C now{}]",
                            "<function_calls>\nadd(is_on=True, text='it\\'s \\u0041', any={'a': None,},)\n</function_calls> Done.",
                            "[C add{\"is_on\":true,\"text\":\"it's A\",\"any\":{\"a\":null}}][T  Done.]",
                            "<function_calls>now()</function_calls>\n<function_calls>now(), now()</function_calls>",
                            "[C now{}][C now{}][C now{}]",
                            "<function_calls>add(text=\"</function_calls>\")</function_calls>",
                            "[C add{\"text\":\"</function_calls>\"}]",
                            // None of a tool that was offered, and nothing that is a call.
                            "<function_calls>now()\nno()</function_calls>",
                            "[T <function_calls>now()\nno()</function_calls>]",
                            "<function_calls>add(1)</function_calls>",
                            "[T <function_calls>add(1)</function_calls>]",
                            "<function_calls>add(a=1, a=2)</function_calls>",
                            "[T <function_calls>add(a=1, a=2)</function_calls>]",
                            "<function_calls>add(a=now())</function_calls>",
                            "[T <function_calls>add(a=now())</function_calls>]",
                            "<function_calls>add(a=\"b)</function_calls>",
                            "[T <function_calls>add(a=\"b)</function_calls>]",
                            "<function_calls></function_calls>",
                            "[T <function_calls></function_calls>]",
                            "<function_calls>now()",
                            "[T <function_calls>now()]")),
            "OLMo 3, whose prompt begins the reasoning and has no other tag",
            new Family(
                    "<|im_start|>assistant\n<think>",
                    "<|im_start|>assistant\n<think>",
                    false,
                    answers("It is so.</think>Hello.", "[R It is so.][T Hello.]")),
            "Gemma 4 without tools",
            new Family(
                    GEMMA,
                    "",
                    false,
                    answers(
                            "⟦<|channel>⟧thought\na⟦<channel|>⟧\n\nb⟦<turn|>⟧",
                            "[R a][T b]",
                            "⟦<|tool_call>⟧call:now{}⟦<tool_call|>⟧",
                            "[T call:now{}]")));

    private static final Map<String, Family> FAMILIES = Stream.of(OTHERS, GEMMAS)
            .flatMap(families -> families.entrySet().stream())
            .collect(Collectors.toMap(Map.Entry::getKey, Map.Entry::getValue));

    private static String element(String key, String value) {
        return "<tool_call><function=add><parameter=" + key + ">" + value + "</parameter></function></tool_call>";
    }

    private static Map<String, String> answers(String... answersAndMessages) {
        Map<String, String> answers = new HashMap<>();
        for (int i = 0; i < answersAndMessages.length; i += 2) {
            answers.put(answersAndMessages[i], answersAndMessages[i + 1]);
        }
        return answers;
    }

    /** Streams and whole answers come from the same parts: this is what makes them agree. */
    @Test
    void anAnswerIsTheSameMessageWhateverPiecesItComesIn() {
        FAMILIES.forEach((name, family) -> family.answers().forEach((answer, message) -> {
            for (long seed = 0; seed < 60; seed++) {
                ReadAnswer read = ReadAnswer.of(family.reader(), answer, new Random(seed));
                assertEquals(message, read.toString(), name + ": " + answer + ", seed " + seed);
                assertEquals(message.split("\\[C ", -1).length - 1, read.calls(), name + ": " + answer);
            }
        }));
    }

    private static final Pattern FRAGMENT =
            Pattern.compile("⟦[^⟧]*⟧|[<>{}\"\\[\\],:][^⟦<>{}\"\\[\\],:]*|[^⟦<>{}\"\\[\\],:]+");

    /** Random answers of fragments that formats look for, in any order. */
    @Test
    void noAnswerBreaksAReaderOrDependsOnItsPieces() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        List<String> fragments = FAMILIES.values().stream()
                .flatMap(family -> family.answers().keySet().stream())
                .flatMap(answer -> FRAGMENT.matcher(answer).results().map(MatchResult::group))
                .distinct()
                .sorted()
                .toList();
        for (int round = 0; round < 4_000; round++) {
            String answer = IntStream.range(0, random.nextInt(30))
                    .mapToObj(i -> fragments.get(random.nextInt(fragments.size())))
                    .collect(Collectors.joining());
            for (Map.Entry<String, Family> one : FAMILIES.entrySet()) {
                String what = one.getKey() + ": " + answer + ", seed " + seed;
                ReadAnswer first = ReadAnswer.of(one.getValue().reader(), answer, random);
                ReadAnswer second = ReadAnswer.of(one.getValue().reader(), answer, random);
                assertEquals(first.toString(), second.toString(), what);
                checkTold(first.told(), what);
                checkNothingIsLost(first, answer, one.getValue().isSpelled(), what);
                boolean isTextAlone = first.message().stream().allMatch(AnswerPart.Text.class::isInstance)
                        && !one.getValue().template().contains("think>")
                        && !one.getValue().template().contains("thought process")
                        && !one.getValue().template().contains("channel");
                if (isTextAlone) {
                    assertEquals(
                            answer.replaceAll("⟦[^⟧]*⟧", ""),
                            first.message().isEmpty()
                                    ? ""
                                    : ((AnswerPart.Text) first.message().getFirst()).text(),
                            what);
                }
            }
        }
    }

    /** Of each call its steps come in order, and only a call's arguments are whole JSON. */
    private static void checkTold(List<AnswerPart> told, String what) {
        Map<Integer, StringBuilder> open = new HashMap<>();
        int begun = 0;
        for (AnswerPart part : told) {
            switch (part) {
                case AnswerPart.Begun call -> {
                    assertEquals(begun++, call.index(), what);
                    open.put(call.index(), new StringBuilder());
                }
                case AnswerPart.Arguments next -> open.get(next.index()).append(next.piece());
                case AnswerPart.Call call -> {
                    assertEquals(open.remove(call.index()).toString(), call.arguments(), what);
                    assertTrue(isObject(call.arguments()), what);
                }
                case AnswerPart.Cut cut -> {
                    assertEquals(open.remove(cut.index()).toString(), cut.arguments(), what);
                    assertFalse(isObject(cut.arguments()), what);
                }
                case AnswerPart.Text text -> assertFalse(text.text().isEmpty(), what);
                case AnswerPart.Reasoning text -> assertFalse(text.text().isEmpty(), what);
            }
        }
        assertTrue(open.isEmpty(), what);
    }

    private static boolean isObject(String json) {
        try {
            return JSON.readTree(json).isObject();
        } catch (IOException e) {
            return false;
        }
    }

    /** Text and reasoning stand in the answer's text, in this order; blanks aside, and marks that close nothing. */
    private static void checkNothingIsLost(ReadAnswer read, String answer, boolean isSpelled, String what) {
        String passedOver = isSpelled ? "<channel\\|>" : "⟦";
        String text =
                answer.replaceAll("⟦[^⟧]*⟧", "").replaceAll(passedOver, "").replaceAll("\\s", "");
        int at = 0;
        for (AnswerPart part : read.message()) {
            String said = switch (part) {
                case AnswerPart.Text one -> one.text();
                case AnswerPart.Reasoning one -> one.text();
                default -> "";
            };
            for (String line : said.split("\\n")) {
                String plain = line.replaceAll(passedOver, "").replaceAll("\\s", "");
                int found = text.indexOf(plain, at);
                assertTrue(found >= 0, () -> what + ": " + line + " in " + read);
                at = found + plain.length();
            }
        }
    }

    @Test
    void oneCallIsToldWhereNoMoreAreWanted() {
        String tagged = "<tool_call>{\"name\": \"now\", \"arguments\": {}}</tool_call>";
        ToolUse one = tools(JsonCallFormat.TAGGED, false);
        String broken = "<tool_call>{\"name\": \"now\", \"arguments\": {]}</tool_call>";
        assertEquals(
                "[C now{}][T " + broken + "]",
                ReadAnswer.of(one.format().reader(one), tagged + tagged + broken, new Random(1))
                        .toString());
    }

    @Test
    void argumentsAreToldAsTheyAreWritten() {
        AnswerReader reader = JsonCallFormat.TAGGED.reader(tools(JsonCallFormat.TAGGED, true));
        assertEquals(List.of(), add(reader, "<tool_call>\n{\"name\": \"add\", \"arguments\": "));
        assertEquals(
                List.of(new AnswerPart.Begun(0, "add"), new AnswerPart.Arguments(0, "{\"a\"")), add(reader, "{\"a\""));
        assertEquals(List.of(new AnswerPart.Arguments(0, ":1")), add(reader, ": 1"));
        // The last brace waits for the end of the call: until then it may be none.
        assertEquals(List.of(), add(reader, "}}\n</tool_"));
        assertEquals(
                List.of(new AnswerPart.Arguments(0, "}"), new AnswerPart.Call(0, "add", "{\"a\":1}")),
                add(reader, "call>"));
        assertEquals(List.of(), reader.finish());
        assertEquals(1, reader.calls());
    }

    @Test
    void aCallThatTurnsOutToBeNoneIsCutOffInAStreamAndTextOfAWholeAnswer() {
        String written = "<tool_call>\n{\"name\": \"add\", \"arguments\": {\"a\": [1";
        AnswerReader reader = JsonCallFormat.TAGGED.reader(tools(JsonCallFormat.TAGGED, true));
        List<AnswerPart> told = new ArrayList<>(add(reader, written));
        told.addAll(add(reader, ", }} and on"));
        told.addAll(reader.finish());
        assertEquals(
                List.of(
                        new AnswerPart.Begun(0, "add"),
                        new AnswerPart.Arguments(0, "{\"a\":[1"),
                        new AnswerPart.Arguments(0, ","),
                        new AnswerPart.Cut(0, "add", "{\"a\":[1,", written + ", "),
                        new AnswerPart.Text("}} and on")),
                told);
        assertEquals(0, reader.calls());
    }

    private static List<AnswerPart> add(AnswerReader reader, String text) {
        return reader.add(List.of(new Piece.Text(text)));
    }

    /** Answers of a hundred thousand tokens, made to have a reader look at the same again and again. */
    @Test
    void noAnswerTakesAReaderQuadraticTime() {
        for (String repeated : List.of(
                " ",
                "<tool_call>",
                "<tool_call>{",
                "<tool_call>{\"name\": \"add\", \"arguments\": {\"a\": [",
                "<tool_call><function=add><parameter=text></parameter>",
                "</parameter>  ",
                "<response>",
                "</response>\n",
                "Here is my ",
                "<function_calls>add(a=[",
                "now()\n",
                "<think>",
                "</thin",
                "[",
                "{\"a\":",
                "⟦<|channel>⟧thought\n",
                "<|channel>",
                "<|tool_call>call:now{",
                "⟦<|tool_call>⟧",
                "⟦<|\"|>⟧",
                "a:[",
                "⟦<|channel|>⟧",
                "⟦<|channel|>⟧analysis⟦<|message|>⟧",
                "⟦[TOOL_CALLS]⟧now⟦[ARGS]⟧{")) {
            for (String begun : List.of(
                    "",
                    "<think>",
                    "<response>",
                    "<function_calls>",
                    "<tool_call>",
                    "<tool_call><function=add><parameter=text>",
                    "<tool_call>{\"name\": \"now\", \"arguments\": {}}</tool_call>",
                    "<tool_call>{\"name\": \"",
                    "⟦<|tool_call>⟧call:now{",
                    "<|tool_call>call:now{a:<|\"|>",
                    "⟦<|channel|>⟧commentary to=functions.now⟦<|message|>⟧{\"a\": \"")) {
                String answer = begun + repeated.repeat(100_000 / repeated.length() + 1);
                FAMILIES.forEach((name, family) -> assertTimeout(
                        Duration.ofSeconds(60),
                        () -> ReadAnswer.of(family.reader(), answer, new Random(1)),
                        name + ": " + begun + repeated));
            }
        }
    }
}
