package io.plumbline.verifier.encoding;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/**
 * Texts that have exactly one form in bytes. Java replaces half of a surrogate pair, and bytes that are no UTF-8,
 * without a word: then what is hashed is another text than the one at hand.
 */
public final class Utf8 {
    private Utf8() {}

    /**
     * Bytes that a text has.
     *
     * @param what the text is, for the message.
     * @throws IllegalArgumentException where it holds half of a surrogate pair.
     */
    public static long length(String what, String text) {
        long bytes = 0;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c < 0x80) {
                bytes++;
            } else if (c < 0x800) {
                bytes += 2;
            } else if (!Character.isSurrogate(c)) {
                bytes += 3;
            } else if (Character.isHighSurrogate(c)
                    && i + 1 < text.length()
                    && Character.isLowSurrogate(text.charAt(i + 1))) {
                bytes += 4;
                i++;
            } else {
                throw new IllegalArgumentException(
                        what + String.format(" must not hold U+%04X, which is half of a character.", (int) c));
            }
        }
        return bytes;
    }

    /** The text of these bytes; null where they are not UTF-8. */
    static String decode(byte[] bytes) {
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(bytes))
                    .toString();
        } catch (CharacterCodingException e) {
            return null;
        }
    }
}
