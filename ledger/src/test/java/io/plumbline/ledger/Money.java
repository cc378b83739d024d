package io.plumbline.ledger;

import io.plumbline.ledger.state.Genesis;
import io.plumbline.ledger.state.Parameters;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Receipt;
import java.util.List;

/** Keys and amounts that ledger tests share. */
public final class Money {
    public static final KeyPair REQUESTER = KeyPair.random();
    public static final KeyPair BANK = KeyPair.random();
    public static final KeyPair NODE = KeyPair.random();
    public static final List<KeyPair> FULL_NODES = List.of(KeyPair.random(), KeyPair.random(), KeyPair.random());
    public static final Bytes32 MODEL = Bytes32.ZERO;

    private Money() {}

    public static Genesis genesis() {
        return new Genesis(
                FULL_NODES.stream().map(KeyPair::publicKey).toList(),
                1_000,
                BANK.publicKey(),
                List.of(
                        new Genesis.Deposit(REQUESTER.publicKey(), 1_000_000),
                        new Genesis.Deposit(NODE.publicKey(), 100_000)),
                Parameters.FREE);
    }

    public static byte[] request(int number) {
        byte[] hash = new byte[32];
        hash[0] = (byte) number;
        return hash;
    }

    public static Receipt receipt(int number, long price) {
        byte[] any = new byte[32];
        return new Receipt(1, MODEL, Bytes32.of(request(number)), any, any, 1024, 10, 90, price, null, null).sign(NODE);
    }
}
