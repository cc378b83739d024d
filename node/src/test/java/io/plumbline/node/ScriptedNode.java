package io.plumbline.node;

import io.plumbline.inference.TestModels;
import io.plumbline.inference.language.engine.ForwardPass;
import io.plumbline.inference.language.engine.Generator;
import io.plumbline.inference.language.engine.Replay;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.inference.language.tokenizer.ChatTokenizer;
import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.state.Command;
import io.plumbline.node.inference.NodeRequests;
import io.plumbline.node.inference.NodeResponder;
import io.plumbline.node.inference.OutgoingOpening;
import io.plumbline.transport.Peer;
import io.plumbline.transport.nodewire.AnsweredEncoder;
import io.plumbline.transport.nodewire.DisclosedEncoder;
import io.plumbline.transport.nodewire.MessageHeaderEncoder;
import io.plumbline.transport.nodewire.OpeningChunkEncoder;
import io.plumbline.transport.nodewire.RefusedEncoder;
import io.plumbline.transport.nodewire.SealedEncoder;
import io.plumbline.transport.nodewire.TokenEncoder;
import io.plumbline.verifier.audit.AnswerView;
import io.plumbline.verifier.audit.Cell;
import io.plumbline.verifier.audit.OpeningLayout;
import io.plumbline.verifier.audit.Seal;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.Answer;
import io.plumbline.verifier.receipt.Cancellation;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Receipt;
import io.plumbline.verifier.receipt.Request;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.agrona.ExpandableArrayBuffer;

/** An inference node that is honest but for what a test overrides. */
class ScriptedNode implements NodeRequests.Handler {
    /** What it has answered. */
    record Served(Request request, Answer answer, Receipt receipt) {}

    final ChatTokenizer tokenizer;
    final List<Cell> challenges = new CopyOnWriteArrayList<>();
    volatile Served last;

    private final LoadedModel model;
    private final KeyPair keys;
    private final LedgerClient ledger;
    private final long pricePerToken;
    private final ForwardPass forward;
    private final Generator generator;
    private final ExecutorService work =
            Executors.newSingleThreadExecutor(Thread.ofPlatform().daemon().factory());
    private final Map<String, Served> served = new ConcurrentHashMap<>();
    private final Map<Long, OutgoingOpening> sending = new ConcurrentHashMap<>();

    /** One that shows its client another receipt than the ledger. */
    static ScriptedNode handingInALowerPrice(AttackNetwork network, KeyPair keys, long pricePerToken)
            throws IOException {
        return new ScriptedNode(network, keys, pricePerToken) {
            @Override
            Receipt handedIn(Receipt given) {
                return new Receipt(
                                given.contractVersion(),
                                given.modelId(),
                                given.requestHash(),
                                given.outputHash(),
                                given.traceRoot(),
                                given.traceBytes(),
                                given.promptTokens(),
                                given.outputTokens(),
                                given.price() - 1,
                                null,
                                null)
                        .sign(keys);
            }
        };
    }

    ScriptedNode(AttackNetwork network, KeyPair keys, long pricePerToken) throws IOException {
        this.model = network.model;
        this.keys = keys;
        this.ledger = network.ledger(keys);
        this.pricePerToken = pricePerToken;
        this.tokenizer = ChatTokenizer.of(model.tokenFiles());
        this.forward = TestModels.forward(model);
        this.generator = new Generator(forward, keys.publicKey());
    }

    /** What it signs. */
    Answer answer(Request request, int[] tokens) {
        return new Answer(tokens, tokenizer.decode(tokens));
    }

    /** What it streams before. */
    int[] stream(Answer answer) {
        return answer.tokens();
    }

    /** What it hands in on the ledger. */
    Receipt handedIn(Receipt given) {
        return given;
    }

    /** What it sends when asked for an opening. */
    void send(Peer to, long id, Seal seal, byte[] bytes) {
        OutgoingOpening opening = new OutgoingOpening(to, id, seal.encode(), bytes);
        sending.put(id, opening);
        Thread.startVirtualThread(opening::run);
    }

    @Override
    public void infer(Peer from, long id, byte[] bytes, int topLogprobs) {
        work.execute(() -> {
            try {
                serve(from, id, Request.decode(bytes));
            } catch (IOException e) {
                throw new IllegalStateException(e);
            }
        });
    }

