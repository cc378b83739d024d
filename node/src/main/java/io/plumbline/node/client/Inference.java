package io.plumbline.node.client;

import io.plumbline.node.network.LostException;
import io.plumbline.transport.Peer;
import io.plumbline.transport.nodewire.CancelEncoder;
import io.plumbline.transport.nodewire.MessageHeaderEncoder;
import io.plumbline.transport.nodewire.TokenDecoder;
import io.plumbline.verifier.receipt.Answer;
import io.plumbline.verifier.receipt.Cancellation;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Receipt;
import io.plumbline.verifier.receipt.Request;
import java.io.IOException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import org.agrona.ExpandableArrayBuffer;

/** An answer on its way. */
public final class Inference implements AnswerStream {
    private final Peer peer;
    private final Request request;
    private final KeyPair requester;
    private final DeliveredTokens delivered;
    private final Calls calls;
    private final Call<NodeClient.Answered> call;
    private final long id;
    private final AtomicBoolean isEnding = new AtomicBoolean();
    private volatile long lastSign = System.nanoTime();
    private volatile Runnable onEnding = () -> {};

    /**
     * @param requester whose the request is.
     * @param vocab number of token ids of the model.
     * @param topLogprobs how many log probabilities to name beside each token's own; -1 for none at all.
     * @param onToken hears each token, on the transport's thread.
     */
    Inference(
            Calls calls,
            Peer peer,
            Request request,
            KeyPair requester,
            int vocab,
            int topLogprobs,
            Consumer<ChosenToken> onToken) {
        this.calls = calls;
        this.peer = peer;
        this.request = request;
        this.requester = requester;
        this.delivered = new DeliveredTokens(request.maxTokens(), vocab);
        this.call =
                new Call<>((answer, receipt, cpuNanos) ->
                        new NodeClient.Answered(Answer.decode(answer), Receipt.decode(receipt), cpuNanos)) {
                    @Override
                    void onToken(TokenDecoder token) {
                        ChosenToken chosen = ChosenToken.decode(token, topLogprobs);
                        lastSign = System.nanoTime();
                        delivered.add(chosen.token(), () -> onToken.accept(chosen));
                    }

                    @Override
                    void onEnding() {
                        if (isEnding.compareAndSet(false, true)) {
                            // On the transport's thread, which must not wait until this can be sent.
                            Thread.startVirtualThread(Inference.this::end);
                        }
                    }
                };
        this.id = calls.add(peer, call);
    }

    /** Has {@code action} run where the node asks for the answer's end, since it ends itself; on another thread. */
    public void onEnding(Runnable action) {
        onEnding = action;
    }

    private void end() {
        cancel();
        onEnding.run();
    }

    void send(Calls.Encode encode) {
        Calls.send(peer, id, call, encode);
    }

    @Override
    public DeliveredTokens delivered() {
        return delivered;
    }

    @Override
    public NodeClient.Answered await() throws IOException {
        long timeoutNs = TimeUnit.MILLISECONDS.toNanos(calls.timeoutMs());
        try {
            while (true) {
                try {
                    return call.get(timeoutNs);
                } catch (TimeoutException e) {
                    if (System.nanoTime() - lastSign > timeoutNs) {
                        throw calls.failure(peer, e);
                    }
                }
            }
        } catch (ExecutionException | InterruptedException e) {
            throw calls.failure(peer, e);
        }
    }

    /** Tells the node that nobody reads on; with the requester's signature, which it needs to be paid for that. */
    @Override
    public void cancel() {
        if (!call.isDone()) {
            Cancellation cancellation = Cancellation.of(request.hash(), delivered.count(), requester);
            byte[] signature = cancellation.signature();
            ExpandableArrayBuffer buffer = new ExpandableArrayBuffer(128);
            CancelEncoder encoder = new CancelEncoder().wrapAndApplyHeader(buffer, 0, new MessageHeaderEncoder());
            encoder.correlationId(id).delivered(cancellation.delivered());
            encoder.putSignature(signature, 0, signature.length);
            peer.send(buffer, 0, MessageHeaderEncoder.ENCODED_LENGTH + encoder.encodedLength());
        }
    }

    @Override
    public void close() {
        calls.remove(id);
        // Whoever still waits for it waits for nothing.
        call.fail(new LostException("It was given up."));
    }
}
