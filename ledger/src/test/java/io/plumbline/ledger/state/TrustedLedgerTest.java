package io.plumbline.ledger.state;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.lightclient.TrustedLedger;
import io.plumbline.verifier.receipt.KeyPair;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A verifier of settlements reads a genesis by itself. */
class TrustedLedgerTest {
    private static final Genesis GENESIS = new Genesis(
            List.of(KeyPair.random().publicKey(), KeyPair.random().publicKey()),
            List.of(new Genesis.Deposit(KeyPair.random().publicKey(), 7)));

    @Test
    void aVerifierReadsWhatTheLedgerWrites() {
        TrustedLedger read = TrustedLedger.ofGenesis(GENESIS.encode());
        assertEquals(GENESIS.hash(), read.genesisHash());
        assertEquals(2, read.fullNodes().size());
        for (int i = 0; i < 2; i++) {
            assertEquals(GENESIS.fullNodes().get(i), read.fullNodes().get(i));
        }
    }

    @Test
    void aVerifierKnowsTheRulesThatTheLedgerKnows() {
        assertEquals(Parameters.OLDEST_RULES, TrustedLedger.OLDEST_RULES);
        assertEquals(Parameters.KNOWN_RULES, TrustedLedger.KNOWN_RULES);
    }

    @Test
    void whatIsCutOffOrGoesOnIsNone() {
        byte[] bytes = GENESIS.encode();
        for (int length = 0; length < bytes.length; length++) {
            byte[] cut = Arrays.copyOf(bytes, length);
            assertThrows(MalformedException.class, () -> TrustedLedger.ofGenesis(cut), length + " bytes");
        }
        assertThrows(MalformedException.class, () -> TrustedLedger.ofGenesis(Arrays.copyOf(bytes, bytes.length + 1)));
    }
}
