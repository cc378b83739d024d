package io.plumbline.client;

import com.fasterxml.jackson.databind.JsonNode;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.lightclient.TrustedLedger;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;

/** A network's file, of which a client reads what the ledger began with. */
final class NetworkFile {
    private static final long MAX_BYTES = 16 << 20;

    private NetworkFile() {}

    /**
     * @throws IOException where it cannot be read.
     * @throws VerificationException named NETWORK, where it is no network's file.
     */
    static TrustedLedger read(Path file) throws IOException {
        if (Files.size(file) > MAX_BYTES) {
            throw malformed(file, "it is longer than " + MAX_BYTES + " bytes", null);
        }
        try {
            JsonNode genesis =
                    HttpCalls.MAPPER.readTree(Files.readAllBytes(file)).path("genesis");
            return TrustedLedger.ofGenesis(HexFormat.of().parseHex(genesis.asText()));
        } catch (com.fasterxml.jackson.core.JacksonException | IllegalArgumentException | MalformedException e) {
            throw malformed(file, e.getMessage(), e);
        }
    }

    private static VerificationException malformed(Path file, String why, Throwable cause) {
        return new VerificationException("NETWORK", file + " is no network's file: " + why, cause);
    }
}
