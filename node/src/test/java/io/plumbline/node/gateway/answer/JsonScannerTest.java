package io.plumbline.node.gateway.answer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class JsonScannerTest {
    private static final ObjectMapper JACKSON = JsonMapper.builder()
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    private static boolean isObject(String text) {
        JsonScanner scanner = new JsonScanner();
        for (int i = 0; i < text.length(); i++) {
            if (scanner.isDone() || !scanner.take(text.charAt(i))) {
                return false;
            }
        }
        return scanner.isDone();
    }

    private static boolean isJacksonObject(String text) {
        try {
            return JACKSON.readTree(text).isObject();
        } catch (JsonProcessingException e) {
            return false;
        }
    }

    /** Against another parser, on texts that are nearly JSON. */
    @Test
    void whatIsAnObjectIsWhatAParserTakes() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        List<String> good = List.of(
                "{}",
                "{\"a\":-0.5e+10,\"b\":[true,false,null,[],{}],\"c\":{\"d\":\"\\u00e9\\n\\\"\"}}",
                "{ \"a\" : [ 0 , 12 , 1E5 , \"x\" ] }",
                "{\"\":\"\\\\\",\"b\":\"{[,:]}\"}");
        String letters = "{}[]\",:\\ \n0129.eE+-truefalsnx\u00e9u";
        int taken = 0;
        for (int round = 0; round < 60_000; round++) {
            StringBuilder text = new StringBuilder(good.get(random.nextInt(good.size())));
            for (int n = random.nextInt(3); n > 0; n--) {
                int at = random.nextInt(text.length() + 1);
                switch (random.nextInt(3)) {
                    case 0 -> text.insert(at, letters.charAt(random.nextInt(letters.length())));
                    case 1 -> text.delete(at, Math.min(text.length(), at + 1));
                    default ->
                        text.replace(
                                at,
                                Math.min(text.length(), at + 1),
                                "" + letters.charAt(random.nextInt(letters.length())));
                }
            }
            String one = text.toString().strip();
            taken += isObject(one) ? 1 : 0;
            assertEquals(isJacksonObject(one), isObject(one), one + ", seed " + seed);
        }
        assertTrue(taken > 1_000 && taken < 50_000, taken + " were objects");
    }

    @Test
    void aTextIsLeftAtTheCharacterThatNoObjectGoesOnWith() {
        String text = "{\"a\": [1, x";
        JsonScanner scanner = new JsonScanner();
        for (int i = 0; i < text.length() - 1; i++) {
            assertTrue(scanner.take(text.charAt(i)), "at " + i);
        }
        assertFalse(scanner.take('x'));
        assertFalse(new JsonScanner().take('['), "a list is no object");
        assertFalse(isObject("{\"a\":".repeat(300) + "1" + "}".repeat(300)), "deeper than parsers go");
    }
}
