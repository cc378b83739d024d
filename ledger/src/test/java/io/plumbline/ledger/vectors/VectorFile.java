package io.plumbline.ledger.vectors;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.Set;

/** One file of docs/receipt-vectors while it is made: named cases, each with what a verifier must say of it. */
final class VectorFile {
    private static final Path FOLDER = Path.of("../docs/receipt-vectors");
    private static final ObjectMapper MAPPER = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);

    private final String name;
    private final ObjectNode root = MAPPER.createObjectNode();
    private final ArrayNode cases;
    private final Set<String> names = new HashSet<>();

    VectorFile(String name, String about) {
        this.name = name;
        root.put("about", about);
        cases = root.putArray("cases");
    }

    /** Beside the cases. */
    ObjectNode root() {
        return root;
    }

    ArrayNode cases() {
        return cases;
    }

    /** A case to fill in. */
    ObjectNode add(String caseName) {
        if (!names.add(caseName)) {
            throw new IllegalArgumentException("two cases of " + name + " are called " + caseName);
        }
        return cases.addObject().put("name", caseName);
    }

    static String hex(byte[] bytes) {
        return HexFormat.of().formatHex(bytes);
    }

    static byte[] bytes(String hex) {
        return HexFormat.of().parseHex(hex);
    }

    /** Numbers of 64 bits, which not every JSON parser keeps. */
    static String text(long number) {
        return Long.toString(number);
    }

    private String json() throws IOException {
        return MAPPER.writeValueAsString(root) + "\n";
    }

    Path path() {
        return FOLDER.resolve(name);
    }

    void write() throws IOException {
        Files.createDirectories(FOLDER);
        Files.writeString(path(), json());
    }

    /** Whether the repository has this very file. */
    boolean isCommitted() throws IOException {
        return Files.exists(path()) && Files.readString(path()).equals(json());
    }
}
