package io.plumbline.node;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.beust.jcommander.JCommander;
import io.plumbline.inference.language.tokenizer.ChatTokenizer;
import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.state.Command;
import io.plumbline.ledger.state.Parameters;
import io.plumbline.node.cli.AuditCommand;
import io.plumbline.node.cli.ledger.AccuseCommand;
import io.plumbline.node.cli.receipt.ReceiptVerifyCommand;
import io.plumbline.node.client.Inference;
import io.plumbline.node.client.NodeClient;
import io.plumbline.node.network.Network;
import io.plumbline.transport.Peer;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.lightclient.CertifiedEntry;
import io.plumbline.verifier.lightclient.LedgerHashes.Kind;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Receipt;
import io.plumbline.verifier.receipt.Request;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.concurrent.Callable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a person who holds another receipt than the settled one is told, and can do. */
@Tag("slow")
class DoubleReceiptCommandsTest {
    private static final int MOST = 8;

    @TempDir
    Path folder;

    private record Said(int code, String text) {}

    private static Said run(Callable<Integer> command, String... arguments) throws Exception {
        JCommander.newBuilder().addObject(command).build().parse(arguments);
        PrintStream before = System.out;
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        System.setOut(new PrintStream(out, true, StandardCharsets.UTF_8));
        try {
            int code = command.call();
            return new Said(code, out.toString(StandardCharsets.UTF_8));
        } finally {
            System.setOut(before);
        }
    }

    /** A receipt whose node hands in one of a lower price. */
    private Receipt shown(AttackNetwork network, KeyPair keys, LedgerClient ledger) throws Exception {
        network.register(keys, 20_000, 3, ScriptedNode.handingInALowerPrice(network, keys, 3));
        int[] prompt;
        try (ChatTokenizer tokenizer = ChatTokenizer.of(network.model.tokenFiles())) {
            prompt = tokenizer.text("Once upon a time");
        }
        Request request = network.request("", prompt, MOST);
        AttackNetwork.apply(
                ledger,
                new Command.OpenEscrow(request.hash(), keys.publicKey(), 3, prompt.length + MOST, Level.SIGNED));
        NodeClient client = new NodeClient();
        Peer node = network.endpoint(KeyPair.random(), client.protocol())
                .connect(
                        "127.0.0.1",
                        ledger.nodes().stream()
                                .filter(one -> one.key().equals(keys.publicKey()))
                                .findFirst()
                                .orElseThrow()
                                .port(),
                        keys.publicKey().bytes());
        try (Inference inference = client.infer(
                node, request, network.requester, network.model.config().vocab(), -1, chosen -> {})) {
            return inference.await().receipt();
        }
    }

    @Test
    void aSecondReceiptIsToldAndFiled() throws Exception {
        try (AttackNetwork network = new AttackNetwork(folder, Parameters.DEFAULT, 5_000, Level.SIGNED)) {
            KeyPair keys = network.attackers.getFirst();
            LedgerClient ledger = network.ledger(network.requester);
            Receipt shown = shown(network, keys, ledger);
            String hex = HexFormat.of().formatHex(shown.encode());
            String file = folder.resolve("network.json").toString();
            network.network.write(Path.of(file));
            // The node tells its auditors nothing of the other one, and the answer is refunded: an offence all the
            // same.
            assertFalse(network.ended(ledger, shown.requestHash(), 30_000).isOpen());
            CertifiedEntry entry = ledger.prove(Kind.SETTLEMENT, shown.requestHash());
            Path proof = Files.write(folder.resolve("settled.proof"), entry.encode());

            Said audited = run(
                    new AuditCommand(),
                    hex,
                    "--network",
                    file,
                    "--model",
                    network.model.folder().toString());
            assertEquals(1, audited.code(), audited.text());
            assertTrue(audited.text().contains("has handed another receipt in"), audited.text());
            Said verified = run(new ReceiptVerifyCommand(), proof.toString(), "--network", file, "--receipt", hex);
            assertEquals(1, verified.code(), verified.text());
            assertTrue(verified.text().contains("plumbline ledger accuse"), verified.text());
            String settled = HexFormat.of()
                    .formatHex(
                            ledger.findSettlement(shown.requestHash()).receipt().encode());
            assertEquals(
                    0,
                    run(new ReceiptVerifyCommand(), proof.toString(), "--network", file, "--receipt", settled)
                            .code());

            Path key = folder.resolve("finder.key");
            Network.writeKey(key, network.requester);
            String[] innocent = {"--network", file, "--key", key.toString(), "--receipt", settled};
            IOException refused = assertThrows(IOException.class, () -> run(new AccuseCommand(), innocent));
            assertTrue(refused.getMessage().contains("this is it"), refused.getMessage());
            Said accused = run(new AccuseCommand(), "--network", file, "--key", key.toString(), "--receipt", hex);
            assertTrue(accused.text().contains("has lost its stake"), accused.text());
            assertEquals(0, ledger.account(keys.publicKey()).stake());
        }
    }
}
