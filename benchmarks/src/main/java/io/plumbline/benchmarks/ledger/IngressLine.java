package io.plumbline.benchmarks.ledger;

import io.aeron.Aeron;
import io.plumbline.benchmarks.load.Line;
import io.plumbline.ledger.cluster.IngressAddress;
import io.plumbline.transport.Drivers;
import io.plumbline.transport.Endpoint;
import io.plumbline.transport.Identity;
import io.plumbline.transport.Peer;
import io.plumbline.transport.ledgerwire.OutcomeDecoder;
import io.plumbline.transport.sessionwire.MessageHeaderDecoder;
import io.plumbline.verifier.receipt.KeyPair;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.agrona.CloseHelper;
import org.agrona.DirectBuffer;
import org.agrona.concurrent.AgentRunner;

/** An encrypted session with one full node's ingress, as clients have it. */
final class IngressLine implements Line, Endpoint.Receiver {
    private record Answer(long id, long height) {}

    private final ConcurrentLinkedQueue<Answer> answers = new ConcurrentLinkedQueue<>();
    private final Aeron aeron;
    private final AgentRunner runner;
    private final Peer ingress;

    IngressLine(String aeronDirectory, IngressAddress at, KeyPair keys) {
        aeron = Drivers.connect(aeronDirectory, e -> {});
        Endpoint endpoint = new Endpoint(
                aeron,
                "localhost",
                0,
                new Identity(keys::sign, keys.publicKey().bytes()),
                new Endpoint.Protocol(OutcomeDecoder.SCHEMA_ID, OutcomeDecoder.SCHEMA_VERSION, this));
        runner = new AgentRunner(Drivers.idle(aeronDirectory), e -> {}, null, endpoint);
        AgentRunner.startOnThread(runner);
        ingress = endpoint.connect(at.host(), at.port(), at.key().bytes());
    }

    @Override
    public void onMessage(Peer from, MessageHeaderDecoder header, DirectBuffer in, int offset) {
        if (header.templateId() == OutcomeDecoder.TEMPLATE_ID) {
            OutcomeDecoder outcome = new OutcomeDecoder().wrap(in, offset, header.blockLength(), header.version());
            answers.add(new Answer(outcome.correlationId(), outcome.height()));
        }
    }

    @Override
    public boolean offer(DirectBuffer buffer, int length) {
        return ingress.offer(buffer, 0, length);
    }

    @Override
    public int poll(Heard heard) {
        int polled = 0;
        for (Answer answer; (answer = answers.poll()) != null; polled++) {
            heard.answer(answer.id, answer.height);
        }
        return polled;
    }

    @Override
    public void close() {
        CloseHelper.closeAll(runner, aeron);
    }
}
