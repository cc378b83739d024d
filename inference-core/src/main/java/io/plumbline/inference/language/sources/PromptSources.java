package io.plumbline.inference.language.sources;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.Utf8;
import io.plumbline.verifier.lightclient.FeedProof;
import io.plumbline.verifier.lightclient.ProvenFact;
import io.plumbline.verifier.lightclient.TrustedLedger;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * The facts and files of a request, whole: each carries what proves it, and is checked with the ledger's genesis and
 * nothing else. A fact is a feed's value with the certified block that it stands in; a file is a blob's text, which its
 * id is the hash of.
 *
 * @param facts at most {@link #MAX_SOURCES}.
 * @param files at most {@link #MAX_SOURCES}; one or the other there is.
 * @param factTemplate text that a fact becomes; its fields are name, value, unit, time, spread, round, block and feed.
 * @param fileTemplate text that a file becomes; its fields are name, text, bytes and id.
 */
public record PromptSources(List<Fact> facts, List<SourceFile> files, String factTemplate, String fileTemplate) {
    /** Where a request names none. */
    public static final String FACT_TEMPLATE = "{name}: {value} {unit} (as of {time})";

    /** As {@link #FACT_TEMPLATE}. */
    public static final String FILE_TEMPLATE = "{name}:\n{text}";

    /** Facts, and files, of one request. */
    public static final int MAX_SOURCES = 16;

    private static final int MAX_PROOF_BYTES = 16 << 10;
    private static final int MAX_NAME_CHARACTERS = 255;
    private static final HexFormat HEX = HexFormat.of();

    public PromptSources {
        facts = List.copyOf(facts);
        files = List.copyOf(files);
        if (facts.isEmpty() && files.isEmpty()) {
            throw new IllegalArgumentException("\"sources\" has neither facts nor files. Leave it out.");
        }
        if (facts.size() > MAX_SOURCES || files.size() > MAX_SOURCES) {
            throw new IllegalArgumentException("A request names at most " + MAX_SOURCES + " facts and as many files.");
        }
    }

    /**
     * A feed's value.
     *
     * @param feed its id, 32 bytes.
     * @param proof an encoded certified entry, see {@link FeedProof}.
     */
    public record Fact(Bytes32 feed, byte[] proof) {}

    /**
     * A blob that is a text.
     *
     * @param id 32 bytes: BLAKE3 of the text in UTF-8.
     * @param name by which the prompt names it.
     */
    public record SourceFile(Bytes32 id, String name, String text) {
        public SourceFile {
            if (name.isEmpty()
                    || name.length() > MAX_NAME_CHARACTERS
                    || name.chars().anyMatch(Character::isISOControl)) {
                throw new IllegalArgumentException(
                        "A file's name has 1 to " + MAX_NAME_CHARACTERS + " characters, none of which is a control.");
            }
            Utf8.length("file " + name, text);
            Bytes32 hash = Bytes32.of(Blake3.hash(text.getBytes(StandardCharsets.UTF_8)));
            if (!hash.equals(id)) {
                throw new IllegalArgumentException(
                        "The text of file " + name + " has hash " + hash + ", and is not blob " + id + ".");
            }
        }
    }

    /**
     * Reads what a request's messages hold under "sources".
     *
     * @throws IllegalArgumentException saying which of it is missing, too much or false.
     */
    public static PromptSources parse(JsonNode json) {
        requireFields(json, "sources", Set.of("facts", "files", "fact_template", "file_template"));
        return new PromptSources(
                list(
                        json.path("facts"),
                        "facts",
                        Set.of("feed", "proof"),
                        one -> new Fact(id(one, "feed"), proof(text(one, "proof")))),
                list(
                        json.path("files"),
                        "files",
                        Set.of("blob", "name", "text"),
                        one -> new SourceFile(id(one, "blob"), text(one, "name"), text(one, "text"))),
                text(json, "fact_template"),
                text(json, "file_template"));
    }

    private static <T> List<T> list(JsonNode list, String field, Set<String> fields, Function<JsonNode, T> reader) {
        if (!list.isArray() || list.size() > MAX_SOURCES) {
            throw new IllegalArgumentException(
                    "\"sources\" needs a list of at most " + MAX_SOURCES + " as its \"" + field + "\".");
        }
        List<T> read = new ArrayList<>();
        for (JsonNode one : list) {
            requireFields(one, "sources." + field, fields);
            read.add(reader.apply(one));
        }
        return read;
    }

    /** All of them and nothing else: what has one meaning has one form. */
    private static void requireFields(JsonNode json, String where, Set<String> fields) {
        Set<String> found = new HashSet<>();
        json.fieldNames().forEachRemaining(found::add);
        if (!found.equals(fields)) {
            throw new IllegalArgumentException("\"" + where + "\" has other fields than "
                    + fields.stream().sorted().collect(Collectors.joining(", ")) + ".");
        }
    }

    private static String text(JsonNode json, String field) {
        if (!json.path(field).isTextual()) {
            throw new IllegalArgumentException("\"sources\" needs a text as \"" + field + "\".");
        }
        return json.get(field).asText();
    }

    private static Bytes32 id(JsonNode json, String field) {
        String hex = text(json, field);
        if (!hex.matches("[0-9a-f]{64}")) {
            throw new IllegalArgumentException("\"sources\" has an id that is not of 64 hexadecimal digits: " + field);
        }
        return Bytes32.of(HEX.parseHex(hex));
    }

    private static byte[] proof(String base64) {
        if (base64.length() > MAX_PROOF_BYTES * 4L / 3 + 4) {
            throw new IllegalArgumentException("A fact's proof has more than " + MAX_PROOF_BYTES + " bytes.");
        }
        return Base64.getDecoder().decode(base64);
    }

    /** As {@link #parse} reads it. */
    public ObjectNode toJson() {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        ArrayNode factList = json.putArray("facts");
        for (Fact fact : facts) {
            factList.addObject()
                    .put("feed", fact.feed.toString())
                    .put("proof", Base64.getEncoder().encodeToString(fact.proof));
        }
        ArrayNode fileList = json.putArray("files");
        for (SourceFile file : files) {
            fileList.addObject()
                    .put("blob", file.id.toString())
                    .put("name", file.name)
                    .put("text", file.text);
        }
        return json.put("fact_template", factTemplate).put("file_template", fileTemplate);
    }

    /**
     * The facts' values, each proven.
     *
     * @param ledger that is trusted; null where none is known.
     * @param time seconds since 1970 at which the request was made: values must be fresh then.
     * @throws IllegalArgumentException where one is not proven or too old.
     * @throws IllegalStateException where there are facts, and no ledger is known to judge them by.
     */
    public List<ProvenFact> proven(TrustedLedger ledger, long time) {
        return facts.stream()
                .map(fact -> ProvenFact.of(fact.proof, fact.feed, ledger, time))
                .toList();
    }

    /**
     * The text that stands in the prompt before what the user says: a line for each fact, then the files, a blank line
     * before each.
     *
     * @throws IllegalArgumentException as {@link #proven} throws, and where a template names a field that there is not.
     */
    public String rendered(TrustedLedger ledger, long time) {
        return rendered(proven(ledger, time));
    }

    /**
     * The same, of facts that are {@link #proven}.
     *
     * @throws IllegalArgumentException where a template names a field that there is not.
     */
    public String rendered(List<ProvenFact> proven) {
        List<String> blocks = new ArrayList<>();
        SourceTemplate ofFact = new SourceTemplate(factTemplate);
        String lines = proven.stream()
                .map(fact -> ofFact.filled("The template of facts", fields(fact)))
                .collect(Collectors.joining("\n"));
        if (!lines.isEmpty()) {
            blocks.add(lines);
        }
        SourceTemplate ofFile = new SourceTemplate(fileTemplate);
        for (SourceFile file : files) {
            blocks.add(ofFile.filled("The template of files", fields(file)));
        }
        return String.join("\n\n", blocks);
    }

    private static SortedMap<String, String> fields(ProvenFact fact) {
        return new TreeMap<>(Map.of(
                "name", fact.feed().name(),
                "value", fact.value().toPlainString(),
                "unit", fact.feed().unit(),
                "time", fact.time(),
                "spread", fact.spread().toPlainString(),
                "round", Long.toString(fact.feed().latest().round()),
                "block", Long.toString(fact.block()),
                "feed", fact.feed().id().toString()));
    }

    private static SortedMap<String, String> fields(SourceFile file) {
        return new TreeMap<>(Map.of(
                "name",
                file.name,
                "text",
                file.text,
                "bytes",
                Long.toString(Utf8.length("file", file.text)),
                "id",
                file.id.toString()));
    }
}
