package io.plumbline.ledger.state;

import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalWriter;
import io.plumbline.verifier.lightclient.TrustedLedger;
import java.util.ArrayList;
import java.util.List;

/**
 * What a ledger begins with; every member has the same.
 *
 * @param fullNodes public keys whose verdicts count, in order.
 * @param bond stake that each of them puts up, lost by who signs what it must not.
 * @param bank public key of who says what money came in from outside; zeros where none does.
 * @param deposits first balances.
 * @param parameters it runs by until a quorum of full nodes changes them.
 */
public record Genesis(List<Bytes32> fullNodes, long bond, Bytes32 bank, List<Deposit> deposits, Parameters parameters) {
    /** One account's first balance. */
    public record Deposit(Bytes32 account, long amount) {}

    public Genesis {
        if (fullNodes.isEmpty()) {
            throw new IllegalArgumentException("A ledger needs at least one full node.");
        }
        if (fullNodes.stream().distinct().count() < fullNodes.size()) {
            throw new IllegalArgumentException(
                    "Two full nodes of a ledger have the same key: it would vote twice. Give each its own.");
        }
        if (bond < 0 || deposits.stream().anyMatch(deposit -> deposit.amount() < 0)) {
            throw new IllegalArgumentException("A ledger begins with no debts: bond and deposits must be 0 or more.");
        }
        if (isTooMuch(fullNodes.size(), bond, deposits)) {
            throw new IllegalArgumentException(
                    "A ledger cannot count so much money: bonds and deposits together are at most "
                            + Books.MAX_DEPOSITED + ".");
        }
        if (parameters.fault() != null) {
            throw new IllegalArgumentException("A ledger cannot run by these parameters: " + parameters.fault() + ".");
        }
        fullNodes = List.copyOf(fullNodes);
        deposits = List.copyOf(deposits);
    }

    private static boolean isTooMuch(int fullNodes, long bond, List<Deposit> deposits) {
        long left = Books.MAX_DEPOSITED;
        if (bond > left / fullNodes) {
            return true;
        }
        left -= bond * fullNodes;
        for (Deposit deposit : deposits) {
            if (deposit.amount() > left) {
                return true;
            }
            left -= deposit.amount();
        }
        return false;
    }

    /** Without stakes of full nodes, without a bank, and without fees. */
    public Genesis(List<Bytes32> fullNodes, List<Deposit> deposits) {
        this(fullNodes, 0, Bytes32.ZERO, deposits, Parameters.FREE);
    }

    /** All money there is at first. */
    public long total() {
        return deposits.stream()
                .mapToLong(Deposit::amount)
                .reduce(Math.multiplyExact(bond, (long) fullNodes.size()), Math::addExact);
    }

    /** Where a full node stands among them; -1 where it is none. */
    public int place(Bytes32 fullNode) {
        for (int i = 0; i < fullNodes.size(); i++) {
            if (fullNodes.get(i).equals(fullNode)) {
                return i;
            }
        }
        return -1;
    }

    public byte[] encode() {
        CanonicalWriter out = new CanonicalWriter().putInt(fullNodes.size());
        fullNodes.forEach(out::putBytes32);
        out.putLong(bond).putBytes32(bank).putInt(deposits.size());
        deposits.forEach(deposit -> out.putBytes32(deposit.account()).putLong(deposit.amount()));
        parameters.write(out);
        return out.toBytes();
    }

    public static Genesis decode(byte[] bytes) {
        CanonicalReader in = new CanonicalReader(bytes, "genesis");
        List<Bytes32> nodes = new ArrayList<>();
        for (int n = in.getInt("full nodes"); n > 0; n--) {
            nodes.add(in.getBytes32("full node"));
        }
        long bond = in.getLong("bond");
        Bytes32 bank = in.getBytes32("bank");
        List<Deposit> deposits = new ArrayList<>();
        for (int n = in.getInt("deposits"); n > 0; n--) {
            deposits.add(new Deposit(in.getBytes32("account"), in.getLong("amount")));
        }
        Parameters parameters = Parameters.read(in);
        in.end();
        return new Genesis(nodes, bond, bank, deposits, parameters);
    }

    /** The ledger as verifiers of its settlements know it. */
    public TrustedLedger trusted() {
        return new TrustedLedger(hash(), fullNodes);
    }

    /** 32 bytes that name this ledger: votes are bound to it. */
    public Bytes32 hash() {
        return Bytes32.of(Blake3.hash(encode()));
    }
}
