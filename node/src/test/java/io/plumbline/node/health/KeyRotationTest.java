package io.plumbline.node.health;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.node.Main;
import io.plumbline.node.network.Network;
import io.plumbline.verifier.receipt.KeyPair;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** An operator replaces an inference node's key by commands, and the node goes on with the same stake. */
class KeyRotationTest {
    @TempDir
    Path folder;

    private String ledger(String command, Path key, String... options) throws Exception {
        List<String> words = new ArrayList<>(List.of(
                "ledger", command, "--network", folder.resolve("network.json").toString(), "--key", key.toString()));
        words.addAll(List.of(options));
        try (ChildRole child = new ChildRole(Main.class, words)) {
            int code = child.exitCode();
            return (code == 0 ? "" : "failed: ") + child.said();
        }
    }

    @Test
    void aNodeGoesOnWithAnotherKeyAndTheSameStake() throws Exception {
        Path old = folder.resolve("inference-node.key");
        Path next = folder.resolve("next.key");
        try (ChildNetwork network = new ChildNetwork(folder)) {
            KeyPair successor = KeyPair.random();
            Network.writeKey(next, successor);
            network.fullNode().awaitEvent("ready");
            String named = ledger(
                    "name-successor", old, "--successor", successor.publicKey().toString());
            assertTrue(named.contains("ordered at height"), named);
            ChildRole node = network.node("device", "--stake", "60000");
            node.awaitEvent("ready");
            String account = ledger("account", old);
            assertTrue(account.contains("stake      60000"), account);
            assertTrue(account.contains("successor  " + successor.publicKey()), account);

            String stranger = ledger("rotate-key", old, "--successor-key", folder.resolve("gateway.key") + "");
            assertTrue(stranger.contains("failed: ") && stranger.contains("this successor is not in force"), stranger);
            String rotated = ledger("rotate-key", old, "--successor-key", next.toString());
            assertTrue(rotated.contains("ordered at height"), rotated);
            assertTrue(ledger("account", next).contains("stake      60000"));
            assertTrue(ledger("account", old).contains("which has replaced this key"));

            // The old process may be started again for what is open; the new key needs no second stake.
            node.close();
            ChildRole again = network.node("device", "--stake", "60000");
            assertTrue(again.awaitEvent("warning").toString().contains("this key was replaced by"), again.said());
            again.awaitEvent("ready");
            again.close();
            ChildRole renewed =
                    network.node("device", "--stake", "60000", "--key", next.toString(), "--dir", folder + "/renewed");
            assertEquals(
                    successor.publicKey().toString(),
                    renewed.awaitEvent("ready").path("key").asText());
        }
    }
}
