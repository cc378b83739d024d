package io.plumbline.node.cli;

import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.receipt.Receipt;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;

/** A receipt as a person names it: in hexadecimal, or a file that holds it so or as it is. */
public final class GivenReceipt {
    private GivenReceipt() {}

    /** @throws IOException where it is none. */
    public static Receipt read(String given) throws IOException {
        String text = given;
        if (given.length() < 2 * Receipt.BYTES && Files.isRegularFile(Path.of(given))) {
            byte[] bytes = Files.readAllBytes(Path.of(given));
            text = bytes.length == Receipt.BYTES ? HexFormat.of().formatHex(bytes) : new String(bytes).strip();
        }
        try {
            return Receipt.decode(HexFormat.of().parseHex(text));
        } catch (IllegalArgumentException | MalformedException e) {
            throw new IOException(
                    "\"" + (text.length() > 40 ? text.substring(0, 40) + "…" : text) + "\" is no receipt and no file"
                            + " that holds one: " + Receipt.BYTES + " bytes in hexadecimal are, as in the field"
                            + " plumbline.receipt of an answer.",
                    e);
        }
    }

    /**
     * Says that a node has signed two receipts for one request.
     *
     * @return null where they say the same.
     */
    public static String second(Receipt given, Receipt ordered) {
        return given.isSameAnswer(ordered)
                ? null
                : "node " + given.node() + " has handed another receipt in for this request than the one that you"
                        + " hold. It loses its stake by the two: plumbline ledger accuse --network FILE --key FILE"
                        + " --receipt RECEIPT";
    }
}
