package io.plumbline.verifier.lightclient;

import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.receipt.KeyPair;
import java.util.ArrayList;
import java.util.List;

/**
 * One ledger and its full nodes: all that a verifier of settlements trusts.
 *
 * @param genesisHash 32 bytes that name the ledger; votes are bound to it.
 * @param fullNodes public keys of 32 bytes each, in genesis order; 1 or more, no two alike.
 */
public record TrustedLedger(Bytes32 genesisHash, List<Bytes32> fullNodes) {
    /** Rules of a ledger whose genesis has the form that is read here. */
    public static final int OLDEST_RULES = 3;

    /** As {@link #OLDEST_RULES}, the newest. */
    public static final int KNOWN_RULES = 9;

    private static final int MAX_FULL_NODES = 1024;

    public TrustedLedger {
        if (fullNodes.isEmpty() || fullNodes.size() > MAX_FULL_NODES) {
            throw new IllegalArgumentException(
                    "A ledger has 1 to " + MAX_FULL_NODES + " full nodes, not " + fullNodes.size() + ".");
        }
        if (fullNodes.stream().distinct().count() < fullNodes.size()) {
            throw new IllegalArgumentException("Two full nodes of a ledger have the same key: it would count twice.");
        }
        fullNodes = List.copyOf(fullNodes);
    }

    /**
     * Reads what a network's file has in its field {@code genesis}.
     *
     * @throws MalformedException where it is no genesis of a ledger that is known here.
     */
    public static TrustedLedger ofGenesis(byte[] genesis) {
        CanonicalReader in = new CanonicalReader(genesis, "genesis");
        int count = in.getInt("full nodes");
        if (count < 1 || count > MAX_FULL_NODES) {
            throw new MalformedException("Malformed genesis: it has " + count + " full nodes.");
        }
        List<Bytes32> fullNodes = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            fullNodes.add(in.getBytes32("full node"));
        }
        in.getLong("bond");
        in.getFixed(KeyPair.PUBLIC_BYTES, "bank");
        int deposits = in.getInt("deposits");
        if (deposits < 0) {
            throw new MalformedException("Malformed genesis: it has " + deposits + " deposits.");
        }
        for (int i = 0; i < deposits; i++) {
            in.getFixed(KeyPair.PUBLIC_BYTES, "account");
            in.getLong("amount");
        }
        skipParameters(in);
        in.end();
        try {
            return new TrustedLedger(Bytes32.of(Blake3.hash(genesis)), fullNodes);
        } catch (IllegalArgumentException e) {
            throw new MalformedException("Malformed genesis: " + e.getMessage());
        }
    }

    private static void skipParameters(CanonicalReader in) {
        int rules = in.getInt("rules");
        if (rules < OLDEST_RULES || rules > KNOWN_RULES) {
            throw new MalformedException("This ledger runs by rules " + rules + ", and this build knows rules "
                    + OLDEST_RULES + " to " + KNOWN_RULES + ". Use a build of the ledger's rules.");
        }
        for (String time : List.of("commit", "grace", "reveal", "escrow", "token", "unbonding", "retention")) {
            in.getLong(time + " time");
        }
        in.getInt("auditors");
        in.getLong("least stake");
        in.getInt("cover");
        for (String fee : List.of("fee", "registration fee", "audit fee", "accusation deposit")) {
            in.getLong(fee);
        }
    }
}
