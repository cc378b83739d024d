package io.plumbline.client;

import static io.plumbline.client.ScriptedServer.answer;
import static io.plumbline.client.ScriptedServer.extension;
import static io.plumbline.client.ScriptedServer.send;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.lightclient.CertifiedSettlement.Status;
import io.plumbline.verifier.lightclient.SettlementProof;
import io.plumbline.verifier.lightclient.TrustedLedger;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Settlements by the proofs of docs/receipt-vectors, which a server hands out late, false or not at all. */
class SettlementWatchTest {
    private static final HexFormat HEX = HexFormat.of();
    private static final Duration LONG = Duration.ofSeconds(20);
    private static final ObjectMapper MAPPER = new ObjectMapper();

    private final JsonNode settled = vector("of the expected request and receipt");

    @TempDir
    private Path folder;

    private static JsonNode vector(String name) {
        try {
            JsonNode file = MAPPER.readTree(
                    Path.of("../docs/receipt-vectors/proofs.json").toFile());
            for (JsonNode one : file.get("cases")) {
                if (one.get("name").asText().equals(name)) {
                    return one;
                }
            }
        } catch (IOException e) {
            throw new AssertionError(e);
        }
        throw new AssertionError("no proof is called " + name);
    }

    private Path network(JsonNode json) throws IOException {
        Path file = folder.resolve("network.json");
        MAPPER.writeValue(file.toFile(), json);
        return file;
    }

    private ScriptedServer server(int proofsAfter, byte[] proof) {
        String receipt = settled.get("receipt").asText();
        String answer = answer("a", extension(settled.get("requestHash").asText(), receipt));
        int[] asked = {0};
        return new ScriptedServer(http -> {
            if (http.getRequestMethod().equals("POST")) {
                send(http, 200, answer);
            } else if (asked[0]++ < proofsAfter) {
                send(http, 404, "{\"error\":{\"message\":\"No certified block has this request yet.\"}}");
            } else {
                send(http, 200, proof);
            }
        });
    }

    private byte[] proof() {
        return HEX.parseHex(settled.get("proof").asText());
    }

    @Test
    void aProofIsWaitedForAndChecked() throws IOException {
        try (ScriptedServer server = server(2, proof());
                PlumblineClient client =
                        server.client().network(network(settled.get("network"))).build()) {
            SettlementProof proof = client.chat("a").receipt().awaitSettlement(LONG);
            assertEquals(Status.SETTLED, proof.settlement().status());
            assertEquals(17, proof.entry().header().number());
            assertArrayEquals(proof(), proof.entry().encode(), "the file for plumbline receipt verify");
            String path = "GET /v1/receipts/" + settled.get("requestHash").asText() + "/proof null ";
            assertEquals(List.of(path, path, path), server.heard.subList(1, server.heard.size()));
        }
    }

    /** A gateway that has an answer audited less than its client asked, for less money. */
    @Test
    void anAnswerIsAuditedAsMuchAsWasAskedFor() throws IOException {
        try (ScriptedServer server = server(0, proof());
                PlumblineClient client =
                        server.client().network(network(settled.get("network"))).build()) {
            for (Level level : List.of(Level.SIGNED, Level.AUDITED)) {
                ChatRequest request =
                        ChatRequest.builder().user("a").level(level).build();
                SettlementProof proof = client.chat(request).receipt().awaitSettlement(LONG);
                assertEquals(Level.AUDITED, proof.settlement().level());
            }
            ChatRequest full = ChatRequest.builder().user("a").level(Level.FULL).build();
            AnswerReceipt receipt = client.chat(full).receipt();
            VerificationException e = assertThrows(VerificationException.class, () -> receipt.awaitSettlement(LONG));
            assertEquals("LEVEL", e.failure());
        }
    }

    @Test
    void keysWithoutAFileDoAsWell() {
        TrustedLedger ledger = TrustedLedger.ofGenesis(
                HEX.parseHex(settled.get("network").get("genesis").asText()));
        try (ScriptedServer server = server(0, proof());
                PlumblineClient client = server.client()
                        .fullNodes(ledger.genesisHash(), ledger.fullNodes())
                        .build()) {
            assertEquals(
                    Status.SETTLED,
                    client.chat("a")
                            .receipt()
                            .awaitSettlement(LONG)
                            .settlement()
                            .status());
        }
    }

