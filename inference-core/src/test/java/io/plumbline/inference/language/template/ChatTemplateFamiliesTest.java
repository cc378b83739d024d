package io.plumbline.inference.language.template;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.inference.language.template.Rendered.Message;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The families' prompt formats, by templates that use what the published ones use. */
class ChatTemplateFamiliesTest {
    private static final List<Message> CONVERSATION = List.of(
            new Message("system", "Be brief."),
            new Message("user", " Hi! "),
            new Message("assistant", "Hello."),
            new Message("user", "Why?"));

    private static String render(String template, List<Message> messages) {
        return Rendered.chat(template, messages);
    }

    private static final String LLAMA2 = """
            {% if messages[0]['role'] == 'system' %}{% set turns = messages[1:] %}{% set system = messages[0]['content'] %}\
            {% else %}{% set turns = messages %}{% set system = false %}{% endif %}\
            {% for turn in turns %}\
            {% if (turn['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Roles must alternate') }}{% endif %}\
            {% if loop.index0 == 0 and system != false %}{% set content = '<<SYS>>\\n' + system + '\\n<</SYS>>\\n\\n' + turn['content'] %}\
            {% else %}{% set content = turn['content'] %}{% endif %}\
            {% if turn['role'] == 'user' %}{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}\
            {% elif turn['role'] == 'assistant' %}{{ ' ' + content.strip() + ' ' + eos_token }}{% endif %}{% endfor %}""";

    @Test
    void llama2AndMistral() {
        assertEquals(
                "<s>[INST] <<SYS>>\nBe brief.\n<</SYS>>\n\n Hi! [/INST] Hello. </s><s>[INST] Why? [/INST]",
                render(LLAMA2, CONVERSATION));
        List<Message> twice = List.of(new Message("user", "a"), new Message("user", "b"));
        IllegalArgumentException e = assertThrows(IllegalArgumentException.class, () -> render(LLAMA2, twice));
        assertTrue(e.getMessage().contains("Roles must alternate"), e.getMessage());
    }

    @Test
    void llama3() {
        String template = """
                {% for message in messages %}{% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' \
                + message['content'] | trim + '<|eot_id|>' %}{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}\
                {{ content }}{% endfor %}{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}""";
        assertEquals(
                "<s><|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|>"
                        + "<|start_header_id|>user<|end_header_id|>\n\nHi!<|eot_id|>"
                        + "<|start_header_id|>assistant<|end_header_id|>\n\nHello.<|eot_id|>"
                        + "<|start_header_id|>user<|end_header_id|>\n\nWhy?<|eot_id|>"
                        + "<|start_header_id|>assistant<|end_header_id|>\n\n",
                render(template, CONVERSATION));
    }

    @Test
    void qwen2AndSmolLmAreChatMl() {
        String template = """
                {%- if tools %}
                    {{- 'no tools here' }}
                {%- else %}
                    {%- if messages[0]['role'] == 'system' %}
                        {{- '<|im_start|>system\\n' + messages[0]['content'] + '<|im_end|>\\n' }}
                    {%- else %}
                        {{- '<|im_start|>system\\nYou are a helpful assistant.<|im_end|>\\n' }}
                    {%- endif %}
                {%- endif %}
                {%- for message in messages %}
                    {%- if (message.role == "user") or (message.role == "system" and not loop.first) or (message.role == "assistant" and not message.tool_calls) %}
                        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}
                    {%- endif %}
                {%- endfor %}
                {%- if add_generation_prompt %}
                    {{- '<|im_start|>assistant\\n' }}
                {%- endif %}
                """;
        String turns = "<|im_start|>user\n Hi! <|im_end|>\n<|im_start|>assistant\nHello.<|im_end|>\n"
                + "<|im_start|>user\nWhy?<|im_end|>\n<|im_start|>assistant\n";
        assertEquals("<|im_start|>system\nBe brief.<|im_end|>\n" + turns, render(template, CONVERSATION));
        assertEquals(
                "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n" + turns,
                render(template, CONVERSATION.subList(1, 4)));
    }

    @Test
    void qwen3LeavesOutThoughtsOfEarlierTurns() {
        String template = """
                {%- set ns = namespace(searching=true, last=messages|length - 1) %}
                {%- for message in messages[::-1] %}
                    {%- set index = (messages|length - 1) - loop.index0 %}
                    {%- if ns.searching and message.role == "user" and message.content is string and not(message.content.startswith('<tool_response>')) %}
                        {%- set ns.searching = false %}
                        {%- set ns.last = index %}
                    {%- endif %}
                {%- endfor %}
                {%- for message in messages %}
                    {%- if message.content is string %}
                        {%- set content = message.content %}
                    {%- else %}
                        {%- set content = '' %}
                    {%- endif %}
                    {%- if message.role == "assistant" and '</think>' in content and loop.index0 < ns.last %}
                        {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
                    {%- endif %}
                    {{- '<|im_start|>' + message.role + '\\n' + content + '<|im_end|>\\n' }}
                {%- endfor %}
                {%- if add_generation_prompt %}
                    {{- '<|im_start|>assistant\\n' }}
                    {%- if enable_thinking is defined and enable_thinking is false %}
                        {{- '<think>\\n\\n</think>\\n\\n' }}
                    {%- endif %}
                {%- endif %}""";
        List<Message> thoughtful = List.of(
                new Message("user", "Hi!"),
                new Message("assistant", "<think>\nA greeting.\n</think>\n\nHello."),
                new Message("user", "Why?"));
        assertEquals(
                "<|im_start|>user\nHi!<|im_end|>\n<|im_start|>assistant\nHello.<|im_end|>\n"
                        + "<|im_start|>user\nWhy?<|im_end|>\n<|im_start|>assistant\n",
                render(template, thoughtful));
    }

