package io.plumbline.inference.language.safetensors;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadFeature;
import io.plumbline.inference.language.checkpoint.ModelFolder;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** Reads model.safetensors.index.json: which of a checkpoint's shards holds which tensor. */
final class ShardIndex {
    static final String NAME = "model.safetensors.index.json";

    /** Bytes of an index; the largest models' have some millions. */
    private static final int MAX_BYTES = 32 << 20;

    private static final JsonFactory JSON = JsonFactory.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .build();

    private ShardIndex() {}

    /**
     * The shard of each tensor, as the index names it: nothing is known yet of whether it is there.
     *
     * @param file as {@link ModelFolder} gave it.
     */
    static Map<String, String> read(Path file) throws IOException {
        Map<String, String> shards = new LinkedHashMap<>();
        try (JsonParser in = JSON.createParser(ModelFolder.bytes(file, MAX_BYTES))) {
            if (in.nextToken() != JsonToken.START_OBJECT) {
                throw damaged(file, "it is not an object");
            }
            while (in.nextToken() == JsonToken.FIELD_NAME) {
                boolean isMap = in.currentName().equals("weight_map");
                in.nextToken();
                if (isMap) {
                    readMap(file, in, shards);
                } else {
                    in.skipChildren();
                }
            }
            return shards;
        } catch (JsonProcessingException e) {
            throw damaged(file, "it is not JSON: " + e.getOriginalMessage());
        }
    }

    private static void readMap(Path file, JsonParser in, Map<String, String> shards) throws IOException {
        if (in.currentToken() != JsonToken.START_OBJECT) {
            throw damaged(file, "its weight_map is not an object");
        }
        while (in.nextToken() == JsonToken.FIELD_NAME) {
            String tensor = in.currentName();
            if (in.nextToken() != JsonToken.VALUE_STRING) {
                throw damaged(file, "the shard of \"" + tensor + "\" is not a file's name");
            }
            shards.put(tensor, in.getText());
        }
    }

    private static IOException damaged(Path file, String why) {
        return new IOException(file + ": " + why + ". Download it again. Nothing was loaded.");
    }
}
