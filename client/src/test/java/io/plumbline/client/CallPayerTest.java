package io.plumbline.client;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import io.plumbline.verifier.receipt.KeyPair;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Base64;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;

/** An application signs for no more than its bound, also where the gateway lies. */
class CallPayerTest {
    /** Behind signer, nonce, time, the commands' length and number, and the length, kind and payee of one. */
    private static final int AMOUNT_OFFSET = 32 + 16 + 8 + 4 + 4 + 4 + 4 + 32;

    @Test
    void aCreditBelowNothingMakesNoPaymentLarger() throws Exception {
        String key = "ab".repeat(32);
        JsonNode refusal =
                HttpCalls.MAPPER.readTree("{\"accepts\":[{\"scheme\":\"plumbline-transfer\",\"network\":\"n\","
                        + "\"maxAmountRequired\":\"50\",\"payTo\":\"" + key + "\",\"asset\":\"" + key
                        + "\",\"extra\":{\"reference\":\"" + key + "\"}}]}");
        CallPayer payer = new CallPayer(KeyPair.random(), 60);
        assertEquals(50, paid(payer, refusal, -1_000_000));
        assertEquals(50, paid(payer, refusal, Long.MIN_VALUE));
        assertEquals(20, paid(payer, refusal, 30));
    }

    private static long paid(CallPayer payer, JsonNode refusal, long credit) throws Exception {
        byte[] header = Base64.getDecoder().decode(payer.pay(refusal, credit));
        String transfer = HttpCalls.MAPPER
                .readTree(header)
                .path("payload")
                .path("transfer")
                .asText();
        return ByteBuffer.wrap(HexFormat.of().parseHex(transfer))
                .order(ByteOrder.LITTLE_ENDIAN)
                .getLong(AMOUNT_OFFSET);
    }
}