    @Test
    void gemma4LeavesOutThoughtsAndDeclaresToolsInWordsOfItsOwn() {
        String template = """
                {%- macro argument(value, quoted=True) -%}
                    {%- if value is string -%}
                        {{- '<|"|>' + value + '<|"|>' -}}
                    {%- elif value is boolean -%}
                        {{- 'true' if value else 'false' -}}
                    {%- elif value is mapping -%}
                        {{- '{' -}}
                        {%- set ns = namespace(found=false) -%}
                        {%- for key, inner in value | dictsort -%}
                            {%- if ns.found %},{% endif -%}
                            {%- set ns.found = true -%}
                            {%- if quoted -%}{{- '<|"|>' + key + '<|"|>' -}}{%- else -%}{{- key -}}{%- endif -%}
                            :{{- argument(inner, quoted=quoted) -}}
                        {%- endfor -%}
                        {{- '}' -}}
                    {%- elif value is sequence -%}
                        {{- '[' -}}
                        {%- for item in value -%}
                            {{- argument(item, quoted=quoted) -}}
                            {%- if not loop.last %},{% endif -%}
                        {%- endfor -%}
                        {{- ']' -}}
                    {%- else -%}
                        {{- value -}}
                    {%- endif -%}
                {%- endmacro -%}
                {%- macro without_thoughts(text) -%}
                    {%- set ns = namespace(result='') -%}
                    {%- for part in text.split('<channel|>') -%}
                        {%- set ns.result = ns.result + part.split('<|channel>')[0] -%}
                    {%- endfor -%}
                    {{- ns.result | trim -}}
                {%- endmacro -%}
                {%- set ns = namespace(before=None) -%}
                {%- set turns = messages -%}
                {{ bos_token }}
                {%- if (enable_thinking is defined and enable_thinking) or tools or messages[0]['role'] in ['system', 'developer'] -%}
                    {{- '<|turn>system\\n' -}}
                    {%- if messages[0]['role'] in ['system', 'developer'] -%}
                        {{- messages[0]['content'] | trim -}}
                        {%- set turns = messages[1:] -%}
                    {%- endif -%}
                    {%- if tools -%}
                        {%- for tool in tools %}
                            {{- '<|tool>' -}}
                            {{- argument(tool, quoted=False) | trim -}}
                            {{- '<tool|>' -}}
                        {%- endfor %}
                    {%- endif -%}
                    {{- '<turn|>\\n' -}}
                {%- endif %}
                {%- for message in turns -%}
                    {%- set role = 'model' if message['role'] == 'assistant' else message['role'] -%}
                    {{- '<|turn>' + role + '\\n' }}
                    {%- if role == 'model' -%}
                        {{- without_thoughts(message['content']) -}}
                    {%- else -%}
                        {{- message['content'] | trim -}}
                    {%- endif -%}
                    {{- '<turn|>\\n' -}}
                {%- endfor -%}
                {%- if add_generation_prompt -%}
                    {%- if ns.before != 'tool_response' -%}{{- '<|turn>model\\n' -}}{%- endif -%}
                    {%- if not enable_thinking | default(false) -%}{{- '<|channel>thought\\n<channel|>' -}}{%- endif -%}
                {%- endif -%}
                """;
        List<Message> thoughtful = List.of(
                new Message("system", "Be brief. "),
                new Message("user", " Hi! "),
                new Message("assistant", "<|channel>thought\nA greeting.<channel|> Hello."),
                new Message("user", "Why?"));
        assertEquals(
                "<s><|turn>system\nBe brief.<turn|>\n<|turn>user\nHi!<turn|>\n<|turn>model\nHello.<turn|>\n"
                        + "<|turn>user\nWhy?<turn|>\n<|turn>model\n<|channel>thought\n<channel|>",
                render(template, thoughtful));
        Map<String, Object> tool = Rendered.ordered("name", "add", "of", List.of(1, true, Map.of("to", "x")));
        assertEquals(
                "<s><|turn>system\n<|tool>{name:<|\"|>add<|\"|>,of:[1,true,{to:<|\"|>x<|\"|>}]}<tool|><turn|>\n"
                        + "<|turn>user\nHi!<turn|>\n",
                Rendered.template(
                        template,
                        Map.of(
                                "messages",
                                List.of(Rendered.ordered("role", "user", "content", "Hi!")),
                                "tools",
                                List.of(tool),
                                "bos_token",
                                "<s>")));
    }

    @Test
    void tinyLlamaHasItsBlocksOnLinesOfTheirOwn() {
        String template = """
                {% for message in messages %}
                {% if message['role'] == 'user' %}
                {{ '<|user|>\\n' + message['content'] + eos_token }}
                {% elif message['role'] == 'system' %}
                {{ '<|system|>\\n' + message['content'] + eos_token }}
                {% elif message['role'] == 'assistant' %}
                {{ '<|assistant|>\\n'  + message['content'] + eos_token }}
                {% endif %}
                {% if loop.last and add_generation_prompt %}
                {{ '<|assistant|>' }}
                {% endif %}
                {% endfor %}""";
        assertEquals(
                "<|system|>\nBe brief.</s>\n<|user|>\n Hi! </s>\n<|assistant|>\nHello.</s>\n<|user|>\nWhy?</s>\n<|assistant|>\n",
                render(template, CONVERSATION));
    }
}
