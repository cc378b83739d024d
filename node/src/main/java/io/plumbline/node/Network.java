package io.plumbline.node;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.ledger.state.Genesis;
import io.plumbline.verifier.receipt.Keys;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;

/**
 * What every process of one network is told: where the full nodes are and what the ledger began with. Kept in a JSON file.
 *
 * @param members "host:port" of each full node's first port, in genesis order.
 * @param genesis of the ledger.
 */
record Network(List<String> members, Genesis genesis) {
    void write(Path file) throws IOException {
        ObjectMapper mapper = new ObjectMapper();
        ObjectNode json = mapper.createObjectNode();
        json.set("members", mapper.valueToTree(members));
        json.put("genesis", HexFormat.of().formatHex(genesis.encode()));
        Files.write(file, mapper.writerWithDefaultPrettyPrinter().writeValueAsBytes(json));
    }

    static Network read(Path file) throws IOException {
        try {
            JsonNode json = new ObjectMapper().readTree(Files.readAllBytes(file));
            List<String> members = new ArrayList<>();
            json.get("members").forEach(member -> members.add(member.asText()));
            Genesis genesis =
                    Genesis.decode(HexFormat.of().parseHex(json.get("genesis").asText()));
            if (members.size() != genesis.fullNodes().size()) {
                throw new IOException("it lists " + members.size() + " members for "
                        + genesis.fullNodes().size() + " keys");
            }
            return new Network(members, genesis);
        } catch (NoSuchFileException e) {
            throw new IOException(file + " does not exist. It says where the network's full nodes are.", e);
        } catch (IOException | RuntimeException e) {
            throw new IOException(file + " is not a network file: " + e.getMessage(), e);
        }
    }

    /** Reads a key file: 32 secret bytes in hexadecimal. */
    static Keys readKey(Path file) throws IOException {
        try {
            Set<PosixFilePermission> others = new HashSet<>(Files.getPosixFilePermissions(file));
            others.removeAll(PosixFilePermissions.fromString("rwx------"));
            if (!others.isEmpty()) {
                throw new IOException("others than its owner may use it. Run chmod 600 " + file
                        + ", and think whether somebody has read it");
            }
            return new Keys(HexFormat.of().parseHex(Files.readString(file).strip()));
        } catch (NoSuchFileException e) {
            throw new IOException(file + " is not a key file: it does not exist.", e);
        } catch (IOException | IllegalArgumentException e) {
            throw new IOException(file + " is not a key file: " + e.getMessage(), e);
        }
    }

    /** Writes a key file that only its owner can read. */
    static void writeKey(Path file, Keys keys) throws IOException {
        Files.createFile(file, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
        Files.writeString(file, HexFormat.of().formatHex(keys.secret()));
    }
}
