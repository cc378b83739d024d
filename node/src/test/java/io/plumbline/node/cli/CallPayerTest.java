package io.plumbline.node.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.plumbline.ledger.state.Command;
import io.plumbline.ledger.state.Signed;
import io.plumbline.verifier.receipt.KeyPair;
import java.util.Base64;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;

/** A terminal signs for no more than its bound, also where the gateway lies. */
class CallPayerTest {
    private static final ObjectMapper MAPPER = new ObjectMapper();

    @Test
    void aCreditBelowNothingMakesNoPaymentLarger() throws Exception {
        String key = "ab".repeat(32);
        JsonNode refusal = MAPPER.readTree("{\"accepts\":[{\"scheme\":\"plumbline-transfer\",\"network\":\"n\","
                + "\"maxAmountRequired\":\"50\",\"payTo\":\"" + key + "\",\"asset\":\"" + key
                + "\",\"extra\":{\"reference\":\"" + key + "\"}}]}");
        CallPayer payer = new CallPayer(KeyPair.random(), 60);
        assertEquals(50, paid(payer, refusal, -1_000_000));
        assertEquals(50, paid(payer, refusal, Long.MIN_VALUE));
        assertEquals(20, paid(payer, refusal, 30));
    }

    private static long paid(CallPayer payer, JsonNode refusal, long credit) throws Exception {
        byte[] header = Base64.getDecoder().decode(payer.pay(refusal, credit));
        String transfer =
                MAPPER.readTree(header).path("payload").path("transfer").asText();
        Signed signed = Signed.decode(HexFormat.of().parseHex(transfer));
        return ((Command.Transfer) signed.commands().getFirst()).amount();
    }
}
