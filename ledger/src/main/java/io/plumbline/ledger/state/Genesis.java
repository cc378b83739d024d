package io.plumbline.ledger.state;

import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalWriter;
import java.util.ArrayList;
import java.util.List;

/**
 * What a ledger begins with; every member has the same.
 *
 * @param fullNodes public keys whose verdicts count, in order.
 * @param deposits first balances.
 */
public record Genesis(List<byte[]> fullNodes, List<Deposit> deposits) {
    /** One account's first balance. */
    public record Deposit(byte[] account, long amount) {}

    public Genesis {
        if (fullNodes.isEmpty()) {
            throw new IllegalArgumentException("A ledger needs at least one full node.");
        }
        fullNodes = List.copyOf(fullNodes);
        deposits = List.copyOf(deposits);
    }

    public long total() {
        return deposits.stream().mapToLong(Deposit::amount).reduce(0, Math::addExact);
    }

    public byte[] encode() {
        CanonicalWriter out = new CanonicalWriter().putInt(fullNodes.size());
        fullNodes.forEach(out::putFixed);
        out.putInt(deposits.size());
        deposits.forEach(deposit -> out.putFixed(deposit.account()).putLong(deposit.amount()));
        return out.toBytes();
    }

    public static Genesis decode(byte[] bytes) {
        CanonicalReader in = new CanonicalReader(bytes, "genesis");
        List<byte[]> nodes = new ArrayList<>();
        for (int n = in.getInt("full nodes"); n > 0; n--) {
            nodes.add(in.getFixed(32, "full node"));
        }
        List<Deposit> deposits = new ArrayList<>();
        for (int n = in.getInt("deposits"); n > 0; n--) {
            deposits.add(new Deposit(in.getFixed(32, "account"), in.getLong("amount")));
        }
        in.end();
        return new Genesis(nodes, deposits);
    }

    public byte[] hash() {
        return Blake3.hash(encode());
    }
}
