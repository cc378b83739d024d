package io.plumbline.ledger.cluster;

import io.plumbline.ledger.state.EpochStatement;
import io.plumbline.ledger.state.SigningRecord;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.encoding.CanonicalWriter;
import io.plumbline.verifier.platform.Directories;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * A full node's signing history as a file that goes from one host to another, as validators of other networks take
 * theirs along: what was signed, bound to ledger and key.
 *
 * @param genesisHash of the ledger, 32 bytes.
 * @param fullNode public key, 32 bytes.
 */
public record SigningHistory(Bytes32 genesisHash, Bytes32 fullNode, SigningRecord signed) {
    /** The signing history's name in a full node's folder. */
    public static final String FILE = "votes";

    private static final String FORMAT = "plumbline signing history 1";

    /** Longer than any with as many votes as a full node may have for one block. */
    private static final int MAX_BYTES = 64 << 10;

    /**
     * Reads the history of a full node that does not run.
     *
     * @param folder of the full node.
     * @throws IOException where it runs, or has signed nothing.
     */
    public static SigningHistory of(Path folder, Bytes32 genesisHash, Bytes32 fullNode) throws IOException {
        Path votes = folder.resolve(FILE);
        if (!Files.exists(votes)) {
            throw new IOException(folder + " has no signing history: there is no file \"" + FILE + "\" in it.");
        }
        try (SigningLock _ = new SigningLock(votes)) {
            SigningRecord signed = new VoteFile(votes).signed();
            if (signed.isNone()) {
                throw new IOException(votes + " says nothing: this full node has signed nothing yet.");
            }
            return new SigningHistory(genesisHash, fullNode, signed);
        }
    }

    /**
     * Looks whether all that the history in a folder says is known elsewhere.
     *
     * @param known what the signer that is to sign has.
     * @throws IOException where it is not.
     */
    public static void requireIn(SigningRecord known, Path folder) throws IOException {
        try (SigningLock _ = new SigningLock(folder.resolve(FILE))) {
            SigningRecord here = new VoteFile(folder.resolve(FILE)).signed();
            boolean isKnown;
            try {
                isKnown = known.and(here).says(known);
            } catch (IllegalArgumentException e) {
                isKnown = false;
            }
            if (!isKnown) {
                throw new IOException("The signer does not know all that " + folder.resolve(FILE)
                        + " says was signed: stop the signer, export-votes from " + folder
                        + ", import-votes into the signer's --dir, and start both again.");
            }
        }
    }

    /**
     * Adds it to the history of a full node that does not run, which knows afterwards all that either says: a history
     * that is older takes nothing away.
     *
     * @param folder of the full node; made where there is none.
     * @return whether it said anything that was not known.
     * @throws IOException where the full node runs, or this is the history of another ledger or key.
     */
    public boolean addTo(Path folder, Bytes32 ofGenesis, Bytes32 ofFullNode) throws IOException {
        if (!genesisHash.equals(ofGenesis)) {
            throw new IOException("This is a signing history of another network, with the genesis " + genesisHash
                    + " and not " + ofGenesis + ". Nothing was changed.");
        }
        if (!fullNode.equals(ofFullNode)) {
            throw new IOException("This is the signing history of the key " + fullNode + ", and not of " + ofFullNode
                    + ". Nothing was changed.");
        }
        Path votes = Files.createDirectories(folder).resolve(FILE);
        try (SigningLock _ = new SigningLock(votes)) {
            return new VoteFile(votes).add(signed);
        } catch (IllegalArgumentException e) {
            throw new IOException(
                    "This signing history and " + votes + " contradict each other: " + e.getMessage()
                            + ". Nothing was changed.",
                    e);
        }
    }

