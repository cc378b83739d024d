package io.plumbline.node.client;

import io.plumbline.node.network.BusyException;
import io.plumbline.node.network.Deadline;
import io.plumbline.node.network.DrainingException;
import io.plumbline.node.network.NoEscrowException;
import io.plumbline.node.network.RefusalKind;
import io.plumbline.node.network.RefusedException;
import io.plumbline.transport.Endpoint;
import io.plumbline.transport.Peer;
import io.plumbline.transport.VarData;
import io.plumbline.transport.nodewire.AnsweredDecoder;
import io.plumbline.transport.nodewire.DiscloseEncoder;
import io.plumbline.transport.nodewire.DisclosedDecoder;
import io.plumbline.transport.nodewire.EndingDecoder;
import io.plumbline.transport.nodewire.InferEncoder;
import io.plumbline.transport.nodewire.MessageHeaderEncoder;
import io.plumbline.transport.nodewire.OpeningChunkDecoder;
import io.plumbline.transport.nodewire.PackedChunkDecoder;
import io.plumbline.transport.nodewire.RefusedDecoder;
import io.plumbline.transport.nodewire.SealedDecoder;
import io.plumbline.transport.nodewire.TokenDecoder;
import io.plumbline.transport.sessionwire.MessageHeaderDecoder;
import io.plumbline.verifier.audit.OpeningSource;
import io.plumbline.verifier.audit.Seal;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.receipt.Answer;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Receipt;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.tensor.AnswerTooLargeException;
import io.plumbline.verifier.tensor.TensorAnswer;
import io.plumbline.verifier.tensor.TensorRequest;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;
import org.agrona.DirectBuffer;

/**
 * Asks inference nodes: for answers, for what stands behind a receipt, for openings. Calls block; any thread may
 * call. A reply counts only from the peer that was asked; what comes from others is dropped and counted.
 */
public final class NodeClient implements Endpoint.Receiver {
    /** Longest wait for a node's next sign of life. */
    private static final long TIMEOUT_MS = 60_000;

    private final Calls calls;
    private final Openings openings;
    private final LongAdder dropped = new LongAdder();

    public NodeClient() {
        this(TIMEOUT_MS);
    }

    /** @param timeoutMs longest wait for a node's next sign of life. */
    public NodeClient(long timeoutMs) {
        this.calls = new Calls(timeoutMs);
        this.openings = new Openings(timeoutMs);
    }

    /** A finished answer as the node gave it. */
    public record Answered(Answer answer, Receipt receipt, long cpuNanos) {}

    /** What stands behind a receipt. */
    public record Disclosed(Request request, Answer answer) {}

    /** A tensor model's answer as the node gave it. */
    public record TensorAnswered(TensorAnswer answer, Receipt receipt, long cpuNanos) {}

