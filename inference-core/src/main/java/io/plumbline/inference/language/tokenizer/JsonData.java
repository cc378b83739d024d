package io.plumbline.inference.language.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;

/** JSON as the plain data that templates are rendered with. */
final class JsonData {
    private JsonData() {}

    /** @param texts is applied to every text in it, names of members among them. */
    static Object of(JsonNode json, UnaryOperator<String> texts) {
        return switch (json.getNodeType()) {
            case OBJECT -> {
                Map<String, Object> map = new LinkedHashMap<>();
                json.properties().forEach(one -> map.put(texts.apply(one.getKey()), of(one.getValue(), texts)));
                yield map;
            }
            case ARRAY -> {
                List<Object> list = new ArrayList<>();
                json.forEach(one -> list.add(of(one, texts)));
                yield list;
            }
            case STRING -> texts.apply(json.asText());
            case BOOLEAN -> json.asBoolean();
            case NUMBER -> json.numberValue();
            default -> null;
        };
    }
}
