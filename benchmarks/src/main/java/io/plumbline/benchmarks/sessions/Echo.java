package io.plumbline.benchmarks.sessions;

import io.aeron.AeronVersion;
import io.grpc.ManagedChannel;
import io.plumbline.benchmarks.load.Line;
import io.plumbline.transport.sessionwire.MessageHeaderDecoder;
import io.plumbline.transport.sessionwire.MessageHeaderEncoder;
import java.io.IOException;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Queue;
import org.agrona.MutableDirectBuffer;

/** A way there and back: two sides in this process, of which one sends back whole what comes. */
enum Echo {
    /** Sessions as all roles have them: TLS 1.3, both keys shown. */
    OURS("our sessions"),

    /** Publications and subscriptions and nothing else, in the clear. */
    AERON("raw Aeron"),

    /** A stream each way on one HTTP/2 connection, in the clear. */
    GRPC("gRPC-Java");

    /** Of each message: it has the header that sessions need, then its number. */
    static final int NUMBER_OFFSET = MessageHeaderDecoder.ENCODED_LENGTH;

    static final int LEAST_BYTES = NUMBER_OFFSET + Long.BYTES;

    /** Of no schema that goes over a wire otherwise. */
    static final int SCHEMA_ID = 900;

    final String title;

    Echo(String title) {
        this.title = title;
    }

    /**
     * Starts both sides.
     *
     * @param folder for the files of a media driver.
     */
    Line open(Path folder) throws IOException {
        return switch (this) {
            case OURS -> new SessionEcho(folder);
            case AERON -> new AeronEcho(folder);
            case GRPC -> new GrpcEcho();
        };
    }

    /** Of the library that carries the messages. */
    String version() {
        return this == GRPC ? ManagedChannel.class.getPackage().getImplementationVersion() : AeronVersion.VERSION;
    }

    /** Hands over the numbers that came back so far, and returns their count. */
    static int drain(Queue<Long> answers, Line.Heard heard) {
        int drained = 0;
        for (Long number; (number = answers.poll()) != null; drained++) {
            heard.answer(number, 0);
        }
        return drained;
    }

    /** Writes what each message begins with. */
    static void begin(MutableDirectBuffer message, long number) {
        new MessageHeaderEncoder()
                .wrap(message, 0)
                .blockLength(Long.BYTES)
                .templateId(1)
                .schemaId(SCHEMA_ID)
                .version(0);
        message.putLong(NUMBER_OFFSET, number, ByteOrder.LITTLE_ENDIAN);
    }
}
