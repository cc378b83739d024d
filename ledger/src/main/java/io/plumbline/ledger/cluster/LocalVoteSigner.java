package io.plumbline.ledger.cluster;

import io.plumbline.ledger.state.EpochStatement;
import io.plumbline.ledger.state.SigningRecord;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.lightclient.Certificate;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Collection;

/** Signs by a signing history on this host's disk, which no other process may use meanwhile. */
public final class LocalVoteSigner implements VoteSigner {
    private final KeyPair keys;
    private final Bytes32 genesisHash;
    private final int fullNodes;
    private final SigningLock lock;
    private final VoteFile file;

    /**
     * @param keys of the full node.
     * @param fullNodes how many there are.
     * @param votes file of what was signed.
     * @throws IOException where the file cannot be read: a full node that does not know what it has signed must not
     *     sign; or where another process signs by it.
     */
    public LocalVoteSigner(KeyPair keys, Bytes32 genesisHash, int fullNodes, Path votes) throws IOException {
        this.keys = keys;
        this.genesisHash = genesisHash;
        this.fullNodes = fullNodes;
        this.lock = new SigningLock(votes);
        try {
            this.file = new VoteFile(votes);
        } catch (IOException | RuntimeException e) {
            lock.close();
            throw e;
        }
    }

    @Override
    public SigningRecord signed() {
        return file.signed();
    }

    @Override
    public byte[] vote(long epoch, long number, byte[] hash, Collection<EpochStatement> statements) throws IOException {
        SigningRecord signed = file.signed();
        if (number < Math.max(signed.number(), signed.promisedFor())) {
            return null;
        }
        String refusal = signed.refusal(epoch, number, hash, statements, fullNodes);
        if (refusal != null) {
            throw new IOException("Its vote on block " + number + " is withheld: " + refusal + ".");
        }
        if (!signed.hasSigned(epoch, number, hash)) {
            file.vote(epoch, number, hash);
        }
        return keys.sign(Certificate.message(genesisHash, epoch, number, hash));
    }

    @Override
    public EpochStatement step(long epoch, long number) throws IOException {
        SigningRecord signed = file.signed();
        if (number <= signed.forgotten() || number < signed.number() || number < signed.promisedFor()) {
            throw new IOException("What this full node has signed of block " + number
                    + " is not known any more: it states nothing of that block.");
        }
        if (signed.promisedIn(number) < epoch) {
            file.promise(epoch, number);
        }
        return EpochStatement.of(genesisHash, epoch, number, file.signed().votesFor(number), keys);
    }

    @Override
    public void forget(long upTo) throws IOException {
        file.forget(upTo);
    }

    @Override
    public void close() {
        lock.close();
    }
}
