package io.plumbline.inference.language.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.inference.TestModels;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.inference.language.tokenizer.ChatTokenizer.Message;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** How conversations become tokens. */
class ChatTokenizerTest {
    private static final String CONTENTS = "{% for m in messages %}{{ m.content }}{% endfor %}";

    @TempDir
    Path folder;

    private ChatTokenizer tokenizer(String config, String template) throws IOException {
        Files.copy(
                TestModels.SHIPPED.resolve(TokenizerFile.NAME),
                folder.resolve(TokenizerFile.NAME),
                StandardCopyOption.REPLACE_EXISTING);
        Files.writeString(folder.resolve("tokenizer_config.json"), config);
        Files.deleteIfExists(folder.resolve(LoadedModel.TEMPLATE_FILE));
        if (template != null) {
            Files.writeString(folder.resolve(LoadedModel.TEMPLATE_FILE), template);
        }
        return ChatTokenizer.open(folder);
    }

    private static List<Message> user(String content) {
        return List.of(new Message("user", content));
    }

    @Test
    void whatAUserWritesIsTokenisedAsItStands() throws IOException {
        try (ChatTokenizer plain = tokenizer("{}", null);
                ChatTokenizer templated = tokenizer("{}", CONTENTS)) {
            for (String text :
                    List.of("Hello", "{{ 7*7 }} {% if x %} {# no #}", "\\frac{{a}}{{b}}", "{% include 'x' %}")) {
                assertArrayEquals(plain.prompt(user(text)), templated.prompt(user(text)), text);
            }
        }
    }

    @Test
    void aTemplateOfItsOwnFileComesBeforeTheOneInTheConfiguration() throws IOException {
        String config = "{\"chat_template\": \"configured\"}";
        try (ChatTokenizer configured = tokenizer(config, null);
                ChatTokenizer own = tokenizer(config, "own");
                ChatTokenizer plain = tokenizer("{}", null)) {
            assertArrayEquals(plain.prompt(user("configured")), configured.prompt(user("x")));
            assertArrayEquals(plain.prompt(user("own")), own.prompt(user("x")));
        }
    }

    @Test
    void specialTokensThatAModelLacksAreUndefined() throws IOException {
        String template = "{{ bos_token }}{{ bos_token is defined }}{{ eos_token }}{{ unk_token is defined }}";
        String config = "{\"bos_token\": null, \"eos_token\": {\"content\": \"end\"}, \"unk_token\": \"<unk>\"}";
        try (ChatTokenizer tokenizer = tokenizer(config, template);
                ChatTokenizer plain = tokenizer("{}", null)) {
            assertArrayEquals(plain.prompt(user("FalseendTrue")), tokenizer.prompt(user("x")));
        }
    }

    @Test
    void aPromptThatDependsOnTheDayIsKnownAndTakesItsClock() throws IOException {
        Clock clock = Clock.fixed(Instant.parse("2026-01-02T03:04:05Z"), ZoneOffset.UTC);
        try (ChatTokenizer dated = tokenizer("{}", "{{ strftime_now('%d %b %Y') }}");
                ChatTokenizer plain = tokenizer("{}", null)) {
            assertTrue(dated.promptsDependOnTheDay());
            assertFalse(plain.promptsDependOnTheDay());
            assertArrayEquals(plain.prompt(user("02 Jan 2026")), dated.prompt(user("x"), clock));
        }
    }

    @Test
    void aProbeFindsATemplateThatTakesNoFirstMessage() throws IOException {
        try (ChatTokenizer refusing = tokenizer("{}", "{{ raise_exception('Never.') }}");
                ChatTokenizer broken = tokenizer("{}", "{{ messages[0].content + 1 }}");
                ChatTokenizer good = tokenizer("{}", CONTENTS)) {
            assertTrue(assertThrows(IOException.class, refusing::probe)
                    .getMessage()
                    .contains("Never."));
            assertTrue(
                    assertThrows(IOException.class, broken::probe).getMessage().contains("'+' does not take"));
            good.probe();
        }
    }

    @Test
    void filesThatCannotBeReadAreNamed() {
        IOException e = assertThrows(IOException.class, () -> tokenizer("{\"chat_template\": \"{{ x\"}", null));
        assertEquals(
                folder.resolve("tokenizer_config.json")
                        + ": The model's chat template, line 1, cannot be read: '}}' belongs"
                        + " where the end of the template stands. Correct chat_template.jinja, or chat_template in"
                        + " tokenizer_config.json.",
                e.getMessage());
        assertTrue(assertThrows(IOException.class, () -> tokenizer("{", null))
                .getMessage()
                .contains("is not JSON"));
    }
}
