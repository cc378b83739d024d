package io.plumbline.inference.language.checkpoint;

import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.CanonicalWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Collection;

/** A short name for files as they are now: another as soon as one of them is changed, by its size or its time. */
public final class FilesVersion {
    private static final int DIGITS = 12;

    private FilesVersion() {}

    /**
     * Twelve hexadecimal digits.
     *
     * @param model that the files belong to, a file or a folder.
     * @param files in a fixed order; what is no regular file is passed over.
     */
    public static String of(Path model, Collection<Path> files) throws IOException {
        CanonicalWriter out = new CanonicalWriter().putText(model.toRealPath().toString());
        for (Path file : files) {
            BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
            if (attributes.isRegularFile()) {
                out.putText(file.getFileName().toString())
                        .putLong(attributes.size())
                        .putLong(attributes.lastModifiedTime().toMillis());
            }
        }
        return Blake3.hex(Blake3.hash(out.toBytes())).substring(0, DIGITS);
    }
}
