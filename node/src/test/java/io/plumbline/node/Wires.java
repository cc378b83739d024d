package io.plumbline.node;

import com.fasterxml.jackson.databind.JsonNode;
import io.plumbline.inference.TestModels;
import io.plumbline.inference.language.gguf.GgufExport;
import io.plumbline.inference.language.gguf.GgufType;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.inference.language.safetensors.SafetensorsCheckpoint;
import io.plumbline.inference.language.tokenizer.ChatTokenizer;
import io.plumbline.node.client.NodeClient;
import io.plumbline.node.gateway.ApiException;
import io.plumbline.node.gateway.ChatRequest;
import io.plumbline.node.gateway.FileSources;
import io.plumbline.node.inference.NodeRequests;
import io.plumbline.transport.Endpoint;
import io.plumbline.transport.Peer;
import io.plumbline.transport.ledgerwire.QueryEncoder;
import io.plumbline.transport.ledgerwire.Subject;
import io.plumbline.transport.ledgerwire.SubmitEncoder;
import io.plumbline.transport.nodewire.AnsweredEncoder;
import io.plumbline.transport.nodewire.CancelEncoder;
import io.plumbline.transport.nodewire.ChallengeEncoder;
import io.plumbline.transport.nodewire.DiscloseEncoder;
import io.plumbline.transport.nodewire.DisclosedEncoder;
import io.plumbline.transport.nodewire.InferEncoder;
import io.plumbline.transport.nodewire.MessageHeaderEncoder;
import io.plumbline.transport.nodewire.OpeningChunkEncoder;
import io.plumbline.transport.nodewire.PackedChunkEncoder;
import io.plumbline.transport.nodewire.ProceedEncoder;
import io.plumbline.transport.nodewire.RefusedEncoder;
import io.plumbline.transport.nodewire.SealedEncoder;
import io.plumbline.transport.nodewire.TokenEncoder;
import io.plumbline.transport.sessionwire.MessageHeaderDecoder;
import io.plumbline.verifier.audit.Cell;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.Cancellation;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.agrona.ExpandableArrayBuffer;
import org.agrona.concurrent.UnsafeBuffer;

/** Frames as they go over the network, for tests that feed them to what decodes them. */
public final class Wires {
    private static final MessageHeaderEncoder HEADER = new MessageHeaderEncoder();

    /** A call that every client frame here answers. */
    private static final long ID = 7;

    private Wires() {}

    /** What decodes a frame. */
    @FunctionalInterface
    public interface Decoder {
        void parse(byte[] bytes);
    }

    private static Decoder receiver(Endpoint.Receiver receiver) {
        return bytes -> {
            if (bytes.length < MessageHeaderDecoder.ENCODED_LENGTH) {
                return;
            }
            UnsafeBuffer message = new UnsafeBuffer(bytes);
            MessageHeaderDecoder header = new MessageHeaderDecoder().wrap(message, 0);
            try {
                receiver.onMessage(null, header, message, MessageHeaderDecoder.ENCODED_LENGTH);
            } catch (IndexOutOfBoundsException e) {
                // The endpoint drops such a message.
            }
        };
    }

    /** What full nodes and gateways decode, in the midst of calls. */
    public static Decoder client() {
        NodeClient client = new NodeClient();
        return bytes -> {
            client.expect(null, ID);
            receiver(client).parse(bytes);
        };
    }

    /** What inference nodes decode. */
    public static Decoder node() {
        return receiver(new NodeRequests(new NodeRequests.Handler() {
            @Override
            public void infer(Peer from, long id, byte[] request, int topLogprobs) {}

            @Override
            public void cancel(Peer from, long id, Cancellation cancellation) {}

            @Override
            public void disclose(Peer from, long id, Bytes32 receiptHash) {}

            @Override
            public void challenge(Peer from, long id, Bytes32 receiptHash, Cell cell, boolean packed) {}

            @Override
            public void proceed(Peer from, long id, long upTo) {}

            @Override
            public void gone(Peer from) {}
        }));
    }

