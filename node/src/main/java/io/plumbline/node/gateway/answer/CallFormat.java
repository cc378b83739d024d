package io.plumbline.node.gateway.answer;

import com.fasterxml.jackson.databind.JsonNode;
import io.plumbline.verifier.encoding.Bytes32;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;

/** How a family of models writes calls of tools. */
public sealed interface CallFormat
        permits JsonCallFormat,
                ElementCallFormat,
                MistralCallFormat,
                HarmonyCallFormat,
                Gemma4CallFormat,
                PythonCallFormat {
    /**
     * The format that a model's chat template teaches.
     *
     * @param template its source.
     * @param isControl whether a name is a control token's in the model's vocabulary.
     * @return null where it is none of these.
     */
    static CallFormat of(String template, Predicate<String> isControl) {
        if (HarmonyCallFormat.isOf(template)) {
            return HarmonyCallFormat.HARMONY;
        }
        if (Gemma4CallFormat.isOf(template)) {
            return new Gemma4CallFormat(!isControl.test(Gemma4CallFormat.OPENING));
        }
        if (template.contains("<tool_call>")) {
            return template.contains("<function=")
                    ? ElementCallFormat.FUNCTION
                    : template.contains("<arg_key>")
                            ? ElementCallFormat.KEY_AND_VALUE
                            : template.contains("arguments") ? JsonCallFormat.TAGGED : null;
        }
        if (template.contains(PythonCallFormat.OPENING)) {
            return PythonCallFormat.LINES;
        }
        if (template.contains("<|tool_call|>")) {
            // Granite 3's, behind a control token.
            return JsonCallFormat.LISTED;
        }
        if (template.contains("[TOOL_CALLS]")) {
            return template.contains("[ARGS]") ? MistralCallFormat.NAMED : JsonCallFormat.LISTED;
        }
        return template.contains("{\"name\": function name, \"parameters\": ") ? JsonCallFormat.BARE : null;
    }

    /** One that reads an answer in this format from its beginning. */
    AnswerReader reader(ToolUse use);

    /**
     * The format of an answer that a grammar holds to calls. A grammar is of text: it can say neither control tokens,
     * nor which JSON stands in an element, so models of those formats are held to one that it can say.
     */
    default JsonCallFormat held() {
        return JsonCallFormat.TAGGED;
    }

    /**
     * The id of one call of a request's answer: the same whenever that is answered, and another for each of its calls.
     *
     * @param call its index.
     */
    default String callId(Bytes32 request, int call) {
        byte[] digits = request.bytes();
        // All of the index goes into bytes of which the shortest ids keep every digit.
        for (int i = 0; i < Integer.BYTES; i++) {
            digits[i] += (byte) (call >> (Byte.SIZE * i));
        }
        return callId(Bytes32.of(digits).toString());
    }

    /** The id of a call, as the family's chat templates take it back: of hexadecimal digits that are the call's own. */
    default String callId(String digits) {
        return "call_" + digits.substring(0, 24);
    }

    /**
     * The grammar of answers that call a tool, in the format {@link #held()}.
     *
     * @param tools those that may be called.
     * @param strict names of those whose arguments must keep to their schemas. Those of the others do where a grammar
     *     can say it, and are any object where none can.
     * @param isCallNeeded whether there is a call in any case; a text that holds none otherwise.
     * @param mayCallSeveral whether more than one call may come.
     * @throws IllegalArgumentException naming what of a schema cannot be held to.
     */
    default String grammar(List<JsonNode> tools, Set<String> strict, boolean isCallNeeded, boolean mayCallSeveral) {
        return held().grammar(tools, strict, isCallNeeded, mayCallSeveral);
    }
}