    @Test
    void everyFalseProofIsRefusedByName() throws IOException {
        int tried = 0;
        for (JsonNode one : MAPPER.readTree(
                        Path.of("../docs/receipt-vectors/proofs.json").toFile())
                .get("cases")) {
            String failure = one.get("expect").path("failure").asText();
            // These depend on what the case knows beside the proof.
            boolean isOfTheBytes = !one.has("requestHash") && !one.has("receipt") && !failure.equals("NETWORK");
            if (failure.isEmpty() || !isOfTheBytes) {
                continue;
            }
            byte[] bytes = HEX.parseHex(one.get("proof").asText());
            try (ScriptedServer server = server(0, bytes);
                    PlumblineClient client =
                            server.client().network(network(one.get("network"))).build()) {
                AnswerReceipt receipt = client.chat("a").receipt();
                VerificationException e = assertThrows(
                        VerificationException.class,
                        () -> receipt.awaitSettlement(LONG),
                        one.get("name").asText());
                assertEquals(failure, e.failure(), one.get("name").asText());
                tried++;
            }
        }
        assertTrue(tried > 20, tried + " false proofs");
    }

    @Test
    void anotherRequestsProofAndAnotherReceiptAreRefused() throws IOException {
        byte[] refunded = HEX.parseHex(vector("found bad by its auditors, after a challenge was posted")
                .get("proof")
                .asText());
        try (ScriptedServer server = server(0, refunded);
                PlumblineClient client =
                        server.client().network(network(settled.get("network"))).build()) {
            AnswerReceipt receipt = client.chat("a").receipt();
            assertEquals(
                    "REQUEST",
                    assertThrows(VerificationException.class, () -> receipt.awaitSettlement(LONG))
                            .failure());
        }
        Bytes32 hash = Bytes32.of(HEX.parseHex(settled.get("requestHash").asText()));
        String other = answer("a", extension(hash, ScriptedServer.receipt(hash)));
        try (ScriptedServer server = new ScriptedServer(http -> {
                    if (http.getRequestMethod().equals("POST")) {
                        send(http, 200, other);
                    } else {
                        send(http, 200, proof());
                    }
                });
                PlumblineClient client =
                        server.client().network(network(settled.get("network"))).build()) {
            AnswerReceipt receipt = client.chat("a").receipt();
            VerificationException e = assertThrows(VerificationException.class, () -> receipt.awaitSettlement(LONG));
            assertEquals("RECEIPT", e.failure());
            assertTrue(e.getMessage().startsWith("The ledger has another receipt"), e.getMessage());
        }
    }

    @Test
    void aRequestThatIsStillOpenIsWaitedFor() throws IOException {
        JsonNode open = vector("no receipt yet");
        Bytes32 hash = Bytes32.of(HEX.parseHex(
                open.get("expect").get("accepted").get("requestHash").asText()));
        String answer = answer("a", extension(hash, ScriptedServer.receipt(hash)));
        byte[] proof = HEX.parseHex(open.get("proof").asText());
        try (ScriptedServer server = new ScriptedServer(http -> {
                    if (http.getRequestMethod().equals("POST")) {
                        send(http, 200, answer);
                    } else {
                        send(http, 200, proof);
                    }
                });
                PlumblineClient client =
                        server.client().network(network(open.get("network"))).build()) {
            AnswerReceipt receipt = client.chat("a").receipt();
            UnreachableException e =
                    assertThrows(UnreachableException.class, () -> receipt.awaitSettlement(Duration.ofMillis(500)));
            assertTrue(e.getMessage().contains("it is ESCROWED"), e.getMessage());
            assertTrue(server.heard.size() > 2, "asked once more");
        }
    }

    @Test
    void oneThatDoesNotComeIsNotWaitedForLonger() throws IOException {
        try (ScriptedServer server = server(Integer.MAX_VALUE, proof());
                PlumblineClient client =
                        server.client().network(network(settled.get("network"))).build()) {
            AnswerReceipt receipt = client.chat("a").receipt();
            UnreachableException e =
                    assertThrows(UnreachableException.class, () -> receipt.awaitSettlement(Duration.ofMillis(500)));
            assertTrue(e.getMessage().contains("No certified block"), e.getMessage());
        }
    }

    @Test
    void aFileThatIsNoNetworksIsRefused() throws IOException {
        Path file = folder.resolve("none.json");
        for (String text : List.of("", "{", "[]", "{}", "{\"genesis\":5}", "{\"genesis\":\"xy\"}")) {
            Files.writeString(file, text);
            VerificationException e = assertThrows(
                    VerificationException.class, () -> PlumblineClient.builder().network(file), text);
            assertEquals("NETWORK", e.failure());
        }
        assertThrows(IOException.class, () -> PlumblineClient.builder().network(folder.resolve("missing.json")));
        assertThrows(
                IllegalArgumentException.class,
                () -> PlumblineClient.builder().fullNodes(Bytes32.ZERO, List.of(Bytes32.ZERO, Bytes32.ZERO)));
    }
}
