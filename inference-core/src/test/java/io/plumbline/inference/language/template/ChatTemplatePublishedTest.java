package io.plumbline.inference.language.template;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.plumbline.inference.Material;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * Published templates give, to the byte, what Hugging Face transformers renders of them, and refuse what it refuses.
 */
class ChatTemplatePublishedTest {
    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final String SUFFIX = ".jinja";

    @TestFactory
    Stream<DynamicTest> everyConversationIsRenderedAsTransformersRendersIt() throws IOException {
        Path folder = Material.of("templates");
        JsonNode conversations =
                MAPPER.readTree(folder.resolve("conversations.json").toFile());
        List<Path> templates;
        try (Stream<Path> files = Files.list(folder)) {
            templates = files.filter(file -> file.toString().endsWith(SUFFIX))
                    .sorted()
                    .toList();
        }
        assertTrue(templates.size() > 50, "the test material is there in part");
        return templates.stream().map(file -> dynamicTest(name(file), () -> conversationsOf(file, conversations)));
    }

    private static String name(Path template) {
        return template.getFileName().toString().replace(SUFFIX, "");
    }

    private static void conversationsOf(Path file, JsonNode conversations) throws IOException {
        JsonNode expected = MAPPER.readTree(
                file.resolveSibling(name(file) + ".expected.json").toFile());
        ChatTemplate template = new ChatTemplate(Files.readString(file));
        for (Map.Entry<String, JsonNode> conversation : conversations.properties()) {
            JsonNode wanted = expected.get(conversation.getKey());
            Map<String, Object> variables = variables(conversation.getValue());
            if (wanted.has("text")) {
                assertEquals(
                        wanted.get("text").asText(), template.render(variables, Rendered.CLOCK), conversation.getKey());
            } else {
                assertThrows(
                        TemplateException.class,
                        () -> template.render(variables, Rendered.CLOCK),
                        conversation.getKey());
            }
        }
    }

    private static Map<String, Object> variables(JsonNode conversation) {
        Map<String, Object> variables =
                new HashMap<>(MAPPER.convertValue(conversation, new TypeReference<Map<String, Object>>() {}));
        variables.putIfAbsent("add_generation_prompt", true);
        variables.put("bos_token", "<s>");
        variables.put("eos_token", "</s>");
        return variables;
    }
}
