package io.plumbline.node.client;

import io.plumbline.inference.language.engine.Logprobs;
import io.plumbline.node.network.BusyException;
import io.plumbline.node.network.Deadline;
import io.plumbline.node.network.LostException;
import io.plumbline.node.network.RefusalKind;
import io.plumbline.transport.Endpoint;
import io.plumbline.transport.Peer;
import io.plumbline.transport.VarData;
import io.plumbline.transport.nodewire.AnsweredDecoder;
import io.plumbline.transport.nodewire.CancelEncoder;
import io.plumbline.transport.nodewire.ChallengeEncoder;
import io.plumbline.transport.nodewire.DiscloseEncoder;
import io.plumbline.transport.nodewire.DisclosedDecoder;
import io.plumbline.transport.nodewire.InferEncoder;
import io.plumbline.transport.nodewire.MessageHeaderEncoder;
import io.plumbline.transport.nodewire.OpeningChunkDecoder;
import io.plumbline.transport.nodewire.ProceedEncoder;
import io.plumbline.transport.nodewire.RefusedDecoder;
import io.plumbline.transport.nodewire.SealedDecoder;
import io.plumbline.transport.nodewire.TokenDecoder;
import io.plumbline.transport.sessionwire.MessageHeaderDecoder;
import io.plumbline.verifier.audit.OpeningSource;
import io.plumbline.verifier.audit.Seal;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.receipt.Answer;
import io.plumbline.verifier.receipt.Cancellation;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Receipt;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.tensor.AnswerTooLargeException;
import io.plumbline.verifier.tensor.TensorAnswer;
import io.plumbline.verifier.tensor.TensorRequest;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;
import org.agrona.DirectBuffer;
import org.agrona.ExpandableArrayBuffer;

/**
 * Asks inference nodes: for answers, for what stands behind a receipt, for openings. Calls block; any thread may
 * call. A reply counts only from the peer that was asked; what comes from others is dropped and counted.
 */
public final class NodeClient implements Endpoint.Receiver {
    /** Longest wait for a node's next sign of life. */
    private static final long TIMEOUT_MS = 60_000;

    private final long timeoutMs;

    private final PendingReplies<Call> calls = new PendingReplies<>();
    private final PendingReplies<IncomingOpening> openings = new PendingReplies<>();
    private final LongAdder dropped = new LongAdder();

    public NodeClient() {
        this(TIMEOUT_MS);
    }

    /** @param timeoutMs longest wait for a node's next sign of life. */
    public NodeClient(long timeoutMs) {
        this.timeoutMs = timeoutMs;
    }

    /** A finished answer as the node gave it. */
    public record Answered(Answer answer, Receipt receipt, long cpuNanos) {}

    /**
     * A token as it was chosen.
     *
     * @param logprobs null where none were asked for.
     */
    public record Chosen(int token, Logprobs logprobs) {
        private static Chosen of(TokenDecoder in, int most) {
            int token = in.token();
            float logprob = in.logprob();
            TokenDecoder.TopDecoder top = in.top();
            if (top.count() > Math.max(0, most)) {
                throw new IllegalStateException("it names more log probabilities than were asked for");
            }
            int[] tokens = new int[top.count()];
            float[] values = new float[tokens.length];
            for (int i = 0; i < tokens.length; i++) {
                top.next();
                tokens[i] = top.token();
                values[i] = top.logprob();
            }
            return new Chosen(token, Float.isNaN(logprob) ? null : new Logprobs(logprob, tokens, values));
        }
    }

    /** What stands behind a receipt. */
    public record Disclosed(Request request, Answer answer) {}

    /** A tensor model's answer as the node gave it. */
    public record TensorAnswered(TensorAnswer answer, Receipt receipt, long cpuNanos) {}

    /** What stands behind a tensor model's receipt. */
    public record TensorDisclosed(TensorRequest request, TensorAnswer answer) {}

    /** What a reply's two byte strings are: answer and receipt, or request and answer. */
    private interface Decode<T> {
        T decode(byte[] first, byte[] second, long cpuNanos);
    }

    private static class Call {
        final CompletableFuture<Object> done = new CompletableFuture<>();
        final Decode<?> decode;

        Call(Decode<?> decode) {
            this.decode = decode;
        }

        /** A token of the answer has come. */
        void onToken(TokenDecoder token) {
            throw new IllegalStateException("it streams tokens where none were asked for");
        }
    }

    /** For {@link Endpoint}. */
    public Endpoint.Protocol protocol() {
        return new Endpoint.Protocol(InferEncoder.SCHEMA_ID, InferEncoder.SCHEMA_VERSION, this);
    }

