package io.plumbline.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.plumbline.verifier.lightclient.ProofRefusedException;
import io.plumbline.verifier.lightclient.SettlementProof;
import io.plumbline.verifier.lightclient.TrustedLedger;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** An application has a small class path, and starts Java without flags. */
class ApplicationTest {
    /** An application that checks a settlement. */
    static final class Application {
        private Application() {}

        public static void main(String[] arguments) throws IOException, ProofRefusedException {
            JsonNode vectors = new ObjectMapper()
                    .readTree(Path.of("../docs/receipt-vectors/proofs.json").toFile());
            JsonNode first = vectors.get("cases").get(0);
            HexFormat hex = HexFormat.of();
            TrustedLedger ledger = TrustedLedger.ofGenesis(
                    hex.parseHex(first.get("network").get("genesis").asText()));
            byte[] proof = hex.parseHex(first.get("proof").asText());
            System.out.println(SettlementProof.check(proof, ledger).settlement().status());
        }
    }

    @Test
    void noServerNoLedgerAndNoNativeCodeIsOnItsClassPath() {
        String path = System.getProperty("java.class.path");
        assertTrue(path.contains("verifier"), path);
        for (String heavy : new String[] {"aeron", "agrona", "rocksdb", "jetty", "onnx", "/ledger/", "/native/"}) {
            assertFalse(path.contains(heavy), heavy + " in " + path);
        }
    }

    @Test
    void aSettlementIsCheckedWithoutFlagsAndWithoutAWordOfWarning() throws IOException, InterruptedException {
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        Application.class.getName())
                .redirectErrorStream(true)
                .start();
        process.getOutputStream().close();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertTrue(process.waitFor(1, TimeUnit.MINUTES));
        assertEquals(0, process.exitValue(), said);
        assertEquals(List.of("SETTLED"), said.lines().toList());
    }
}
