package io.plumbline.ledger.vectors;

import io.plumbline.verifier.receipt.KeyPair;
import java.util.Arrays;
import java.util.List;

/** The keys of the vectors. Their secrets are known: they sign nothing else. */
final class People {
    static final KeyPair NODE = keys(1);
    static final KeyPair OTHER_NODE = keys(2);
    static final KeyPair REQUESTER = keys(3);
    static final KeyPair OUTSIDER = keys(4);
    static final List<KeyPair> FULL_NODES = List.of(keys(11), keys(12), keys(13), keys(14));

    private People() {}

    private static KeyPair keys(int secret) {
        return new KeyPair(fill(KeyPair.SECRET_BYTES, secret));
    }

    static byte[] fill(int length, int value) {
        byte[] bytes = new byte[length];
        Arrays.fill(bytes, (byte) value);
        return bytes;
    }
}