    @Override
    public void onMessage(Peer from, MessageHeaderDecoder header, DirectBuffer in, int offset) {
        int block = header.blockLength();
        int version = header.version();
        switch (header.templateId()) {
            case TokenDecoder.TEMPLATE_ID -> {
                TokenDecoder token = new TokenDecoder().wrap(in, offset, block, version);
                Call call = call(from, token.correlationId());
                if (call != null) {
                    onToken(call, token);
                }
            }
            case AnsweredDecoder.TEMPLATE_ID -> {
                AnsweredDecoder answered = new AnsweredDecoder().wrap(in, offset, block, version);
                byte[] answer = VarData.copy(answered::wrapAnswer);
                byte[] receipt = VarData.copy(answered::wrapReceipt);
                complete(call(from, answered.correlationId()), answer, receipt, answered.cpuNanos());
            }
            case DisclosedDecoder.TEMPLATE_ID -> {
                DisclosedDecoder disclosed = new DisclosedDecoder().wrap(in, offset, block, version);
                byte[] request = VarData.copy(disclosed::wrapRequest);
                byte[] answer = VarData.copy(disclosed::wrapAnswer);
                complete(call(from, disclosed.correlationId()), request, answer, 0);
            }
            case RefusedDecoder.TEMPLATE_ID -> {
                RefusedDecoder refused = new RefusedDecoder().wrap(in, offset, block, version);
                onRefused(
                        from,
                        refused.correlationId(),
                        refused.busy(),
                        new String(VarData.copy(refused::wrapReason), StandardCharsets.UTF_8));
            }
            case SealedDecoder.TEMPLATE_ID -> {
                SealedDecoder sealed = new SealedDecoder().wrap(in, offset, block, version);
                IncomingOpening opening = opening(from, sealed.correlationId());
                if (opening != null) {
                    onSealed(opening, VarData.copy(sealed::wrapSeal));
                }
            }
            case OpeningChunkDecoder.TEMPLATE_ID -> {
                OpeningChunkDecoder chunk = new OpeningChunkDecoder().wrap(in, offset, block, version);
                IncomingOpening opening = opening(from, chunk.correlationId());
                if (opening != null) {
                    opening.onChunk(chunk.position(), VarData.copy(chunk::wrapBytes));
                }
            }
            default -> {
                // A newer peer may say more than this version understands.
            }
        }
    }

    private Call call(Peer from, long id) {
        Call call = calls.find(from, id);
        if (call == null) {
            dropped.increment();
        }
        return call;
    }

    private IncomingOpening opening(Peer from, long id) {
        IncomingOpening opening = openings.find(from, id);
        if (opening == null) {
            dropped.increment();
        }
        return opening;
    }

    /** Replies that nothing waited for: late ones, and those of peers that were not asked. */
    long dropped() {
        return dropped.sum();
    }

    private static void onToken(Call call, TokenDecoder token) {
        try {
            call.onToken(token);
        } catch (IllegalStateException e) {
            call.done.completeExceptionally(e);
        }
    }

    private void onRefused(Peer from, long id, int kind, String reason) {
        boolean busy = kind == RefusalKind.BUSY;
        Call call = calls.find(from, id);
        IncomingOpening opening = openings.find(from, id);
        if (call == null && opening == null) {
            dropped.increment();
        }
        if (opening != null) {
            String why = "The node does not open it: " + reason;
            opening.fail(busy ? new BusyException(why) : new IOException(why));
        }
        if (call != null) {
            call.done.completeExceptionally(
                    switch (kind) {
                        case RefusalKind.BUSY -> new BusyException(reason);
                        case RefusalKind.ANSWER_TOO_LARGE -> new AnswerTooLargeException(reason);
                        default -> new IllegalArgumentException(reason);
                    });
        }
    }

    /** Nothing waits any longer for a peer that is gone. */
    @Override
    public void onLost(Peer peer) {
        calls.of(peer).forEach(call -> call.done.completeExceptionally(gone(peer)));
        openings.of(peer).forEach(opening -> opening.fail(gone(peer)));
    }

    private static LostException gone(Peer peer) {
        return new LostException("The inference node at " + peer.address() + " is not reached: " + peer.lost() + ".");
    }

    /** For tests: as if a call of each kind waited for {@code peer} under this id. */
    public void expect(Peer peer, long id) {
        Decode<Object> decode = (first, second, cpuNanos) -> TensorRequest.is(first)
                ? new TensorDisclosed(TensorRequest.decode(first), TensorAnswer.decode(second))
                : new Answered(Answer.decode(first), Receipt.decode(second), cpuNanos);
        calls.put(id, peer, new Call(decode));
        openings.put(id, peer, new IncomingOpening("a test", 1, Deadline.after(1), upTo -> {}, () -> {}));
    }

