package io.plumbline.node.cli.ledger;

import io.plumbline.verifier.encoding.Bytes32;
import java.io.IOException;
import java.util.HexFormat;

/** Keys and ids as operators write them: 64 hexadecimal digits. */
final class PublicKeys {
    private static final String DIGITS = "[0-9a-fA-F]{64}";

    private PublicKeys() {}

    static boolean is(String text) {
        return text.matches(DIGITS);
    }

    /**
     * @param what the option it was given for, for the error.
     * @return 32 bytes.
     * @throws IOException where it is anything else.
     */
    static Bytes32 parse(String text, String what) throws IOException {
        if (!is(text)) {
            throw new IOException(what + " is 64 hexadecimal digits, not " + text + ".");
        }
        return Bytes32.of(HexFormat.of().parseHex(text));
    }
}
