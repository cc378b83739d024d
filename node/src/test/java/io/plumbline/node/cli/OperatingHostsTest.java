package io.plumbline.node.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.plumbline.ledger.faults.Namespaces;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The commands of docs/operating.md on hosts of several operators, each a network namespace with an address and a
 * folder of its own: keys stay where they are made, and public keys and the network's file alone are carried.
 */
@Tag("slow")
class OperatingHostsTest {
    private static final Path CHECKPOINT =
            Path.of("..", "models", "plumbline-stories-2m").toAbsolutePath();
    private static final int FULL_NODES = 4;
    private static final int PORT = 9000;

    @TempDir
    Path folder;

    private final List<OperatingHost> hosts = new ArrayList<>();
    private Namespaces namespaces;

    @BeforeEach
    void makeHosts() throws Exception {
        assumeTrue(
                Namespaces.areThere(),
                "Skipped: hosts are network namespaces, which root alone can make (ip netns add).");
        namespaces = new Namespaces(FULL_NODES + 2);
        for (int i = 0; i < FULL_NODES + 2; i++) {
            hosts.add(new OperatingHost(
                    folder.resolve("host" + i),
                    Namespaces.address(i),
                    List.of("ip", "netns", "exec", namespaces.name("h" + i))));
        }
    }

    @AfterEach
    void end() {
        hosts.forEach(OperatingHost::close);
        if (namespaces != null) {
            namespaces.close();
        }
    }

    @Test
    void theStepsLeadFromNothingToAnAnswerOnHostsOfTheirOwn() throws Exception {
        List<OperatingHost> full = hosts.subList(0, FULL_NODES);
        OperatingHost bank = full.getFirst();
        OperatingHost node = hosts.get(FULL_NODES);
        OperatingHost gateway = hosts.get(FULL_NODES + 1);

        String network = bank.step("new-network");
        for (OperatingHost host : full) {
            String key = host.run(host.step("new-key full.key"));
            network = network.replaceFirst(" KEY@HOST:PORT", " " + key + "@" + host.address() + ":" + PORT);
        }
        String nodeKey = node.run(node.step("new-key node.key"));
        bank.run(network.replace("BANKKEY", bank.run(bank.step("new-key bank.key")))
                .replace("NODEKEY", nodeKey)
                .replace("GATEWAYKEY", gateway.run(gateway.step("new-key gateway.key"))));
        for (OperatingHost host : hosts) {
            if (host != bank) {
                Files.copy(bank.folder().resolve("network.json"), host.folder().resolve("network.json"));
            }
            host.run(host.step("model import").replace("CHECKPOINT", CHECKPOINT.toString()));
        }

        List<OperatingHost.Role> fullNodes = new ArrayList<>();
        for (OperatingHost host : full) {
            fullNodes.add(host.start(host.step("./plumbline full-node")));
        }
        for (OperatingHost.Role role : fullNodes) {
            role.await("ready");
        }

        bank.run(bank.step("ledger deposit").replace("--to KEY", "--to " + nodeKey));
        String account = node.run(node.step("ledger account"));
        assertTrue(account.contains("200000"), account);

        node.start(node.step("inference-node")).await("ready");
        gateway.start(gateway.step("./plumbline gateway")).await("ready");
        // From another host: the gateway is reached at its address.
        JsonNode answer =
                new ObjectMapper().readTree(bank.run(gateway.step("curl ").replace("curl ", "curl -sS ")));
        assertTrue(answer.path("usage").path("completion_tokens").asInt() > 0, answer.toString());
        String receipt = answer.path("plumbline").path("receipt").asText();
        String audit = bank.run(bank.step("./plumbline audit").replace("RECEIPT", receipt));
        assertTrue(audit.contains("GOOD"), audit);
        assertTrue(bank.run(bank.step("ledger status")).contains("height"));
        String serve = node.step("./plumbline serve CHECKPOINT").replace("CHECKPOINT", CHECKPOINT.toString());
        assertEquals(9101, node.joinLater(bank, serve).path("port").asInt());
        assertTrue(Files.exists(node.folder().resolve(".plumbline/node/plumbline-stories-2m/node.key")));
        for (OperatingHost host : hosts) {
            try (Stream<Path> files = Files.list(host.folder())) {
                List<String> keys = files.map(file -> file.getFileName().toString())
                        .filter(name -> name.endsWith(".key"))
                        .sorted()
                        .toList();
                List<String> own = host == bank
                        ? List.of("bank.key", "full.key")
                        : List.of(host == node ? "node.key" : host == gateway ? "gateway.key" : "full.key");
                assertEquals(own, keys);
            }
        }
    }
}