    private static byte[] bytes(ExpandableArrayBuffer buffer, int bodyLength) {
        return Arrays.copyOf(buffer.byteArray(), MessageHeaderEncoder.ENCODED_LENGTH + bodyLength);
    }

    /** One of each kind that answers a call. */
    public static List<byte[]> clientFrames(byte[] answer, byte[] receipt, byte[] seal) {
        ExpandableArrayBuffer b = new ExpandableArrayBuffer();
        TokenEncoder token = new TokenEncoder().wrapAndApplyHeader(b, 0, HEADER);
        token.correlationId(ID)
                .token(5)
                .logprob(-1f)
                .topCount(2)
                .next()
                .token(5)
                .next()
                .token(6);
        byte[] first = bytes(b, token.encodedLength());
        AnsweredEncoder answered = new AnsweredEncoder().wrapAndApplyHeader(b, 0, HEADER);
        answered.correlationId(ID).putAnswer(answer, 0, answer.length).putReceipt(receipt, 0, receipt.length);
        byte[] second = bytes(b, answered.encodedLength());
        DisclosedEncoder disclosed = new DisclosedEncoder().wrapAndApplyHeader(b, 0, HEADER);
        disclosed.correlationId(ID).putRequest(answer, 0, answer.length).putAnswer(answer, 0, answer.length);
        byte[] third = bytes(b, disclosed.encodedLength());
        SealedEncoder sealed = new SealedEncoder().wrapAndApplyHeader(b, 0, HEADER);
        byte[] fourth =
                bytes(b, sealed.correlationId(ID).putSeal(seal, 0, seal.length).encodedLength());
        OpeningChunkEncoder chunk = new OpeningChunkEncoder().wrapAndApplyHeader(b, 0, HEADER);
        byte[] fifth = bytes(
                b, chunk.correlationId(ID).position(0).putBytes(seal, 0, 9).encodedLength());
        PackedChunkEncoder packed = new PackedChunkEncoder().wrapAndApplyHeader(b, 0, HEADER);
        packed.correlationId(ID).position(0).length(9).putBytes(seal, 0, 9);
        byte[] unpacking = bytes(b, packed.encodedLength());
        RefusedEncoder refused = new RefusedEncoder().wrapAndApplyHeader(b, 0, HEADER);
        byte[] sixth =
                bytes(b, refused.correlationId(ID).busy((short) 1).reason("no").encodedLength());
        return List.of(first, second, third, fourth, fifth, unpacking, sixth);
    }

    /** One of each kind that asks an inference node. */
    public static List<byte[]> nodeFrames(byte[] request, Bytes32 receiptHash) {
        ExpandableArrayBuffer b = new ExpandableArrayBuffer();
        InferEncoder infer = new InferEncoder().wrapAndApplyHeader(b, 0, HEADER);
        infer.correlationId(ID).topLogprobs(2).putRequest(request, 0, request.length);
        byte[] first = bytes(b, infer.encodedLength());
        DiscloseEncoder disclose = new DiscloseEncoder().wrapAndApplyHeader(b, 0, HEADER);
        byte[] second = bytes(
                b,
                disclose.correlationId(ID)
                        .putReceiptHash(receiptHash.bytes(), 0, 32)
                        .encodedLength());
        ChallengeEncoder challenge = new ChallengeEncoder().wrapAndApplyHeader(b, 0, HEADER);
        challenge.correlationId(ID).layer(1).from(2).to(3).packed((short) 1);
        byte[] third =
                bytes(b, challenge.putReceiptHash(receiptHash.bytes(), 0, 32).encodedLength());
        ProceedEncoder proceed = new ProceedEncoder().wrapAndApplyHeader(b, 0, HEADER);
        byte[] fourth = bytes(b, proceed.correlationId(ID).upTo(9).encodedLength());
        CancelEncoder cancel = new CancelEncoder().wrapAndApplyHeader(b, 0, HEADER);
        cancel.correlationId(ID).delivered(3).putSignature(new byte[64], 0, 64);
        return List.of(first, second, third, fourth, bytes(b, cancel.encodedLength()));
    }

