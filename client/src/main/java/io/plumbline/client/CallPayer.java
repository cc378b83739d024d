package io.plumbline.client;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.verifier.blake3.Domain;
import io.plumbline.verifier.encoding.CanonicalWriter;
import io.plumbline.verifier.receipt.KeyPair;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.HexFormat;

/**
 * Pays for each call of a gateway that is paid so, from one account, up to a bound. Knows how the ledger writes one
 * command, a payment, and nothing else of it. For any number of threads.
 */
final class CallPayer {
    static final String HEADER = "X-PAYMENT";

    private static final String SCHEME = "plumbline-transfer";
    private static final Domain COMMANDS = new Domain("plumbline 2026-11 ledger commands");
    private static final Domain SPENDING = new Domain("plumbline 2026-11 spending of credit");
    private static final int TRANSFER = 21;
    private static final int NONCE_BYTES = 16;
    private static final int KEY_DIGITS = 64;

    /** For so long may a payment be made once it is signed. */
    private static final long LIFE_MS = 60_000;

    private static final HexFormat HEX = HexFormat.of();

    private final SecureRandom random = new SecureRandom();
    private final KeyPair account;
    private final long most;

    /** @param most that one call may cost, in the ledger's smallest unit. */
    CallPayer(KeyPair account, long most) {
        this.account = account;
        this.most = most;
    }

    /** The account, in hexadecimal. */
    String key() {
        return account.publicKey().toString();
    }

    /**
     * The header that pays as a gateway offers; null where it offers no way that is known here, or costs more.
     *
     * @param refusal body of the status 402.
     * @param credit of the account at the gateway.
     */
    String pay(JsonNode refusal, long credit) {
        for (JsonNode offer : refusal.path("accepts")) {
            long amount = offer.path("maxAmountRequired").asLong(-1);
            boolean isSound = offer.path("scheme").asText().equals(SCHEME)
                    && isKey(offer.path("payTo"))
                    && isKey(offer.path("asset"))
                    && isKey(offer.path("extra").path("reference"));
            if (isSound && amount >= 0 && amount <= most) {
                // A gateway that says less than nothing would be paid more than the bound.
                return header(offer, amount, Math.max(0, credit));
            }
        }
        return null;
    }

    private static boolean isKey(JsonNode hex) {
        return hex.asText().length() == KEY_DIGITS && hex.asText().matches("[0-9a-f]+");
    }

    private String header(JsonNode offer, long amount, long credit) {
        byte[] payee = HEX.parseHex(offer.path("payTo").asText());
        byte[] ledger = HEX.parseHex(offer.path("asset").asText());
        String named = offer.path("extra").path("reference").asText();
        byte[] reference = HEX.parseHex(named);
        ObjectNode json = HttpCalls.MAPPER
                .createObjectNode()
                .put("x402Version", 1)
                .put("scheme", SCHEME)
                .put("network", offer.path("network").asText());
        ObjectNode payload = json.putObject("payload");
        if (credit >= amount) {
            byte[] message = new CanonicalWriter()
                    .putFixed(payee)
                    .putFixed(reference)
                    .putLong(amount)
                    .toBytes();
            payload.put("payer", key())
                    .put("reference", named)
                    .put("signature", HEX.formatHex(account.sign(SPENDING.hash(message))));
        } else {
            payload.put("transfer", HEX.formatHex(transfer(ledger, payee, amount - credit, reference)));
        }
        return Base64.getEncoder().encodeToString(json.toString().getBytes(StandardCharsets.UTF_8));
    }

    /** A payment as the ledger takes it, signed. */
    private byte[] transfer(byte[] ledger, byte[] payee, long amount, byte[] reference) {
        byte[] command = new CanonicalWriter()
                .putInt(TRANSFER)
                .putFixed(payee)
                .putLong(amount)
                .putFixed(reference)
                .toBytes();
        byte[] commands = new CanonicalWriter().putInt(1).putBytes(command).toBytes();
        byte[] nonce = new byte[NONCE_BYTES];
        random.nextBytes(nonce);
        byte[] unsigned = new CanonicalWriter()
                .putBytes32(account.publicKey())
                .putFixed(nonce)
                .putLong(System.currentTimeMillis() + LIFE_MS)
                .putBytes(commands)
                .toBytes();
        byte[] signature = account.sign(COMMANDS.hash(ledger, unsigned));
        return new CanonicalWriter().putFixed(unsigned).putFixed(signature).toBytes();
    }
}
