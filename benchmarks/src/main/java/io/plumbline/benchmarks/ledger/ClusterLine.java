package io.plumbline.benchmarks.ledger;

import io.aeron.cluster.client.AeronCluster;
import io.aeron.cluster.client.EgressListener;
import io.aeron.logbuffer.Header;
import io.aeron.security.CredentialsSupplier;
import io.plumbline.benchmarks.load.Line;
import io.plumbline.transport.ledgerwire.MessageHeaderDecoder;
import io.plumbline.transport.ledgerwire.OutcomeDecoder;
import java.util.concurrent.TimeUnit;
import org.agrona.DirectBuffer;

/** A session with the cluster itself, as full nodes have one. */
final class ClusterLine implements Line, EgressListener {
    private final AeronCluster session;
    private final MessageHeaderDecoder header = new MessageHeaderDecoder();
    private final OutcomeDecoder outcome = new OutcomeDecoder();
    private Heard hears;

    ClusterLine(String aeronDirectory, String ingressEndpoints, CredentialsSupplier credentials) {
        session = AeronCluster.connect(new AeronCluster.Context()
                .aeronDirectoryName(aeronDirectory)
                .egressListener(this)
                .egressChannel("aeron:udp?endpoint=localhost:0|term-length=1m")
                .ingressChannel("aeron:udp?term-length=4m")
                .ingressEndpoints(ingressEndpoints)
                .messageTimeoutNs(TimeUnit.SECONDS.toNanos(10))
                .credentialsSupplier(credentials)
                .errorHandler(e -> {}));
    }

    @Override
    public void onMessage(long id, long timestamp, DirectBuffer in, int offset, int length, Header h) {
        if (length == Long.BYTES) {
            hears.answer(in.getLong(offset), 0);
            return;
        }
        header.wrap(in, offset);
        if (header.templateId() == OutcomeDecoder.TEMPLATE_ID) {
            outcome.wrap(in, offset + MessageHeaderDecoder.ENCODED_LENGTH, header.blockLength(), header.version());
            hears.answer(outcome.correlationId(), outcome.height());
        }
    }

    @Override
    public boolean offer(DirectBuffer buffer, int length) {
        return session.offer(buffer, 0, length) > 0;
    }

    @Override
    public int poll(Heard heard) {
        hears = heard;
        return session.pollEgress();
    }

    @Override
    public void close() {
        session.close();
    }
}
