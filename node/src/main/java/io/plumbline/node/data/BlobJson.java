package io.plumbline.node.data;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.data.store.BlobStat;
import io.plumbline.data.store.ByteRange;
import io.plumbline.node.http.HttpExchange;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;

/** How a data node says things in JSON. */
public final class BlobJson {
    private static final ObjectMapper MAPPER = new ObjectMapper();

    private BlobJson() {}

    static ObjectNode object() {
        return MAPPER.createObjectNode();
    }

    /** A catalog's entry, as {@code plumbline blob stat --json} prints it too. */
    public static ObjectNode of(BlobStat stat) {
        ObjectNode json = object().put("id", stat.id().toString())
                .put("bytes", stat.bytes())
                .put("stored_ms", stat.storedMs())
                .put("verified_ms", stat.verifiedMs())
                .put("damaged", stat.isDamaged());
        ArrayNode pins = json.putArray("pins");
        stat.pins().forEach(pins::add);
        return json;
    }

    static void put(ObjectNode json, List<ByteRange> missing) {
        ArrayNode ranges = json.putArray("missing");
        missing.forEach(range -> ranges.addObject().put("from", range.from()).put("to", range.to()));
    }

    static void send(HttpExchange http, int status, ObjectNode json) throws IOException {
        http.responseHeader("Content-Type", "application/json");
        http.send(status, MAPPER.writeValueAsBytes(json));
    }

    /** How the server refuses. */
    static byte[] refusal(String path, int status, String message) {
        ObjectNode json = object();
        json.putObject("error").put("message", message).put("code", status);
        try {
            return MAPPER.writeValueAsBytes(json);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
