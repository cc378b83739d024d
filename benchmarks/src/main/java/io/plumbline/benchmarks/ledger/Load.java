package io.plumbline.benchmarks.ledger;

import io.plumbline.benchmarks.load.Line;
import io.plumbline.benchmarks.load.MessageLoad;
import io.plumbline.transport.ledgerwire.MessageHeaderEncoder;
import io.plumbline.transport.ledgerwire.SubmitEncoder;
import java.io.IOException;
import org.agrona.ExpandableArrayBuffer;

/** Messages for a ledger, and for the echo beside it. Used by one thread. */
final class Load extends MessageLoad {
    private final ExpandableArrayBuffer buffer = new ExpandableArrayBuffer(4096);

    /** @param line closed with this. */
    Load(Line line) {
        super(line);
    }

    /** A command for the ledger. */
    void command(byte[] signed, long dueNs, int window) throws IOException {
        SubmitEncoder encoder = new SubmitEncoder().wrapAndApplyHeader(buffer, 0, new MessageHeaderEncoder());
        encoder.correlationId(sent()).putCommand(signed, 0, signed.length);
        offer(buffer, MessageHeaderEncoder.ENCODED_LENGTH + encoder.encodedLength(), dueNs, window);
    }

    /** A message of so many bytes for the echo. */
    void echo(int bytes, long dueNs, int window) throws IOException {
        buffer.putLong(0, sent());
        buffer.putByte(bytes - 1, (byte) 1);
        offer(buffer, bytes, dueNs, window);
    }
}
