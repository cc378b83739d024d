package io.plumbline.inference.json;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;

/**
 * Counts the names and values of JSON before a tree is made of it: a list of empty objects takes forty times its bytes
 * as a tree. One counter is for all texts of one request.
 */
public final class JsonValues {
    private final String what;
    private final long most;
    private long values;

    /**
     * A counter.
     *
     * @param what the JSON is, for the message.
     * @param most names and values that all of it may have.
     */
    public JsonValues(String what, long most) {
        this.what = what;
        this.most = most;
    }

    /**
     * Reads a text.
     *
     * @throws JsonProcessingException where it is no JSON.
     * @throws IllegalArgumentException where it and those before have more names and values than they may.
     */
    public JsonNode read(ObjectMapper mapper, String json) throws JsonProcessingException {
        try (JsonParser parser = mapper.createParser(json)) {
            for (JsonToken token = parser.nextToken(); token != null; token = parser.nextToken()) {
                if (!token.isStructEnd() && ++values > most) {
                    throw new IllegalArgumentException(
                            what + " hold more than " + most + " names and values. Shorten them.");
                }
            }
        } catch (JsonProcessingException e) {
            throw e;
        } catch (IOException e) {
            throw new UncheckedIOException("A text cannot fail to be read.", e);
        }
        return mapper.readTree(json);
    }
}
