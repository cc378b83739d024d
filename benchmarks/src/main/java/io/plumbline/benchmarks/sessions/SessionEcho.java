package io.plumbline.benchmarks.sessions;

import io.plumbline.benchmarks.load.Line;
import io.plumbline.transport.Drivers;
import io.plumbline.transport.Endpoint;
import io.plumbline.transport.Identity;
import io.plumbline.transport.Media;
import io.plumbline.transport.Peer;
import io.plumbline.transport.sessionwire.MessageHeaderDecoder;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.agrona.CloseHelper;
import org.agrona.DirectBuffer;
import org.agrona.concurrent.AgentRunner;
import org.agrona.concurrent.ManyToOneConcurrentArrayQueue;
import org.agrona.concurrent.UnsafeBuffer;

/** Sessions of two endpoints, each with an agent's thread, over one media driver, as roles have them. */
final class SessionEcho implements Line {
    private static final long OPEN_MS = 10_000;
    private static final int ANSWERS = 1 << 16;

    private final ManyToOneConcurrentArrayQueue<Long> answers = new ManyToOneConcurrentArrayQueue<>(ANSWERS);
    private final ExecutorService replies = Executors.newSingleThreadExecutor();
    private final Media media;
    private final AgentRunner echo;
    private final AgentRunner client;
    private final Peer peer;

    SessionEcho(Path folder) throws IOException {
        media = new Media(folder, e -> {}, () -> {});
        KeyPair keys = KeyPair.random();
        Endpoint far = endpoint(keys, this::sendBack);
        echo = run(far);
        Endpoint near = endpoint(KeyPair.random(), this::heard);
        client = run(near);
        peer = near.connect("localhost", far.port(), keys.publicKey().bytes());
        try {
            if (!peer.awaitOpen(OPEN_MS)) {
                close();
                throw new IOException("The session was not opened: " + peer.lost() + ".");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            close();
            throw new IOException("The session was not waited for.", e);
        }
    }

    private Endpoint endpoint(KeyPair keys, Endpoint.Receiver receiver) {
        return new Endpoint(
                media.aeron(),
                "localhost",
                0,
                new Identity(keys::sign, keys.publicKey().bytes()),
                new Endpoint.Protocol(Echo.SCHEMA_ID, 0, receiver));
    }

    private AgentRunner run(Endpoint endpoint) {
        AgentRunner runner = new AgentRunner(Drivers.idle(media.directory()), e -> {}, null, endpoint);
        AgentRunner.startOnThread(runner);
        return runner;
    }

    /** Sent by another thread where the queue is full: an agent must not wait for itself. */
    private void sendBack(Peer from, MessageHeaderDecoder header, DirectBuffer in, int offset) {
        int length = in.capacity();
        if (length > Endpoint.CHUNK_BYTES || !from.offer(in, 0, length)) {
            byte[] copy = new byte[length];
            in.getBytes(0, copy);
            replies.execute(() -> from.send(new UnsafeBuffer(copy), 0, length));
        }
    }

    private void heard(Peer from, MessageHeaderDecoder header, DirectBuffer in, int offset) {
        answers.offer(in.getLong(Echo.NUMBER_OFFSET, ByteOrder.LITTLE_ENDIAN));
    }

    @Override
    public boolean offer(DirectBuffer buffer, int length) {
        if (length <= Endpoint.CHUNK_BYTES) {
            return peer.offer(buffer, 0, length);
        }
        peer.send(buffer, 0, length);
        return true;
    }

    @Override
    public int poll(Heard heard) {
        return Echo.drain(answers, heard);
    }

    @Override
    public void close() {
        replies.shutdownNow();
        CloseHelper.closeAll(client, echo, media);
    }
}
