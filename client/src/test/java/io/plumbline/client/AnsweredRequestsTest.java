package io.plumbline.client;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.KeyPair;
import org.junit.jupiter.api.Test;

class AnsweredRequestsTest {
    @Test
    void anAnswerIsTakenOnceWhileItsTimeCouldBeNew() {
        AnsweredRequests answered = new AnsweredRequests(1_000);
        Bytes32 first = KeyPair.random().publicKey();
        Bytes32 second = KeyPair.random().publicKey();
        assertTrue(answered.add(first, 5_000));
        assertTrue(answered.add(second, 5_900));
        assertFalse(answered.add(first, 6_000));
        assertFalse(answered.add(second, 6_000));
        // Its time has been refused since.
        assertTrue(answered.add(first, 6_001));
        assertFalse(answered.add(second, 6_001));
    }
}