    private static void complete(Call call, byte[] first, byte[] second, long cpuNanos) {
        if (call != null) {
            try {
                call.done.complete(call.decode.decode(first, second, cpuNanos));
            } catch (RuntimeException e) {
                call.done.completeExceptionally(e);
            }
        }
    }

    private static void onSealed(IncomingOpening opening, byte[] seal) {
        try {
            opening.onSealed(Seal.decode(seal));
        } catch (MalformedException e) {
            opening.fail(new IOException(e.getMessage(), e));
        }
    }

    private interface Encode {
        int encode(long id, ExpandableArrayBuffer buffer);
    }

    private <T> T call(Peer peer, Call call, Class<T> type, Deadline deadline, Encode encode) throws IOException {
        long id = calls.add(peer, call);
        try {
            start(peer, id, call, encode);
            return type.cast(await(call, deadline));
        } catch (ExecutionException | TimeoutException | InterruptedException e) {
            throw failure(peer, e);
        } finally {
            calls.remove(id);
        }
    }

    private Object await(Call call, Deadline deadline)
            throws ExecutionException, InterruptedException, TimeoutException {
        long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(timeoutMs);
        while (true) {
            long left = Math.min(end - System.nanoTime(), deadline.leftNs());
            try {
                return call.done.get(Math.min(left, Deadline.LOOK_NS), TimeUnit.NANOSECONDS);
            } catch (TimeoutException e) {
                if (left <= Deadline.LOOK_NS) {
                    throw e;
                }
            }
        }
    }

    private static void start(Peer peer, long id, Call call, Encode encode) {
        ExpandableArrayBuffer buffer = new ExpandableArrayBuffer(4096);
        int length = MessageHeaderEncoder.ENCODED_LENGTH + encode.encode(id, buffer);
        peer.send(buffer, 0, length);
        if (peer.lost() != null) {
            // Nobody may have been told of this call any more.
            call.done.completeExceptionally(gone(peer));
        }
    }

    /** What is thrown for it; a refusal by the node is thrown here as what it is. */
    private IOException failure(Peer peer, Exception e) {
        switch (e) {
            case ExecutionException failed
            when failed.getCause() instanceof IllegalArgumentException refused -> throw refused;
            case ExecutionException failed
            when failed.getCause() instanceof IllegalStateException wrong -> {
                return new IOException(
                        "The inference node at " + peer.address() + " does not keep to the protocol: "
                                + wrong.getMessage() + ".",
                        wrong);
            }
            case ExecutionException failed
            when failed.getCause() instanceof BusyException busy -> {
                return busy;
            }
            case ExecutionException failed
            when failed.getCause() instanceof LostException lost -> {
                return new LostException(lost);
            }
            case ExecutionException failed -> {
                return new IOException(failed.getCause().getMessage(), failed.getCause());
            }
            case TimeoutException late -> {
                return new IOException(
                        "The inference node at " + peer.address() + " did not answer in time, " + timeoutMs / 1000
                                + " s at most.",
                        late);
            }
            default -> {
                Thread.currentThread().interrupt();
                return new IOException("Interrupted while waiting for " + peer.address() + ".", e);
            }
        }
    }

    /** An answer on its way. */
    public final class Inference implements AutoCloseable {
        private final Peer peer;
        private final Request request;
        private final DeliveredTokens delivered;
        private final Call call;
        private final long id;
        private volatile long lastSign = System.nanoTime();

        private Inference(Peer peer, Request request, int vocab, int topLogprobs, Consumer<Chosen> onToken) {
            this.peer = peer;
            this.request = request;
            this.delivered = new DeliveredTokens(request.maxTokens(), vocab);
            this.call =
                    new Call((answer, receipt, cpuNanos) ->
                            new Answered(Answer.decode(answer), Receipt.decode(receipt), cpuNanos)) {
                        @Override
                        void onToken(TokenDecoder token) {
                            Chosen chosen = Chosen.of(token, topLogprobs);
                            lastSign = System.nanoTime();
                            delivered.add(chosen.token(), () -> onToken.accept(chosen));
                        }
                    };
            this.id = calls.add(peer, call);
        }

        /** The tokens streamed so far. */
        public DeliveredTokens delivered() {
            return delivered;
        }

        /** Waits for the whole answer, as long as tokens keep coming. */
        public Answered await() throws IOException {
            try {
                while (true) {
                    try {
                        return (Answered) call.done.get(timeoutMs, TimeUnit.MILLISECONDS);
                    } catch (TimeoutException e) {
                        if (System.nanoTime() - lastSign > TimeUnit.MILLISECONDS.toNanos(timeoutMs)) {
                            throw failure(peer, e);
                        }
                    }
                }
            } catch (ExecutionException | InterruptedException e) {
                throw failure(peer, e);
            }
        }