    /** A command and a query to the ledger. */
    public static List<byte[]> ledgerFrames(byte[] command, byte[] key) {
        io.plumbline.transport.ledgerwire.MessageHeaderEncoder header =
                new io.plumbline.transport.ledgerwire.MessageHeaderEncoder();
        ExpandableArrayBuffer b = new ExpandableArrayBuffer();
        SubmitEncoder submit = new SubmitEncoder().wrapAndApplyHeader(b, 0, header);
        byte[] first = bytes(
                b,
                submit.correlationId(ID).putCommand(command, 0, command.length).encodedLength());
        QueryEncoder query = new QueryEncoder().wrapAndApplyHeader(b, 0, header);
        query.correlationId(ID).subject(Subject.SETTLEMENT).putKey(key, 0, key.length);
        return List.of(first, bytes(b, query.encodedLength()));
    }

    private static ChatTokenizer tokenizer;

    /** Opens what {@link #chat} needs. */
    public static void open(LoadedModel model) throws IOException {
        tokenizer = ChatTokenizer.open(model.folder());
    }

    /** What the gateway makes of a request's body. */
    public static void chat(JsonNode body, LoadedModel model) {
        try {
            ChatRequest.parse(body, "stories", model, tokenizer, new FileSources(List.of()), Bytes32.ZERO, Level.FULL);
        } catch (IOException | ApiException e) {
            // Refused with a status and a reason.
        }
    }

    /** The first bytes of a GGUF file: all of its header. */
    public static byte[] gguf(Path file) throws IOException {
        try (SafetensorsCheckpoint checkpoint = SafetensorsCheckpoint.open(TestModels.SHIPPED)) {
            GgufExport.run(checkpoint, GgufType.Q8_0, file, share -> {});
        }
        return Arrays.copyOf(Files.readAllBytes(file), 64 << 10);
    }

    /** Asks a node for an answer. */
    static void infer(Peer peer, long id, byte[] request) {
        ExpandableArrayBuffer buffer = new ExpandableArrayBuffer(4096);
        InferEncoder infer = new InferEncoder().wrapAndApplyHeader(buffer, 0, new MessageHeaderEncoder());
        infer.correlationId(id).topLogprobs(-1).putRequest(request, 0, request.length);
        peer.send(buffer, 0, MessageHeaderEncoder.ENCODED_LENGTH + infer.encodedLength());
    }

    /** Has a node end an answer. */
    static void cancel(Peer peer, long id, Cancellation by) {
        ExpandableArrayBuffer buffer = new ExpandableArrayBuffer(256);
        CancelEncoder cancel = new CancelEncoder().wrapAndApplyHeader(buffer, 0, new MessageHeaderEncoder());
        cancel.correlationId(id).delivered(by.delivered());
        cancel.putSignature(by.signature(), 0, by.signature().length);
        peer.send(buffer, 0, MessageHeaderEncoder.ENCODED_LENGTH + cancel.encodedLength());
    }

    /** Asks a node for an opening. */
    static void challenge(Peer peer, long id, Bytes32 receiptHash, Cell cell) {
        ExpandableArrayBuffer buffer = new ExpandableArrayBuffer(256);
        ChallengeEncoder challenge = new ChallengeEncoder().wrapAndApplyHeader(buffer, 0, new MessageHeaderEncoder());
        challenge
                .correlationId(id)
                .layer(cell.layer())
                .from(cell.from())
                .to(cell.to())
                .packed((short) 0);
        challenge.putReceiptHash(receiptHash.bytes(), 0, 32);
        peer.send(buffer, 0, MessageHeaderEncoder.ENCODED_LENGTH + challenge.encodedLength());
    }
}
