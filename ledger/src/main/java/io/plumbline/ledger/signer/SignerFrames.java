package io.plumbline.ledger.signer;

import java.io.IOException;
import java.nio.ByteBuffer;

/** How a full node and its signer talk: one frame asks, one answers. Four bytes of length, one of kind, the rest. */
final class SignerFrames {
    /** Said by the full node first; another version is refused. */
    static final String VERSION = "plumbline signer 1";

    /**
     * Longest frame: a vote with the statements of 190 full nodes is shorter, where each of them names as many votes as
     * it may, see {@link io.plumbline.ledger.state.EpochStatement}. Liars do.
     */
    static final int MAX_BYTES = 8 << 20;

    /** Longest message of a refusal, characters. */
    static final int MAX_REFUSAL = 1000;

    static final int HEAD_BYTES = Integer.BYTES + 1;

    // What is asked.

    /** The version and the genesis; answered by the signing history. */
    static final byte HELLO = 1;

    /** Commands for the ledger, by what their signature is over. */
    static final byte COMMANDS = 2;

    /** A challenge of the cluster's, a part of a handshake, or the certificate of the handshakes. */
    static final byte MESSAGE = 3;

    /** Epoch, number, hash, and others' statements. */
    static final byte VOTE = 4;

    /** Epoch and number; answered by a statement. */
    static final byte STEP = 5;

    /** A number, up to which nothing is signed any more. */
    static final byte FORGET = 6;

    // What is answered.

    static final byte DONE = 20;

    /** With one line that says why. */
    static final byte REFUSED = 21;

    /** Another full node is connected. */
    static final byte BUSY = 22;

    private SignerFrames() {}

    /** A frame, from its length on. */
    static ByteBuffer frame(byte kind, byte[] body) {
        return ByteBuffer.allocate(HEAD_BYTES + body.length)
                .putInt(1 + body.length)
                .put(kind)
                .put(body)
                .flip();
    }

    /**
     * @param length as a frame begins with it.
     * @return bytes that follow the kind.
     * @throws IOException where a frame is not so long.
     */
    static int bodyBytes(int length) throws IOException {
        if (length < 1 || length > MAX_BYTES) {
            throw new IOException("a frame of " + length + " bytes; it may have 1 to " + MAX_BYTES);
        }
        return length - 1;
    }
}
