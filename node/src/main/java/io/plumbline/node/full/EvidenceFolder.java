package io.plumbline.node.full;

import io.plumbline.verifier.audit.Evidence;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/**
 * What proves lies, a file each, for its operator to show to others. Bounded: a node and its own requester could lie to
 * each other without end, and a full node's disk must not be what they fill. The oldest goes first.
 */
final class EvidenceFolder {
    private static final String SUFFIX = ".evidence";

    /** Of what proves lies, on the disk. */
    static final long MOST_BYTES = 1L << 30;

    private final Path folder;
    private final long mostBytes;
    private final Archive archive;

    /** @param archive where it is put, too; null for nowhere. */
    EvidenceFolder(Path folder, long mostBytes, Archive archive) {
        this.folder = folder;
        this.mostBytes = mostBytes;
        this.archive = archive;
    }

    /**
     * Writes what proves that the answer to a request is a lie.
     *
     * @return the file; null where it is larger than all that is kept.
     */
    synchronized Path keep(Bytes32 requestHash, byte[] evidence) throws IOException {
        if (evidence.length > mostBytes) {
            return null;
        }
        Files.createDirectories(folder);
        makeRoom(evidence.length);
        Path file = folder.resolve(requestHash.toString() + SUFFIX);
        Path partial = Files.createTempFile(folder, "evidence", ".partial");
        Files.write(partial, evidence);
        Files.move(partial, file, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
        if (archive != null) {
            archive.evidence(evidence);
        }
        return file;
    }

    /**
     * What was kept of a request, where it shows a lie by itself, so that the ledger can see it.
     *
     * @return null where there is none, or it shows it only with the model.
     */
    synchronized byte[] findProof(Bytes32 requestHash) throws IOException {
        Path file = folder.resolve(requestHash.toString() + SUFFIX);
        if (!Files.exists(file)) {
            return null;
        }
        byte[] evidence = Files.readAllBytes(file);
        try {
            return Evidence.decode(evidence).check(null, null).failure() == null ? null : evidence;
        } catch (MalformedException | IllegalArgumentException e) {
            // Of a tensor model, which is judged by bounds.
            return null;
        }
    }

    private record Kept(Path file, long bytes, long atMs) {}

    private void makeRoom(long bytes) throws IOException {
        List<Kept> kept = new ArrayList<>();
        long total = bytes;
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.toList()) {
                kept.add(new Kept(
                        file, Files.size(file), Files.getLastModifiedTime(file).toMillis()));
                total += kept.getLast().bytes;
            }
        }
        kept.sort(Comparator.comparingLong(Kept::atMs));
        for (int i = 0; i < kept.size() && total > mostBytes; i++) {
            Files.delete(kept.get(i).file);
            total -= kept.get(i).bytes;
        }
    }
}