    private void serve(Peer from, long id, Request request) throws IOException {
        Generator.Result result = generator.generate(request, token -> {});
        Answer answer = answer(request, result.tokens());
        long price = pricePerToken * (request.promptTokens().length + answer.tokens().length);
        Receipt receipt = Receipt.of(request, answer, result.traceRoot(), result.traceBytes(), price, keys);
        Served one = new Served(request, answer, receipt);
        served.put(receipt.hash().toString(), one);
        for (int token : stream(answer)) {
            token(from, id, token);
        }
        ExpandableArrayBuffer buffer = new ExpandableArrayBuffer(4096);
        AnsweredEncoder answered = new AnsweredEncoder().wrapAndApplyHeader(buffer, 0, new MessageHeaderEncoder());
        byte[] first = answer.encode();
        byte[] second = receipt.encode();
        answered.correlationId(id).cpuNanos(1).putAnswer(first, 0, first.length).putReceipt(second, 0, second.length);
        NodeResponder.send(from, buffer, answered.encodedLength());
        ledger.submit(new Command.SubmitReceipt(handedIn(receipt)));
        last = one;
    }

    static void token(Peer to, long id, int token) {
        ExpandableArrayBuffer buffer = new ExpandableArrayBuffer(64);
        TokenEncoder encoder = new TokenEncoder().wrapAndApplyHeader(buffer, 0, new MessageHeaderEncoder());
        encoder.correlationId(id).token(token).logprob(Float.NaN).topCount(0);
        NodeResponder.send(to, buffer, encoder.encodedLength());
    }

    static void seal(Peer to, long id, Seal seal) {
        byte[] bytes = seal.encode();
        ExpandableArrayBuffer buffer = new ExpandableArrayBuffer(4096);
        SealedEncoder sealed = new SealedEncoder().wrapAndApplyHeader(buffer, 0, new MessageHeaderEncoder());
        sealed.correlationId(id).putSeal(bytes, 0, bytes.length);
        NodeResponder.send(to, buffer, sealed.encodedLength());
    }

    static void chunk(Peer to, long id, long position, byte[] bytes) {
        ExpandableArrayBuffer buffer = new ExpandableArrayBuffer(4096);
        OpeningChunkEncoder chunk = new OpeningChunkEncoder().wrapAndApplyHeader(buffer, 0, new MessageHeaderEncoder());
        chunk.correlationId(id).position(position).putBytes(bytes, 0, bytes.length);
        NodeResponder.send(to, buffer, chunk.encodedLength());
    }

    static void refuse(Peer to, long id, String reason) {
        refuse(to, id, reason, 1);
    }

    /** @param busy 1 where another request may be taken later; 0 where it is this request that is refused. */
    static void refuse(Peer to, long id, String reason, int busy) {
        ExpandableArrayBuffer buffer = new ExpandableArrayBuffer(256);
        RefusedEncoder refused = new RefusedEncoder().wrapAndApplyHeader(buffer, 0, new MessageHeaderEncoder());
        refused.correlationId(id).busy((short) busy).reason(reason);
        NodeResponder.send(to, buffer, refused.encodedLength());
    }

    @Override
    public void cancel(Peer from, long id, Cancellation cancellation) {}

    @Override
    public void disclose(Peer from, long id, Bytes32 receiptHash) {
        work.execute(() -> {
            Served one = served.get(receiptHash.toString());
            ExpandableArrayBuffer buffer = new ExpandableArrayBuffer(4096);
            DisclosedEncoder disclosed =
                    new DisclosedEncoder().wrapAndApplyHeader(buffer, 0, new MessageHeaderEncoder());
            byte[] first = one.request().encode();
            byte[] second = one.answer().encode();
            disclosed.correlationId(id).putRequest(first, 0, first.length).putAnswer(second, 0, second.length);
            NodeResponder.send(from, buffer, disclosed.encodedLength());
        });
    }

    @Override
    public void challenge(Peer from, long id, Bytes32 receiptHash, Cell cell, boolean packed) {
        challenges.add(cell);
        work.execute(() -> {
            Served one = served.get(receiptHash.toString());
            int[] tokens = one.answer().tokens();
            Replay replay = new Replay(generator, forward, keys.publicKey(), one.request(), tokens);
            byte[] bytes = replay.bytes(cell).toArray(ValueLayout.JAVA_BYTE);
            AnswerView view = new AnswerView(
                    model.manifest(), keys.publicKey(), one.request().promptTokens(), tokens);
            OpeningLayout layout = OpeningLayout.of(view, cell);
            send(from, id, Seal.of(receiptHash.bytes(), layout, MemorySegment.ofArray(bytes), keys), bytes);
        });
    }

    @Override
    public void proceed(Peer from, long id, long upTo) {
        OutgoingOpening opening = sending.get(id);
        if (opening != null) {
            opening.proceed(upTo);
        }
    }

    @Override
    public void gone(Peer from) {}
}
