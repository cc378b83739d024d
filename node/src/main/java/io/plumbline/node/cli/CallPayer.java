package io.plumbline.node.cli;

import com.fasterxml.jackson.databind.JsonNode;
import io.plumbline.ledger.state.Command;
import io.plumbline.ledger.state.Signed;
import io.plumbline.node.gateway.CallPayment;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.util.HexFormat;

/** Pays calls of a gateway that is paid for each, from one account, up to a bound that its owner names. */
final class CallPayer {
    /** For so long may a payment be made once it is signed. */
    private static final long LIFE_MS = 60_000;

    private static final int KEY_DIGITS = 64;

    private final KeyPair keys;
    private final long most;

    /** @param most that one call may cost, in the ledger's smallest unit. */
    CallPayer(KeyPair keys, long most) {
        this.keys = keys;
        this.most = most;
    }

    /** The account, in hexadecimal. */
    String account() {
        return keys.publicKey().toString();
    }

    /**
     * Pays as a gateway has offered: with credit where that is enough, else on the ledger.
     *
     * @param refusal body of the answer 402.
     * @param credit of the account at this gateway.
     * @return the header {@link CallPayment#HEADER}.
     * @throws IOException where it is offered in no way that is known here, or costs more than may be paid.
     */
    String pay(JsonNode refusal, long credit) throws IOException {
        for (JsonNode offer : refusal.path("accepts")) {
            if (offer.path("scheme").asText().equals(CallPayment.SCHEME)) {
                // A gateway that says less than nothing would be paid more than the bound.
                return payment(offer, Math.max(0, credit))
                        .header(offer.path("network").asText());
            }
        }
        throw new IOException("The endpoint is paid in no way that is known here; it takes API keys, perhaps.");
    }

    private CallPayment payment(JsonNode offer, long credit) throws IOException {
        long amount = offer.path("maxAmountRequired").asLong(-1);
        String payee = offer.path("payTo").asText();
        String ledger = offer.path("asset").asText();
        String reference = offer.path("extra").path("reference").asText();
        if (amount < 0 || !isKey(payee) || !isKey(ledger) || !isKey(reference)) {
            throw new IOException("The endpoint's offer is none: " + offer);
        }
        if (amount > most) {
            throw new IOException("This call may cost up to " + amount + ", and " + most
                    + " are the most that is paid. Allow more with --pay-at-most, or ask with a smaller --max-tokens.");
        }
        HexFormat hex = HexFormat.of();
        Bytes32 gateway = Bytes32.of(hex.parseHex(payee));
        if (credit >= amount) {
            return CallPayment.Credit.of(keys, gateway, Bytes32.of(hex.parseHex(reference)), amount);
        }
        Command.Transfer transfer = new Command.Transfer(gateway, amount - credit, Bytes32.of(hex.parseHex(reference)));
        long untilMs = System.currentTimeMillis() + LIFE_MS;
        return new CallPayment.Transfer(Signed.of(Bytes32.of(hex.parseHex(ledger)), keys, untilMs, transfer), transfer);
    }

    private static boolean isKey(String hex) {
        return hex.length() == KEY_DIGITS && hex.matches("[0-9a-f]+");
    }
}