    /** Canonical, with the BLAKE3 of all that is before it at the end. */
    public byte[] encode() {
        CanonicalWriter out = new CanonicalWriter()
                .putText(FORMAT)
                .putBytes32(genesisHash)
                .putBytes32(fullNode)
                .putLong(signed.forgotten())
                .putLong(signed.promisedFor())
                .putLong(signed.promised())
                .putLong(signed.number())
                .putInt(signed.votes().size());
        signed.votes().forEach((epoch, hash) -> out.putLong(epoch).putFixed(hash));
        byte[] body = out.toBytes();
        return out.putFixed(Blake3.hash(body)).toBytes();
    }

    /** @throws MalformedException where it is not one, or is damaged. */
    public static SigningHistory decode(byte[] bytes) {
        CanonicalReader in = new CanonicalReader(bytes, "signing history");
        String format = in.getText("format");
        if (!format.equals(FORMAT)) {
            throw new MalformedException("Malformed signing history: it does not begin with \"" + FORMAT + "\".");
        }
        Bytes32 genesisHash = in.getBytes32("genesis");
        Bytes32 fullNode = in.getBytes32("key");
        long forgotten = number(in, "forgotten blocks");
        long promisedFor = number(in, "block of the promise");
        long promised = in.getLong("promise");
        long number = number(in, "block number");
        int count = in.getInt("votes");
        if (count < 0 || count > EpochStatement.MAX_VOTES || promised < 0 || count > 0 && number < 0) {
            throw new MalformedException("Malformed signing history: " + count + " votes for block " + number
                    + ", and a promise until epoch " + promised + ".");
        }
        SortedMap<Long, byte[]> votes = new TreeMap<>();
        for (int i = 0; i < count; i++) {
            long epoch = in.getLong("epoch");
            if (epoch < 0 || !votes.isEmpty() && epoch <= votes.lastKey()) {
                throw new MalformedException("Malformed signing history: its votes are not in the order of epochs.");
            }
            votes.put(epoch, in.getFixed(Blake3.HASH_BYTES, "block"));
        }
        byte[] hash = in.getFixed(Blake3.HASH_BYTES, "hash");
        in.end();
        if (!Arrays.equals(hash, Blake3.hash(Arrays.copyOf(bytes, bytes.length - Blake3.HASH_BYTES)))) {
            throw new MalformedException("Malformed signing history: its hash does not hold, so it is damaged.");
        }
        return new SigningHistory(
                genesisHash, fullNode, new SigningRecord(number, votes, promisedFor, promised, forgotten));
    }

    private static long number(CanonicalReader in, String field) {
        long number = in.getLong(field);
        if (number < -1) {
            throw new MalformedException("Malformed signing history: " + field + ": " + number + " is below -1.");
        }
        return number;
    }

    /** @throws IOException where the file cannot be read, or is not a signing history. */
    public static SigningHistory read(Path file) throws IOException {
        if (Files.size(file) > MAX_BYTES) {
            throw new IOException(file + " is no signing history: it is longer than " + MAX_BYTES + " bytes.");
        }
        try {
            return decode(Files.readAllBytes(file));
        } catch (MalformedException e) {
            throw new IOException(file + ": " + e.getMessage() + " Nothing was changed.", e);
        }
    }

    /**
     * Writes it to disk, whole or not at all.
     *
     * @param file that is not there yet.
     */
    public void write(Path file) throws IOException {
        if (Files.exists(file)) {
            throw new IOException(file + " exists. Name another file: a history is not written over.");
        }
        Path partial = file.resolveSibling(file.getFileName() + ".partial");
        try (FileChannel out = FileChannel.open(
                partial, StandardOpenOption.CREATE, StandardOpenOption.WRITE, StandardOpenOption.TRUNCATE_EXISTING)) {
            ByteBuffer bytes = ByteBuffer.wrap(encode());
            while (bytes.hasRemaining()) {
                out.write(bytes);
            }
            out.force(true);
        }
        Files.move(partial, file, StandardCopyOption.ATOMIC_MOVE);
        Directories.forceNames(file.toAbsolutePath().getParent());
    }
}
