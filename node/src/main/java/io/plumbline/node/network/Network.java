package io.plumbline.node.network;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.ledger.cluster.IngressAddress;
import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.cluster.Member;
import io.plumbline.ledger.cluster.RemoteSequencer;
import io.plumbline.ledger.state.Genesis;
import io.plumbline.transport.Addresses;
import io.plumbline.transport.Ports;
import io.plumbline.verifier.lightclient.TrustedLedger;
import io.plumbline.verifier.platform.PrivateFiles;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.agrona.ErrorHandler;

/**
 * What every process of one network is told: where the full nodes are and what the ledger began with. Kept in a JSON
 * file.
 *
 * @param places of the full nodes, in genesis order.
 * @param genesis of the ledger.
 */
public record Network(List<Place> places, Genesis genesis) {
    private static final String ADDRESS = "[A-Za-z0-9.-]{1,255}:\\d{1,5}";

    /**
     * Where a full node is reached.
     *
     * @param ingress "host:port" at which it lets clients in.
     * @param cluster "host:port" of the first of {@link Member#PORTS} ports by which other full nodes reach it.
     */
    public record Place(String ingress, String cluster) {
        /** Written as "HOST:PORT", the ingress, behind which the other ports follow, or "HOST:PORT@HOST:PORT". */
        public static Place parse(String text) throws IOException {
            String[] addresses = text.split("@", -1);
            if (addresses.length > 2
                    || !addresses[0].matches(ADDRESS)
                    || !addresses[addresses.length - 1].matches(ADDRESS)) {
                throw new IOException(
                        "A full node's place is HOST:PORT of its ingress, or that and HOST:PORT of the first of its "
                                + Member.PORTS + " cluster ports after another @, not " + text + ".");
            }
            return addresses.length == 2 ? new Place(addresses[0], addresses[1]) : of(addresses[0]);
        }

        private static Place of(String ingress) {
            int colon = ingress.lastIndexOf(':');
            return new Place(
                    ingress, ingress.substring(0, colon + 1) + (Integer.parseInt(ingress.substring(colon + 1)) + 1));
        }
    }

    /** With all full nodes on this host, at ports that are free now. */
    public static Network onThisHost(Genesis genesis) throws IOException {
        int ports = Member.PORTS + 1;
        int first = Ports.free(genesis.fullNodes().size() * ports);
        List<Place> places = new ArrayList<>();
        for (int i = 0; i < genesis.fullNodes().size(); i++) {
            places.add(Place.of("localhost:" + (first + i * ports)));
        }
        return new Network(places, genesis);
    }

    /** Where full nodes let clients in, and who they are. */
    public List<IngressAddress> ingresses() {
        List<IngressAddress> ingresses = new ArrayList<>();
        for (int i = 0; i < places.size(); i++) {
            ingresses.add(new IngressAddress(
                    places.get(i).ingress, genesis.fullNodes().get(i)));
        }
        return ingresses;
    }

    /**
     * The address that this host reaches the network from, where its operator names none: that of its interface
     * towards the first full node that there is a way to.
     */
    public String addressHere() throws IOException {
        IllegalArgumentException why = null;
        for (IngressAddress at : ingresses()) {
            try {
                return Addresses.towards(at.host(), at.port());
            } catch (IllegalArgumentException e) {
                why = e;
            }
        }
        throw new IOException("None of the full nodes can be reached from here: " + why.getMessage(), why);
    }

    /** Says beside an event where the full nodes are. */
    public List<String> fullNodes() {
        return places.stream().map(Place::ingress).toList();
    }

    /** Where full nodes reach each other, see {@link Member.Place}. */
    public List<String> members() {
        return places.stream().map(Place::cluster).toList();
    }

    /**
     * The ledger, as one of its accounts.
     *
     * @param aeronDirectory of a running media driver.
     * @param host address at which full nodes reach this process.
     */
    public LedgerClient ledger(String aeronDirectory, String host, KeyPair keys) {
        return ledger(aeronDirectory, host, keys, e -> {});
    }

    /** @param errors hears what goes wrong with what it talks through; callers hear that nobody answers. */
    public LedgerClient ledger(String aeronDirectory, String host, KeyPair keys, ErrorHandler errors) {
        return new LedgerClient(
                new RemoteSequencer(aeronDirectory, host, keys, ingresses(), errors), keys, genesis.hash());
    }

    /**
     * The ledger as each full node alone says that it is, in the network's order.
     *
     * @param timeoutNs longest wait for an answer.
     */
    public List<LedgerClient> eachFullNode(String aeronDirectory, String host, KeyPair keys, long timeoutNs) {
        return ingresses().stream()
                .map(one -> new LedgerClient(
                        new RemoteSequencer(aeronDirectory, host, keys, List.of(one), timeoutNs), keys, genesis.hash()))
                .toList();
    }

    public void write(Path file) throws IOException {
        ObjectMapper mapper = new ObjectMapper();
        ObjectNode json = mapper.createObjectNode();
        ArrayNode nodes = json.putArray("full_nodes");
        places.forEach(place -> nodes.addObject().put("ingress", place.ingress).put("cluster", place.cluster));
        json.put("genesis", HexFormat.of().formatHex(genesis.encode()));
        Files.write(file, mapper.writerWithDefaultPrettyPrinter().writeValueAsBytes(json));
    }

    public static Network read(Path file) throws IOException {
        try {
            JsonNode json = new ObjectMapper().readTree(Files.readAllBytes(file));
            List<Place> places = new ArrayList<>();
            for (JsonNode node : json.path("full_nodes")) {
                // Files of earlier builds call it a door.
                places.add(Place.parse(node.path(node.has("ingress") ? "ingress" : "door")
                                .asText() + "@" + node.path("cluster").asText()));
            }
            Genesis genesis =
                    Genesis.decode(HexFormat.of().parseHex(json.path("genesis").asText()));
            if (places.size() != genesis.fullNodes().size()) {
                throw new IOException("it says where " + places.size() + " full nodes are, and its genesis has "
                        + genesis.fullNodes().size());
            }
            return new Network(places, genesis);
        } catch (NoSuchFileException e) {
            throw new IOException(file + " does not exist. It says where the network's full nodes are.", e);
        } catch (IOException | RuntimeException e) {
            throw new IOException(file + " is not a network file: " + e.getMessage(), e);
        }
    }

    /**
     * A network's ledger as verifiers trust it.
     *
     * @param file null where none is named.
     * @return null where none is.
     */
    public static TrustedLedger trusted(Path file) throws IOException {
        return file == null ? null : read(file).genesis().trusted();
    }

    /** Reads a key file: 32 secret bytes in hexadecimal, or which PKCS#11 token has the key, in TOML. */
    public static KeyPair readKey(Path file) throws IOException {
        String text;
        try {
            PrivateFiles.requireOwnerAlone(file);
            text = Files.readString(file).strip();
            if (!TokenKeyFile.is(text)) {
                return new KeyPair(HexFormat.of().parseHex(text));
            }
        } catch (NoSuchFileException e) {
            throw new IOException(file + " is not a key file: it does not exist.", e);
        } catch (IOException | IllegalArgumentException e) {
            throw new IOException(file + " is not a key file: " + e.getMessage(), e);
        }
        return TokenKeyFile.open(file, text);
    }

    /** Writes a key file that only its owner can read. */
    public static void writeKey(Path file, KeyPair keys) throws IOException {
        PrivateFiles.create(file, HexFormat.of().formatHex(keys.secret()).getBytes(StandardCharsets.US_ASCII));
    }
}