        /**
         * Tells the node that nobody reads on.
         *
         * @param requester the request's: the node needs its signature to be paid for an answer that ends early.
         */
        public void cancel(KeyPair requester) {
            if (!call.done.isDone()) {
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
            call.done.completeExceptionally(new LostException("It was given up."));
        }
    }

    /**
     * Has {@code request} answered.
     *
     * @param vocab number of token ids of the model.
     * @param topLogprobs how many log probabilities to name beside each token's own; -1 for none at all.
     * @param onToken hears each token, on the transport's thread.
     */
    public Inference infer(Peer peer, Request request, int vocab, int topLogprobs, Consumer<Chosen> onToken) {
        Inference inference = new Inference(peer, request, vocab, topLogprobs, onToken);
        start(peer, inference.id, inference.call, infer(request.encode(), topLogprobs));
        return inference;
    }

    private static Encode infer(byte[] request, int topLogprobs) {
        return (id, buffer) -> {
            InferEncoder encoder = new InferEncoder().wrapAndApplyHeader(buffer, 0, new MessageHeaderEncoder());
            encoder.correlationId(id).topLogprobs(topLogprobs);
            return encoder.putRequest(request, 0, request.length).encodedLength();
        };
    }

    /** Has a tensor model run for an encoded request. */
    public TensorAnswered inferTensors(Peer peer, byte[] request) throws IOException {
        Decode<TensorAnswered> decode = (answer, receipt, cpuNanos) ->
                new TensorAnswered(TensorAnswer.decode(answer), Receipt.decode(receipt), cpuNanos);
        return call(peer, new Call(decode), TensorAnswered.class, Deadline.after(timeoutMs), infer(request, -1));
    }

    /** What stands behind a language model's receipt. */
    public Disclosed disclose(Peer peer, byte[] receiptHash, Deadline deadline) throws IOException {
        Decode<Disclosed> decode =
                (request, answer, none) -> new Disclosed(Request.decode(request), Answer.decode(answer));
        return call(peer, new Call(decode), Disclosed.class, deadline, disclose(receiptHash));
    }

    /** What stands behind a tensor model's receipt. */
    public TensorDisclosed discloseTensors(Peer peer, byte[] receiptHash, Deadline deadline) throws IOException {
        Decode<TensorDisclosed> decode = (request, answer, none) ->
                new TensorDisclosed(TensorRequest.decode(request), TensorAnswer.decode(answer));
        return call(peer, new Call(decode), TensorDisclosed.class, deadline, disclose(receiptHash));
    }

    private static Encode disclose(byte[] receiptHash) {
        return (id, buffer) -> {
            DiscloseEncoder encoder = new DiscloseEncoder().wrapAndApplyHeader(buffer, 0, new MessageHeaderEncoder());
            return encoder.correlationId(id)
                    .putReceiptHash(receiptHash, 0, receiptHash.length)
                    .encodedLength();
        };
    }

    /** Openings of one receipt from the node that gave it, as they come in. */
    public OpeningSource openings(Peer peer, byte[] receiptHash, Deadline deadline) {
        return cell -> {
            long[] own = {0};
            IncomingOpening opening = new IncomingOpening(
                    peer.address(),
                    timeoutMs,
                    deadline,
                    upTo -> proceed(peer, own[0], upTo),
                    () -> endOpening(peer, own[0]));
            long id = openings.add(peer, opening);
            own[0] = id;
            ExpandableArrayBuffer buffer = new ExpandableArrayBuffer(256);
            ChallengeEncoder encoder = new ChallengeEncoder().wrapAndApplyHeader(buffer, 0, new MessageHeaderEncoder());
            encoder.correlationId(id).layer(cell.layer()).from(cell.from()).to(cell.to());
            encoder.putReceiptHash(receiptHash, 0, receiptHash.length);
            peer.send(buffer, 0, MessageHeaderEncoder.ENCODED_LENGTH + encoder.encodedLength());
            if (peer.lost() != null) {
                opening.fail(gone(peer));
            }
            try {
                return opening.await();
            } catch (IOException e) {
                opening.close();
                throw e;
            }
        };
    }

    private static void proceed(Peer peer, long id, long upTo) {
        ExpandableArrayBuffer buffer = new ExpandableArrayBuffer(64);
        ProceedEncoder encoder = new ProceedEncoder().wrapAndApplyHeader(buffer, 0, new MessageHeaderEncoder());
        encoder.correlationId(id).upTo(upTo);
        peer.send(buffer, 0, MessageHeaderEncoder.ENCODED_LENGTH + encoder.encodedLength());
    }

    private void endOpening(Peer peer, long id) {
        if (openings.remove(id)) {
            proceed(peer, id, -1);
        }
    }
}
