package io.plumbline.verifier.lightclient;

import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.encoding.CanonicalWriter;
import io.plumbline.verifier.lightclient.LedgerHashes.Kind;
import java.util.List;

/**
 * One entry of the ledger's state with all that a light client needs to believe it: a block, the signatures under it,
 * and the way from the entry up to the block's state root. Nothing else is asked, and nobody trusted but the full
 * nodes together.
 *
 * @param id null for the state's own entry, {@link Kind#META}, and for no other.
 * @param value the entry; null where there is none.
 */
public record CertifiedEntry(
        BlockHeader header, Certificate certificate, Kind kind, Bytes32 id, byte[] value, StateProof proof) {
    private static final String FORMAT = "plumbline certified entry 2";

    /**
     * Checks everything.
     *
     * @param fullNodes public keys, in genesis order.
     * @return what does not hold, or null.
     */
    public String fault(Bytes32 genesisHash, List<Bytes32> fullNodes) {
        if (!certificate.holds(genesisHash, fullNodes, header)) {
            return "block " + header.number() + " is not signed by " + Certificate.quorum(fullNodes.size()) + " of the "
                    + fullNodes.size() + " full nodes";
        }
        byte[] key = LedgerHashes.key(kind, id);
        boolean shows = value == null
                ? proof.showsAbsence(header.stateRoot(), key)
                : proof.shows(header.stateRoot(), key, value);
        return shows ? null : "the entry is not in the state of block " + header.number();
    }

    /** How many of these full nodes have signed the block; signatures of others and false ones count for nothing. */
    public int signers(Bytes32 genesisHash, List<Bytes32> fullNodes) {
        return certificate.count(genesisHash, fullNodes, header);
    }

    public byte[] encode() {
        CanonicalWriter out = new CanonicalWriter().putText(FORMAT).putFixed(header.encode());
        certificate.write(out);
        out.putInt(kind.ordinal())
                .putBytes(id == null ? new byte[0] : id.bytes())
                .putInt(value == null ? 0 : 1);
        return out.putBytes(value == null ? new byte[0] : value)
                .putBytes(proof.encode())
                .toBytes();
    }

    /** Decodes an entry that somebody else gave, of {@code most} bytes at most. */
    static CertifiedEntry decode(byte[] bytes, int most) {
        if (bytes.length > most) {
            throw new MalformedException(
                    "Malformed certified entry: it has " + bytes.length + " bytes, and at most " + most + " are read.");
        }
        return decode(bytes);
    }

    public static CertifiedEntry decode(byte[] bytes) {
        CanonicalReader in = new CanonicalReader(bytes, "certified entry");
        if (!in.getText("format").equals(FORMAT)) {
            throw new MalformedException("Malformed certified entry: it does not say that it is one.");
        }
        BlockHeader header = BlockHeader.read(in);
        Certificate certificate = Certificate.read(in);
        int kind = in.getInt("kind");
        if (kind < 0 || kind >= Kind.values().length) {
            throw new MalformedException("Malformed certified entry: kind " + kind + " is not known.");
        }
        byte[] id = in.getBytes("id");
        if (id.length != (Kind.values()[kind] == Kind.META ? 0 : Bytes32.BYTES)) {
            throw new MalformedException("Malformed certified entry: an id of " + id.length + " bytes is none of a "
                    + Kind.values()[kind] + ".");
        }
        int presence = in.getInt("presence");
        byte[] value = in.getBytes("value");
        boolean isThere = presence == 1;
        if (presence != 0 && presence != 1 || !isThere && value.length > 0) {
            throw new MalformedException("Malformed certified entry: presence " + presence + " with an entry of "
                    + value.length + " bytes.");
        }
        StateProof proof = StateProof.decode(in.getBytes("proof"));
        in.end();
        return new CertifiedEntry(
                header,
                certificate,
                Kind.values()[kind],
                id.length == 0 ? null : Bytes32.of(id),
                isThere ? value : null,
                proof);
    }

    /**
     * An entry that a quorum has certified.
     *
     * @param most bytes that it may have.
     * @throws MalformedException where the bytes are none.
     * @throws ProofRefusedException where no quorum of the ledger's full nodes has signed the block, or the entry does
     *     not follow from it.
     */
    static CertifiedEntry checked(byte[] bytes, int most, TrustedLedger ledger) throws ProofRefusedException {
        CertifiedEntry entry = decode(bytes, most);
        String fault = entry.fault(ledger.genesisHash(), ledger.fullNodes());
        if (fault != null) {
            boolean isSigned = entry.certificate.holds(ledger.genesisHash(), ledger.fullNodes(), entry.header);
            throw new ProofRefusedException(isSigned ? ProofCheck.STATE : ProofCheck.QUORUM, fault);
        }
        return entry;
    }
}
