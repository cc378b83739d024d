package io.plumbline.verifier.model;

import io.plumbline.verifier.blake3.Blake3;
import java.io.IOException;
import java.util.Arrays;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * The files that decide how text becomes tokens and back: a model's tokenizer and chat template. Their hashes stand
 * in the manifest.
 *
 * @param bytes by file name.
 */
public record TokenFiles(SortedMap<String, byte[]> bytes) {
    /** Bytes of all of a model's token files together, at most. */
    public static final long MAX_BYTES = 256L << 20;

    /** Reads one file of a model by the name its manifest gives it. */
    @FunctionalInterface
    public interface Source {
        byte[] read(String name) throws IOException;
    }

    /**
     * All token files of a manifest.
     *
     * @throws IOException naming the first that is not the manifest's.
     */
    public static TokenFiles of(Manifest manifest, Source source) throws IOException {
        SortedMap<String, byte[]> bytes = new TreeMap<>();
        long total = 0;
        for (Map.Entry<String, byte[]> file : manifest.files().entrySet()) {
            byte[] found = source.read(file.getKey());
            byte[] hash = Blake3.hash(found);
            if (!Arrays.equals(hash, file.getValue())) {
                throw new IOException("\"" + file.getKey() + "\" hashes to " + Blake3.hex(hash) + "; the manifest says "
                        + Blake3.hex(file.getValue()) + ". The file was changed or damaged; import the model again.");
            }
            total += found.length;
            if (total > MAX_BYTES) {
                throw new IOException("The model's token files have more than " + MAX_BYTES + " bytes together.");
            }
            bytes.put(file.getKey(), found);
        }
        return new TokenFiles(bytes);
    }
}
