package io.plumbline.benchmarks;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.data.store.BlobStore;
import io.plumbline.data.store.StoredBlob;
import io.plumbline.ledger.state.StorageChallenge;
import io.plumbline.ledger.state.StorageTerms;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.platform.Directories;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import java.util.concurrent.Callable;

/** Headline storage-proof: a storage proof checked, beside the signature over the command that brings it. */
@Parameters(
        commandNames = "storage",
        commandDescription = "Storage proofs of a huge blob cut and checked, beside their signatures.")
final class StorageBench implements Callable<Integer> {
    private static final int CHALLENGES = 500;

    /** Challenges that are answered and checked until the code is compiled. */
    private static final int WARMING = 3_000;

    private static final int CHUNKS = 4;

    @Parameter(names = "--gib", description = "size of the blob; sparse")
    private int gib = 8;

    @Parameter(names = "--dir", description = "DIR: on the disk that is measured")
    private Path dir = Path.of(System.getProperty("java.io.tmpdir"));

    @Parameter(names = "--results", description = "DIR: where results are written")
    private Path results = Path.of("benchmarks", "results");

    @Override
    public Integer call() throws IOException {
        Path folder = Files.createTempDirectory(dir, "storage-");
        try {
            measure(folder.resolve("store"));
        } finally {
            Directories.delete(folder);
        }
        return 0;
    }

    private void measure(Path folder) throws IOException {
        long bytes = (long) gib << 30;
        Bytes32 id = SparseBlob.make(folder, bytes, new long[] {0, bytes / 3 & -1024, bytes / 2}, 1 << 20);
        double[] checked = new double[CHALLENGES];
        double[] cut = new double[CHALLENGES];
        double[] signatures = new double[CHALLENGES];
        double[] sizes = new double[CHALLENGES];
        Bytes32 node = Bytes32.ZERO;
        StorageTerms terms = new StorageTerms(id, bytes, node, 60_000, 3_600_000, 600_000, 1, CHUNKS, 1, 1);
        KeyPair keys = KeyPair.random();
        byte[] signature = keys.sign(id.bytes());
        try (BlobStore store = BlobStore.open(folder, Long.MAX_VALUE);
                StoredBlob blob = store.open(id)) {
            Random random = new Random(5);
            byte[] seed = new byte[Blake3.HASH_BYTES];
            for (int i = -WARMING; i < CHALLENGES; i++) {
                random.nextBytes(seed);
                StorageChallenge challenge = StorageChallenge.drawn(terms, seed);
                long began = System.nanoTime();
                byte[] slice = blob.cut(challenge.slice());
                long isCut = System.nanoTime();
                boolean holds = StorageChallenge.drawn(terms, seed).isAnsweredBy(slice);
                long isChecked = System.nanoTime();
                boolean isSigned = KeyPair.verify(keys.publicKey(), id.bytes(), signature);
                long isVerified = System.nanoTime();
                if (!holds || !isSigned) {
                    throw new IOException("An honest proof does not hold.");
                }
                if (i >= 0) {
                    sizes[i] = slice.length;
                    cut[i] = (isCut - began) / 1e3;
                    checked[i] = (isChecked - isCut) / 1e3;
                    signatures[i] = (isVerified - isChecked) / 1e3;
                }
            }
            byte[] one = blob.slice((int) (bytes / 3 / 1024));
            ObjectNode details = new ObjectMapper()
                    .createObjectNode()
                    .put("bytes of a proof of " + CHUNKS + " chunks", new Readings(sizes).toString())
                    .put("bytes of a proof of one chunk", one.length)
                    .put("cut from disk by its data node, µs", new Readings(cut).toString());
            System.out.println(details.toPrettyString());
            new BenchmarkResult(
                            "storage-proof",
                            new Readings(checked),
                            "µs to draw a challenge of " + CHUNKS + " chunks of a blob of " + gib
                                    + " GiB and check its answer, one core",
                            true,
                            "the Ed25519 signature over the command that brings it, JDK",
                            new Readings(signatures),
                            null,
                            "./plumbline bench storage",
                            details)
                    .write(results);
        }
    }
}
