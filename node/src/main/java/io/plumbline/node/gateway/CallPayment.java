package io.plumbline.node.gateway;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.ledger.state.Command;
import io.plumbline.ledger.state.Signed;
import io.plumbline.verifier.blake3.Domain;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.encoding.CanonicalWriter;
import io.plumbline.verifier.receipt.KeyPair;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;

/**
 * How a call is paid, as the header {@code X-PAYMENT} says it in the form of x402, version 1: JSON in base64. Either it
 * hands in a payment on the ledger that is signed and not submitted yet, or it spends credit, by a signature.
 */
public sealed interface CallPayment {
    /** The request's header. */
    String HEADER = "X-PAYMENT";

    /** The response's header: JSON in base64. */
    String RESPONSE_HEADER = "X-PAYMENT-RESPONSE";

    /** x402's word for how it is paid. */
    String SCHEME = "plumbline-transfer";

    int VERSION = 1;

    Domain SPENDING = new Domain("plumbline 2026-11 spending of credit");

    /** The account that pays. */
    Bytes32 payer();

    /** Of the quote. */
    Bytes32 reference();

    /** Whether the payer has signed it. */
    boolean signatureHolds(Bytes32 ledger, Bytes32 gateway, long most);

    /** The scheme's part of the header. */
    ObjectNode payload();

    /** The name of a ledger's network, as CAIP-2 has names of chains. */
    static String network(Bytes32 genesisHash) {
        return "plumbline:" + genesisHash.toString().substring(0, 32);
    }

    /** A payment on the ledger, to be submitted by the gateway. */
    record Transfer(Signed signed, Command.Transfer transfer) implements CallPayment {
        @Override
        public Bytes32 payer() {
            return signed.signer();
        }

        @Override
        public Bytes32 reference() {
            return transfer.reference();
        }

        @Override
        public boolean signatureHolds(Bytes32 ledger, Bytes32 gateway, long most) {
            return signed.signatureHolds(ledger);
        }

        @Override
        public ObjectNode payload() {
            return Http.MAPPER.createObjectNode().put("transfer", HexFormat.of().formatHex(signed.encode()));
        }
    }

    /**
     * Spends credit.
     *
     * @param signature of the payer's, over {@link #message}.
     */
    record Credit(Bytes32 payer, Bytes32 reference, byte[] signature) implements CallPayment {
        /** Signs that a call may be paid with credit. */
        public static Credit of(KeyPair payer, Bytes32 gateway, Bytes32 reference, long most) {
            return new Credit(payer.publicKey(), reference, payer.sign(message(gateway, reference, most)));
        }

        /**
         * The 32 bytes that are signed.
         *
         * @param gateway key of the account that has the credit, 32 bytes.
         * @param most that the call may cost, as quoted.
         */
        static byte[] message(Bytes32 gateway, Bytes32 reference, long most) {
            return SPENDING.hash(new CanonicalWriter()
                    .putBytes32(gateway)
                    .putBytes32(reference)
                    .putLong(most)
                    .toBytes());
        }

        @Override
        public boolean signatureHolds(Bytes32 ledger, Bytes32 gateway, long most) {
            return KeyPair.verify(payer, message(gateway, reference, most), signature);
        }

        @Override
        public ObjectNode payload() {
            return Http.MAPPER
                    .createObjectNode()
                    .put("payer", payer.toString())
                    .put("reference", reference.toString())
                    .put("signature", HexFormat.of().formatHex(signature));
        }
    }

    /** The header that says this. */
    default String header(String network) {
        ObjectNode json = Http.MAPPER
                .createObjectNode()
                .put("x402Version", VERSION)
                .put("scheme", SCHEME)
                .put("network", network);
        json.set("payload", payload());
        return Base64.getEncoder().encodeToString(json.toString().getBytes(StandardCharsets.UTF_8));
    }

    /**
     * Reads the header.
     *
     * @param network that it must be for.
     * @throws IllegalArgumentException saying what it is not.
     */
    static CallPayment read(String header, String network) {
        JsonNode json;
        try {
            byte[] bytes = Base64.getDecoder().decode(header.strip());
            json = Http.json(bytes, 0, bytes.length);
        } catch (IllegalArgumentException | ApiException e) {
            throw new IllegalArgumentException("it is no JSON in base64", e);
        }
        if (json.path("x402Version").asInt() != VERSION
                || !json.path("scheme").asText().equals(SCHEME)
                || !json.path("network").asText().equals(network)) {
            throw new IllegalArgumentException(
                    "it is not of x402Version " + VERSION + ", scheme " + SCHEME + " and network " + network);
        }
        JsonNode payload = json.path("payload");
        if (payload.has("transfer")) {
            return transfer(payload.path("transfer").asText());
        }
        try {
            return new Credit(
                    Http.key(payload.path("payer").asText()),
                    Http.key(payload.path("reference").asText()),
                    HexFormat.of().parseHex(payload.path("signature").asText()));
        } catch (IllegalArgumentException | ApiException e) {
            throw new IllegalArgumentException(
                    "its payload has neither a \"transfer\" nor \"payer\", \"reference\" and \"signature\" in"
                            + " hexadecimal",
                    e);
        }
    }

    private static CallPayment transfer(String hex) {
        List<Command> commands;
        Signed signed;
        try {
            signed = Signed.decode(HexFormat.of().parseHex(hex));
            commands = signed.commands();
        } catch (IllegalArgumentException | MalformedException e) {
            throw new IllegalArgumentException("its \"transfer\" is no signed command in hexadecimal", e);
        }
        if (commands.size() != 1 || !(commands.getFirst() instanceof Command.Transfer transfer)) {
            throw new IllegalArgumentException("its \"transfer\" is not one payment and nothing else");
        }
        return new Transfer(signed, transfer);
    }
}
