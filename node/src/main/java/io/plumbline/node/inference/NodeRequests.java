package io.plumbline.node.inference;

import io.plumbline.transport.Endpoint;
import io.plumbline.transport.Peer;
import io.plumbline.transport.VarData;
import io.plumbline.transport.nodewire.CancelDecoder;
import io.plumbline.transport.nodewire.ChallengeDecoder;
import io.plumbline.transport.nodewire.DiscloseDecoder;
import io.plumbline.transport.nodewire.InferDecoder;
import io.plumbline.transport.nodewire.ProceedDecoder;
import io.plumbline.transport.sessionwire.MessageHeaderDecoder;
import io.plumbline.verifier.audit.Cell;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.Cancellation;
import org.agrona.DirectBuffer;

/** What others may ask of an inference node, decoded. A malformed message is an exception, and none of it is done. */
public record NodeRequests(Handler handler) implements Endpoint.Receiver {
    /** Hears requests on the transport's thread and must not hold it up. */
    public interface Handler {
        void infer(Peer from, long id, byte[] request, int topLogprobs);

        /** An answer may end now; whether the request's requester has signed that is for the handler to see. */
        void cancel(Peer from, long id, Cancellation cancellation);

        void disclose(Peer from, long id, Bytes32 receiptHash);

        /** @param packed whether it may be sent in packed words. */
        void challenge(Peer from, long id, Bytes32 receiptHash, Cell cell, boolean packed);

        void proceed(Peer from, long id, long upTo);

        /** Whatever it has asked for, nobody waits for it any more. */
        void gone(Peer from);
    }

    /** For {@link Endpoint}. */
    public Endpoint.Protocol protocol() {
        return new Endpoint.Protocol(InferDecoder.SCHEMA_ID, InferDecoder.SCHEMA_VERSION, this);
    }

    @Override
    public void onLost(Peer peer) {
        handler.gone(peer);
    }

    @Override
    public void onMessage(Peer from, MessageHeaderDecoder header, DirectBuffer in, int offset) {
        int block = header.blockLength();
        int version = header.version();
        switch (header.templateId()) {
            case InferDecoder.TEMPLATE_ID -> {
                InferDecoder infer = new InferDecoder().wrap(in, offset, block, version);
                long id = infer.correlationId();
                int topLogprobs = infer.topLogprobs();
                handler.infer(from, id, VarData.copy(infer::wrapRequest), topLogprobs);
            }
            case CancelDecoder.TEMPLATE_ID -> {
                CancelDecoder cancel = new CancelDecoder().wrap(in, offset, block, version);
                long id = cancel.correlationId();
                int delivered = cancel.delivered();
                handler.cancel(from, id, new Cancellation(delivered, VarData.copy(cancel::wrapSignature)));
            }
            case DiscloseDecoder.TEMPLATE_ID -> {
                DiscloseDecoder disclose = new DiscloseDecoder().wrap(in, offset, block, version);
                handler.disclose(from, disclose.correlationId(), Bytes32.of(VarData.copy(disclose::wrapReceiptHash)));
            }
            case ChallengeDecoder.TEMPLATE_ID -> {
                ChallengeDecoder challenge = new ChallengeDecoder().wrap(in, offset, block, version);
                Cell cell = new Cell(challenge.layer(), challenge.from(), challenge.to());
                long id = challenge.correlationId();
                boolean packed = challenge.packed() == 1;
                handler.challenge(from, id, Bytes32.of(VarData.copy(challenge::wrapReceiptHash)), cell, packed);
            }
            case ProceedDecoder.TEMPLATE_ID -> {
                ProceedDecoder proceed = new ProceedDecoder().wrap(in, offset, block, version);
                handler.proceed(from, proceed.correlationId(), proceed.upTo());
            }
            default -> {
                // A newer peer may say more than this version understands.
            }
        }
    }
}
