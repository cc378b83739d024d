package io.plumbline.node.gateway;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.inference.language.sources.PromptSources;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.Utf8;
import io.plumbline.verifier.lightclient.ProvenFact;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;

/**
 * Facts and files that a request's field {@code plumbline} names, found.
 *
 * @param sources as the request has them.
 * @param facts values of its facts, in their order.
 */
record NamedSources(PromptSources sources, List<ProvenFact> facts) {
    private static final HexFormat HEX = HexFormat.of();
    private static final String FACTS = "plumbline.facts";
    private static final String FILES = "plumbline.files";

    /** Fields of {@code plumbline} that are read here. */
    static final List<String> FIELDS = List.of("facts", "files", "fact_template", "file_template");

    /**
     * Finds what a request names.
     *
     * @param time of the request, in seconds since 1970: values must be fresh then.
     * @param most bytes that all files may have together.
     * @return null where it names nothing.
     * @throws ApiException where one is not there, not fresh, or no text.
     */
    static NamedSources of(RequestFields plumbline, RequestSources from, long time, long most) throws IOException {
        List<PromptSources.Fact> facts = new ArrayList<>();
        for (JsonNode one : list(plumbline, "facts")) {
            Bytes32 feed = id(one, "feed", FACTS, List.of("feed"));
            facts.add(new PromptSources.Fact(feed, from.fact(feed)));
        }
        List<PromptSources.SourceFile> files = new ArrayList<>();
        long left = most;
        for (JsonNode one : list(plumbline, "files")) {
            Bytes32 id = id(one, "blob", FILES, List.of("blob", "name"));
            byte[] bytes = from.file(id, left);
            left -= bytes.length;
            files.add(file(id, one.path("name").asText(id.toString()), bytes));
        }
        if (facts.isEmpty() && files.isEmpty()) {
            return null;
        }
        PromptSources sources = new PromptSources(
                facts,
                files,
                plumbline.text("fact_template", PromptSources.FACT_TEMPLATE),
                plumbline.text("file_template", PromptSources.FILE_TEMPLATE));
        try {
            List<ProvenFact> proven = sources.proven(from.ledger(), time);
            // Its templates can be filled.
            sources.rendered(proven);
            return new NamedSources(sources, proven);
        } catch (IllegalArgumentException e) {
            throw new ApiException(422, "unproven_source", "plumbline", e.getMessage());
        }
    }

    private static JsonNode list(RequestFields plumbline, String field) {
        if (!plumbline.has(field)) {
            return Http.MAPPER.createArrayNode();
        }
        JsonNode list = plumbline.json(field);
        if (!list.isArray() || list.size() > PromptSources.MAX_SOURCES) {
            throw RequestFields.invalid(
                    "plumbline." + field, "must be a list of at most " + PromptSources.MAX_SOURCES + ".");
        }
        return list;
    }

    /** An id alone, or an object that has it as one of its fields, all of which are texts. */
    private static Bytes32 id(JsonNode one, String field, String where, List<String> fields) {
        boolean isObject = one.isObject() && one.has(field);
        for (String name : (Iterable<String>) one::fieldNames) {
            if (!fields.contains(name) || !one.get(name).isTextual()) {
                throw RequestFields.invalid(where, "has \"" + name + "\", which is no text or not known.");
            }
        }
        String hex = isObject ? one.get(field).asText() : one.asText();
        if (!isObject && !one.isTextual() || !hex.matches("[0-9a-f]{64}")) {
            throw RequestFields.invalid(
                    where, "must hold ids of 64 hexadecimal digits, or objects with one as \"" + field + "\".");
        }
        return Bytes32.of(HEX.parseHex(hex));
    }

    private static PromptSources.SourceFile file(Bytes32 id, String name, byte[] bytes) {
        try {
            String text = StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(bytes))
                    .toString();
            return new PromptSources.SourceFile(id, name, text);
        } catch (CharacterCodingException e) {
            throw RequestFields.invalid(FILES, "names " + id + ", which is no UTF-8 text.");
        } catch (IllegalArgumentException e) {
            throw RequestFields.invalid(FILES, "names a file that cannot be taken: " + e.getMessage());
        }
    }

    /** Says what was found, in an answer's field {@code plumbline}. */
    void describe(ObjectNode json) {
        if (!facts.isEmpty()) {
            ArrayNode list = json.putArray("facts");
            for (ProvenFact fact : facts) {
                list.addObject()
                        .put("feed", fact.feed().id().toString())
                        .put("name", fact.feed().name())
                        .put("value", fact.value().toPlainString())
                        .put("unit", fact.feed().unit())
                        .put("time", fact.time())
                        .put("round", fact.feed().latest().round())
                        .put("block", fact.block());
            }
        }
        if (!sources.files().isEmpty()) {
            ArrayNode list = json.putArray("files");
            for (PromptSources.SourceFile file : sources.files()) {
                list.addObject()
                        .put("blob", file.id().toString())
                        .put("name", file.name())
                        .put("bytes", Utf8.length("file", file.text()));
            }
        }
    }
}
