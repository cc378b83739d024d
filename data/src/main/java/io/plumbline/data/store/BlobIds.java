package io.plumbline.data.store;

import io.plumbline.verifier.encoding.Bytes32;
import java.util.HexFormat;

/** Ids of blobs as people write them: their BLAKE3 hash in 64 hexadecimal digits, as {@code b3sum} prints it. */
public final class BlobIds {
    private static final int DIGITS = 64;

    private BlobIds() {}

    /** @throws IllegalArgumentException where {@code text} is no id. */
    public static Bytes32 parse(String text) {
        if (text.length() != DIGITS || !text.chars().allMatch(HexFormat::isHexDigit)) {
            throw new IllegalArgumentException("\"" + text
                    + "\" is no blob id. An id has 64 hexadecimal digits, as b3sum and `plumbline blob put` print it.");
        }
        return Bytes32.of(HexFormat.of().parseHex(text));
    }
}
