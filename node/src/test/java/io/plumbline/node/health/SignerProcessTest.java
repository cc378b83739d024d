package io.plumbline.node.health;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.plumbline.inference.language.importer.ModelImport;
import io.plumbline.ledger.signer.RemoteSigner;
import io.plumbline.ledger.state.Genesis;
import io.plumbline.node.Main;
import io.plumbline.node.full.AdminSocket;
import io.plumbline.node.network.Network;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.lightclient.Certificate;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.agrona.CloseHelper;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A full node and the signer that has its key are two processes, and either may be killed at any moment. */
class SignerProcessTest {
    private static final KeyPair KEYS = KeyPair.random();

    @TempDir
    Path folder;

    private final List<ChildRole> children = new ArrayList<>();
    private Network network;

    @BeforeEach
    void write() throws IOException {
        network = Network.onThisHost(new Genesis(List.of(KEYS.publicKey()), List.of()));
        network.write(folder.resolve("network.json"));
        Network.writeKey(folder.resolve("full.key"), KEYS);
    }

    @AfterEach
    void end() {
        CloseHelper.closeAll(children);
    }

    private ChildRole start(String role, String... options) throws IOException {
        return start(Map.of(), role, options);
    }

    private ChildRole start(Map<String, String> environment, String role, String... options) throws IOException {
        List<String> words = new ArrayList<>(
                List.of(role, "--network", folder.resolve("network.json").toString()));
        if (!List.of(options).contains("--dir")) {
            words.addAll(List.of("--dir", folder.resolve(role).toString()));
        }
        Stream.of(options).forEach(words::add);
        ChildRole child = new ChildRole(Main.class, environment, words);
        children.add(child);
        return child;
    }

    private ChildRole signer() throws Exception {
        ChildRole signer = start("signer", "--key", folder.resolve("full.key").toString());
        signer.awaitEvent("ready");
        return signer;
    }

    private ChildRole fullNode(String model) throws IOException {
        return start("full-node", "--signer", folder.resolve("signer/signer").toString(), "--model", model);
    }

    private String model() throws IOException {
        Path model = folder.resolve("stories");
        ModelImport.run(Path.of("../models/plumbline-stories-2m"), model, share -> {});
        return model.toString();
    }

    private long certified() throws IOException {
        String status = AdminSocket.ask(folder.resolve("full-node"), "status");
        return new ObjectMapper().readTree(status).path("certified").asLong();
    }

    /** Has a command ordered, and waits until a block after it is certified, by this full node's signature. */
    private void goesOn(long after) throws Exception {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (true) {
            try {
                AdminSocket.ask(folder.resolve("full-node"), "propose fee=1");
                if (certified() > after) {
                    return;
                }
            } catch (IOException e) {
                // The signer, or the full node, is not there again yet.
            }
            assertTrue(System.nanoTime() < end, "block " + certified() + " is still the last that is certified");
            Thread.sleep(100);
        }
    }

    @Test
    void aNetworkGoesOnWhicheverOfThemIsKilled() throws Exception {
        String model = model();
        ChildRole signer = signer();
        ChildRole full = fullNode(model);
        full.awaitEvent("ready");
        goesOn(certified());
        assertFalse(Files.exists(folder.resolve("full-node/votes")), "the history is the signer's alone");

        signer.close();
        signer = signer();
        goesOn(certified());

        ChildRole second = start(
                "full-node",
                "--signer",
                folder.resolve("signer/signer").toString(),
                "--model",
                model,
                "--dir",
                folder.resolve("copy").toString());
        assertNotEquals(0, second.exitCode(), "one full node has one signer");
        assertTrue(second.said().contains("another full node is connected to it"), second.said());

        long before = certified();
        full.close();
        full = fullNode(model);
        full.awaitEvent("ready");
        goesOn(before);
        assertTrue(certified() > 0);

        signer.terminate();
        assertEquals(0, signer.exitCode());
    }

    /** What was signed, by block. */
    private record Asked(long number, byte[] hash) {}

    @Test
    void aSignerThatIsKilledSignsNoSecondBlockOfANumber() throws Exception {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        Map<Long, Bytes32> signed = new HashMap<>();
        long number = 0;
        for (int round = 0; round < 8; round++) {
            ChildRole signer = signer();
            try (RemoteSigner asking = new RemoteSigner(
                    folder.resolve("signer/signer"), network.genesis().hash())) {
                // Another full node with the same key, restored and computing otherwise, asks for other blocks.
                for (long back = Math.max(0, number - 3); back < number; back++) {
                    ask(asking, signed, new Asked(back, Blake3.hash(new byte[] {2, (byte) round})));
                }
                Thread killer = Thread.ofPlatform().start(() -> {
                    try {
                        Thread.sleep(random.nextInt(60));
                    } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                    }
                    signer.close();
                });
                while (killer.isAlive()) {
                    ask(asking, signed, new Asked(number, Blake3.hash(new byte[] {1, (byte) round})));
                    number++;
                }
                killer.join();
            }
        }
        assertTrue(signed.size() > 8, "seed " + seed);
    }

    /** Notes a signature; a second one for another block of the same number ends the test. */
    private void ask(RemoteSigner asking, Map<Long, Bytes32> signed, Asked block) {
        byte[] signature;
        try {
            signature = asking.vote(0, block.number, block.hash, List.of());
        } catch (IOException e) {
            return;
        }
        if (signature != null) {
            byte[] message = Certificate.message(network.genesis().hash(), 0, block.number, block.hash);
            assertTrue(KeyPair.verify(KEYS.publicKey(), message, signature));
            Bytes32 before = signed.putIfAbsent(block.number, Bytes32.of(block.hash));
            assertTrue(
                    before == null || before.equals(Bytes32.of(block.hash)), "two blocks " + block.number + " signed");
        }
    }

    @Test
    void aFullNodesKeyMayBeInAToken() throws Exception {
        SoftToken token = SoftToken.make(folder, "full");
        Map<String, String> environment =
                Map.of("SOFTHSM2_CONF", token.configuration().toString());
        ChildRole asked = new ChildRole(
                Main.class,
                environment,
                List.of("ledger", "public-key", token.keyFile().toString()));
        children.add(asked);
        assertEquals(0, asked.exitCode(), asked.said());
        String key = asked.said().lines().toList().getLast().strip();
        network =
                Network.onThisHost(new Genesis(List.of(Bytes32.of(HexFormat.of().parseHex(key))), List.of()));
        network.write(folder.resolve("network.json"));
        start(environment, "signer", "--key", token.keyFile().toString()).awaitEvent("ready");
        fullNode(model()).awaitEvent("ready");
        goesOn(certified());
    }

    @Test
    void whatIsWrongIsOneLineBeforeAnythingIsStarted() throws Exception {
        ChildRole neither = start("full-node", "--model", folder.toString());
        assertEquals(2, neither.exitCode());
        assertTrue(neither.said().contains("--key or --signer is required"), neither.said());
        ChildRole both = start(
                "full-node",
                "--model",
                folder.toString(),
                "--key",
                folder.resolve("full.key").toString(),
                "--signer",
                folder.resolve("network.json").toString());
        assertEquals(2, both.exitCode());
        assertTrue(both.said().contains("--key and --signer exclude each other"), both.said());
        Network.writeKey(folder.resolve("other.key"), KeyPair.random());
        ChildRole other = start("signer", "--key", folder.resolve("other.key").toString());
        assertEquals(1, other.exitCode());
        assertTrue(other.said().contains("not one of this network's full nodes"), other.said());
    }
}