    /** What stands behind a tensor model's receipt. */
    public record TensorDisclosed(TensorRequest request, TensorAnswer answer) {}

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
                Call<?> call = call(from, token.correlationId());
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
            case EndingDecoder.TEMPLATE_ID -> {
                EndingDecoder ending = new EndingDecoder().wrap(in, offset, block, version);
                Call<?> call = call(from, ending.correlationId());
                if (call != null) {
                    call.onEnding();
                }
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
            case PackedChunkDecoder.TEMPLATE_ID -> {
                PackedChunkDecoder chunk = new PackedChunkDecoder().wrap(in, offset, block, version);
                IncomingOpening opening = opening(from, chunk.correlationId());
                if (opening != null) {
                    opening.onPacked(chunk.position(), chunk.length(), VarData.copy(chunk::wrapBytes));
                }
            }
            default -> {
                // A newer peer may say more than this version understands.
            }
        }
    }

    private Call<?> call(Peer from, long id) {
        Call<?> call = calls.find(from, id);
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

    private static void onToken(Call<?> call, TokenDecoder token) {
        try {
            call.onToken(token);
        } catch (IllegalStateException e) {
            call.fail(e);
        }
    }

    private void onRefused(Peer from, long id, int kind, String reason) {
        boolean busy = kind == RefusalKind.BUSY || kind == RefusalKind.DRAINING;
        Call<?> call = calls.find(from, id);
        IncomingOpening opening = openings.find(from, id);
        if (call == null && opening == null) {
            dropped.increment();
        }
        if (opening != null) {
            String why = "The node does not open it: " + reason;
            opening.fail(busy ? new BusyException(why) : new IOException(why));
        }
        if (call != null) {
            call.fail(
                    switch (kind) {
                        case RefusalKind.BUSY -> new BusyException(reason);
                        case RefusalKind.DRAINING -> new DrainingException(reason);
                        case RefusalKind.ANSWER_TOO_LARGE -> new AnswerTooLargeException(reason);
                        default ->
                            reason.equals(NoEscrowException.MESSAGE)
                                    ? new NoEscrowException()
                                    : new RefusedException(reason);
                    });
        }
    }

    /** Nothing waits any longer for a peer that is gone. */
    @Override
    public void onLost(Peer peer) {
        calls.onLost(peer);
        openings.onLost(peer);
    }

    /** For tests: as if a call of each kind waited for {@code peer} under this id. */
    public void expect(Peer peer, long id) {
        Call.Decode<Object> decode = (first, second, cpuNanos) -> TensorRequest.is(first)
                ? new TensorDisclosed(TensorRequest.decode(first), TensorAnswer.decode(second))
                : new Answered(Answer.decode(first), Receipt.decode(second), cpuNanos);
        calls.put(id, peer, new Call<>(decode));
        openings.put(
                id,
                peer,
                new IncomingOpening("a test", 1, Deadline.after(1), new WaitingTime(0), upTo -> {}, () -> {}));
    }

    private static void complete(Call<?> call, byte[] first, byte[] second, long cpuNanos) {
        if (call != null) {
            call.complete(first, second, cpuNanos);
        }
    }

    private static void onSealed(IncomingOpening opening, byte[] seal) {
        try {
            opening.onSealed(Seal.decode(seal));
        } catch (MalformedException e) {
            opening.fail(new IOException(e.getMessage(), e));
        }
    }

    /**
     * Has {@code request} answered.
     *
     * @param requester whose the request is; signs where the answer is to end early.
     * @param vocab number of token ids of the model.
     * @param topLogprobs how many log probabilities to name beside each token's own; -1 for none at all.
     * @param onToken hears each token, on the transport's thread.
     */
    public Inference infer(
            Peer peer, Request request, KeyPair requester, int vocab, int topLogprobs, Consumer<ChosenToken> onToken) {
        Inference inference = new Inference(calls, peer, request, requester, vocab, topLogprobs, onToken);
        inference.send(infer(request.encode(), topLogprobs));
        return inference;
    }

    private static Calls.Encode infer(byte[] request, int topLogprobs) {
        return (id, buffer) -> {
            InferEncoder encoder = new InferEncoder().wrapAndApplyHeader(buffer, 0, new MessageHeaderEncoder());
            encoder.correlationId(id).topLogprobs(topLogprobs);
            return encoder.putRequest(request, 0, request.length).encodedLength();
        };
    }

    /** Has a tensor model run for an encoded request. */
    public TensorAnswered inferTensors(Peer peer, byte[] request) throws IOException {
        Call.Decode<TensorAnswered> decode = (answer, receipt, cpuNanos) ->
                new TensorAnswered(TensorAnswer.decode(answer), Receipt.decode(receipt), cpuNanos);
        return calls.call(peer, new Call<>(decode), Deadline.after(calls.timeoutMs()), infer(request, -1));
    }

    /**
     * What stands behind a language model's receipt.
     *
     * @param mostBytes that it may have, encoded: a node that shows more has not kept to the protocol.
     */
    public Disclosed disclose(Peer peer, Bytes32 receiptHash, long mostBytes, Deadline deadline) throws IOException {
        Call.Decode<Disclosed> decode = (request, answer, none) -> {
            if ((long) request.length + answer.length > mostBytes) {
                throw new IllegalStateException("it discloses more than " + mostBytes + " bytes");
            }
            return new Disclosed(Request.decode(request), Answer.decode(answer));
        };
        return calls.call(peer, new Call<>(decode), deadline, disclose(receiptHash));
    }

    /** What stands behind a tensor model's receipt. */
    public TensorDisclosed discloseTensors(Peer peer, Bytes32 receiptHash, Deadline deadline) throws IOException {
        Call.Decode<TensorDisclosed> decode = (request, answer, none) ->
                new TensorDisclosed(TensorRequest.decode(request), TensorAnswer.decode(answer));
        return calls.call(peer, new Call<>(decode), deadline, disclose(receiptHash));
    }

    private static Calls.Encode disclose(Bytes32 receiptHash) {
        return (id, buffer) -> {
            DiscloseEncoder encoder = new DiscloseEncoder().wrapAndApplyHeader(buffer, 0, new MessageHeaderEncoder());
            return encoder.correlationId(id)
                    .putReceiptHash(receiptHash.bytes(), 0, Bytes32.BYTES)
                    .encodedLength();
        };
    }

    /** Openings of one receipt from the node that gave it, as they come in. */
    public OpeningSource openings(Peer peer, Bytes32 receiptHash, Deadline deadline) {
        return openings(peer, receiptHash, deadline, 0);
    }

    /**
     * The same of an audit that has waited for the node before: of what it disclosed so late it has had the time, and
     * not this host.
     */
    public OpeningSource openings(Peer peer, Bytes32 receiptHash, Deadline deadline, long waitedNs) {
        return openings.of(peer, receiptHash, deadline, waitedNs);
    }
}
