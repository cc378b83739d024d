package io.plumbline.inference.language.tokenizer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Messages of anybody's request are read by nodes and auditors: in memory that is in proportion to their bytes. */
class MessagesMemoryTest {
    private static final int LARGE = 8 << 20;

    private static final ObjectMapper MAPPER = new ObjectMapper();

    private static void assertCostsLittle(String json) {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long before = threads.getCurrentThreadAllocatedBytes();
        IllegalArgumentException e = assertThrows(IllegalArgumentException.class, () -> ChatMessages.parse(json));
        long allocated = threads.getCurrentThreadAllocatedBytes() - before;
        assertTrue(allocated < 12L * LARGE, allocated + " bytes for " + json.length() + ": " + e.getMessage());
        assertEquals("The messages hold more than 262144 names and values. Shorten them.", e.getMessage());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"{},", "[],", "0,", "\"\",", "1.5,", "{\"a\":{}},", "{\"role\":\"user\",\"content\":\"\"},"})
    void manySmallValuesAreNotMadeObjectsOf(String piece) {
        String list = piece.repeat(LARGE / piece.length());
        assertCostsLittle("[" + list + "0]");
        assertCostsLittle("{\"messages\":[" + list + "0]}");
    }

    @Test
    void norAreThoseWithinArguments() throws JsonProcessingException {
        ArrayNode messages = MAPPER.createArrayNode();
        for (int i = 0; i < 8; i++) {
            ObjectNode message = messages.addObject().put("role", "assistant");
            ObjectNode function = message.putArray("tool_calls").addObject().putObject("function");
            function.put("name", "f").put("arguments", "{\"a\":[" + "{},".repeat(LARGE / 8 / 3 - 10) + "0]}");
        }
        assertCostsLittle(MAPPER.writeValueAsString(messages));
    }

    @Test
    void longConversationsAreRead() {
        String one = "{\"role\":\"user\",\"content\":\"Hello\"},";
        String json = "[" + one.repeat(50_000) + one.substring(0, one.length() - 1) + "]";
        assertEquals(50_001, ChatMessages.parse(json).messages().size());
    }
}
