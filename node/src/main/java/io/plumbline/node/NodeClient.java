package io.plumbline.node;

import io.plumbline.transport.Endpoint;
import io.plumbline.transport.Endpoint.Peer;
import io.plumbline.transport.nodewire.AnsweredDecoder;
import io.plumbline.transport.nodewire.ChallengeEncoder;
import io.plumbline.transport.nodewire.DiscloseEncoder;
import io.plumbline.transport.nodewire.DisclosedDecoder;
import io.plumbline.transport.nodewire.InferEncoder;
import io.plumbline.transport.nodewire.MessageHeaderDecoder;
import io.plumbline.transport.nodewire.MessageHeaderEncoder;
import io.plumbline.transport.nodewire.OpeningChunkDecoder;
import io.plumbline.transport.nodewire.OpeningKind;
import io.plumbline.transport.nodewire.RefusedDecoder;
import io.plumbline.transport.nodewire.TokenDecoder;
import io.plumbline.verifier.audit.Cell;
import io.plumbline.verifier.audit.OpeningSource;
import io.plumbline.verifier.receipt.Answer;
import io.plumbline.verifier.receipt.Receipt;
import io.plumbline.verifier.receipt.Request;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.IntConsumer;
import org.agrona.DirectBuffer;
import org.agrona.ExpandableArrayBuffer;

/** Asks inference nodes: for answers, for what stands behind a receipt, for openings. Calls block; any thread may call. */
final class NodeClient implements Endpoint.Receiver {
    /** Longest wait for the next sign of life of an answer, and for an opening. */
    static final long TIMEOUT_S = 60;

    /** Largest opening that is taken. */
    private static final long MAX_OPENING_BYTES = 1L << 30;

    private final AtomicLong correlation = new AtomicLong(System.nanoTime());
    private final Map<Long, Call> calls = new ConcurrentHashMap<>();

    /** A finished answer as the node gave it. */
    record Answered(Answer answer, Receipt receipt, long cpuNanos) {}

    /** What stands behind a receipt. */
    record Disclosed(Request request, Answer answer) {}

    private static final class Call {
        final CompletableFuture<Object> done = new CompletableFuture<>();
        final IntConsumer onToken;
        final long expectedBytes;
        byte[] opening;
        long received;

        Call(IntConsumer onToken, long expectedBytes) {
            this.onToken = onToken;
            this.expectedBytes = expectedBytes;
        }
    }

    @Override
    public void onMessage(Peer from, MessageHeaderDecoder header, DirectBuffer in, int offset) {
        int block = header.blockLength();
        int version = header.version();
        switch (header.templateId()) {
            case TokenDecoder.TEMPLATE_ID -> {
                TokenDecoder token = new TokenDecoder().wrap(in, offset, block, version);
                Call call = calls.get(token.correlationId());
                if (call != null && call.onToken != null) {
                    call.onToken.accept(token.token());
                }
            }
            case AnsweredDecoder.TEMPLATE_ID -> {
                AnsweredDecoder answered = new AnsweredDecoder().wrap(in, offset, block, version);
                byte[] answer = new byte[answered.answerLength()];
                answered.getAnswer(answer, 0, answer.length);
                byte[] receipt = new byte[answered.receiptLength()];
                answered.getReceipt(receipt, 0, receipt.length);
                complete(
                        answered.correlationId(),
                        () -> new Answered(Answer.decode(answer), Receipt.decode(receipt), answered.cpuNanos()));
            }
            case DisclosedDecoder.TEMPLATE_ID -> {
                DisclosedDecoder disclosed = new DisclosedDecoder().wrap(in, offset, block, version);
                byte[] request = new byte[disclosed.requestLength()];
                disclosed.getRequest(request, 0, request.length);
                byte[] answer = new byte[disclosed.answerLength()];
                disclosed.getAnswer(answer, 0, answer.length);
                complete(
                        disclosed.correlationId(), () -> new Disclosed(Request.decode(request), Answer.decode(answer)));
            }
            case RefusedDecoder.TEMPLATE_ID -> {
                RefusedDecoder refused = new RefusedDecoder().wrap(in, offset, block, version);
                Call call = calls.get(refused.correlationId());
                if (call != null) {
                    call.done.completeExceptionally(new IllegalArgumentException(refused.reason()));
                }
            }
            case OpeningChunkDecoder.TEMPLATE_ID -> onChunk(new OpeningChunkDecoder().wrap(in, offset, block, version));
            default -> {
                // A newer peer may say more than this version understands.
            }
        }
    }

    private interface Decode {
        Object get();
    }

    private void complete(long id, Decode decode) {
        Call call = calls.get(id);
        if (call != null) {
            try {
                call.done.complete(decode.get());
            } catch (RuntimeException e) {
                call.done.completeExceptionally(e);
            }
        }
    }

    private void onChunk(OpeningChunkDecoder chunk) {
        Call call = calls.get(chunk.correlationId());
        if (call == null) {
            return;
        }
        long total = chunk.totalBytes();
        int length = chunk.bytesLength();
        if (call.opening == null && total >= 0 && total <= Math.min(MAX_OPENING_BYTES, call.expectedBytes)) {
            call.opening = new byte[(int) total];
        }
        if (call.opening == null
                || total != call.opening.length
                || chunk.position() != call.received
                || length > total - call.received) {
            call.done.completeExceptionally(
                    new IOException("The node sent an opening that is not what was asked for."));
            return;
        }
        chunk.getBytes(call.opening, (int) call.received, length);
        call.received += length;
        if (call.received == total) {
            call.done.complete(MemorySegment.ofArray(call.opening));
        }
    }

    private interface Encode {
        int encode(long id, ExpandableArrayBuffer buffer);
    }

    private <T> T call(Peer peer, Call call, Class<T> type, Encode encode) throws IOException {
        long id = correlation.getAndIncrement();
        calls.put(id, call);
        try {
            ExpandableArrayBuffer buffer = new ExpandableArrayBuffer(4096);
            int length = MessageHeaderEncoder.ENCODED_LENGTH + encode.encode(id, buffer);
            peer.send(buffer, 0, length);
            return type.cast(call.done.get(TIMEOUT_S, TimeUnit.SECONDS));
        } catch (ExecutionException e) {
            if (e.getCause() instanceof IllegalArgumentException refused) {
                throw refused;
            }
            throw new IOException(e.getCause().getMessage(), e.getCause());
        } catch (TimeoutException e) {
            throw new IOException(
                    "The inference node at " + peer.address() + " did not answer within " + TIMEOUT_S + " s.", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("Interrupted while waiting for " + peer.address() + ".", e);
        } finally {
            calls.remove(id);
        }
    }

    /** Has {@code request} answered; {@code onToken} hears each token, on the transport's thread. */
    Answered infer(Peer peer, Request request, IntConsumer onToken) throws IOException {
        byte[] bytes = request.encode();
        return call(peer, new Call(onToken, 0), Answered.class, (id, buffer) -> {
            InferEncoder encoder = new InferEncoder().wrapAndApplyHeader(buffer, 0, new MessageHeaderEncoder());
            return encoder.correlationId(id).putRequest(bytes, 0, bytes.length).encodedLength();
        });
    }

    Disclosed disclose(Peer peer, byte[] receiptHash) throws IOException {
        return call(peer, new Call(null, 0), Disclosed.class, (id, buffer) -> {
            DiscloseEncoder encoder = new DiscloseEncoder().wrapAndApplyHeader(buffer, 0, new MessageHeaderEncoder());
            return encoder.correlationId(id)
                    .putReceiptHash(receiptHash, 0, receiptHash.length)
                    .encodedLength();
        });
    }

    /** Openings of one receipt from the node that gave it. */
    OpeningSource openings(Peer peer, byte[] receiptHash) {
        return new OpeningSource() {
            @Override
            public MemorySegment cell(Cell cell) throws IOException {
                return challenge(peer, receiptHash, OpeningKind.CELL, cell.layer(), cell.from(), cell.to());
            }

            @Override
            public MemorySegment positions(int from, int to) throws IOException {
                return challenge(peer, receiptHash, OpeningKind.POSITION, 0, from, to);
            }
        };
    }

    private MemorySegment challenge(Peer peer, byte[] receiptHash, OpeningKind kind, int layer, int from, int to)
            throws IOException {
        return call(peer, new Call(null, MAX_OPENING_BYTES), MemorySegment.class, (id, buffer) -> {
            ChallengeEncoder encoder = new ChallengeEncoder().wrapAndApplyHeader(buffer, 0, new MessageHeaderEncoder());
            encoder.correlationId(id).kind(kind).layer(layer).from(from).to(to);
            return encoder.putReceiptHash(receiptHash, 0, receiptHash.length).encodedLength();
        });
    }
}
