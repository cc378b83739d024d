package io.plumbline.node;

import io.aeron.Aeron;
import io.aeron.driver.MediaDriver;
import io.plumbline.inference.engine.Engine;
import io.plumbline.inference.engine.Generator;
import io.plumbline.inference.engine.Logprobs;
import io.plumbline.inference.engine.Replay;
import io.plumbline.inference.model.LoadedModel;
import io.plumbline.inference.tokenizer.ChatTokenizer;
import io.plumbline.inference.tokenizer.TextStream;
import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.cluster.Member;
import io.plumbline.ledger.state.Command;
import io.plumbline.transport.Drivers;
import io.plumbline.transport.Endpoint;
import io.plumbline.transport.Endpoint.Peer;
import io.plumbline.transport.nodewire.AnsweredEncoder;
import io.plumbline.transport.nodewire.DisclosedEncoder;
import io.plumbline.transport.nodewire.MessageHeaderEncoder;
import io.plumbline.transport.nodewire.RefusedEncoder;
import io.plumbline.transport.nodewire.TokenEncoder;
import io.plumbline.verifier.audit.Cell;
import io.plumbline.verifier.receipt.Answer;
import io.plumbline.verifier.receipt.Keys;
import io.plumbline.verifier.receipt.Receipt;
import io.plumbline.verifier.receipt.Request;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import org.agrona.CloseHelper;
import org.agrona.ExpandableArrayBuffer;
import org.agrona.concurrent.AgentRunner;

/**
 * The role that runs models: answers requests, signs and submits receipts, answers challenges. Answers and challenges are
 * computed apart, so that an audit never waits for an answer.
 */
final class InferenceNode implements AutoCloseable, NodeRequests.Handler {
    /** Answers that can still be challenged; older ones are forgotten. */
    private static final int MAX_REMEMBERED = 1024;

    /** Openings kept because other full nodes will ask for the same, and the largest that is. */
    private static final int MAX_OPENINGS = 32;

    private static final int MAX_KEPT_BYTES = 8 << 20;

    /** Openings on their way at once. */
    private static final int MAX_SENDING = 64;

    /** Re-executions kept while their openings are asked for. */
    private static final int MAX_REPLAYS = 4;

    /** Most log probabilities beside a token's own. */
    private static final int MAX_TOP = 20;

    private final LoadedModel model;
    private final ChatTokenizer tokenizer;
    private final Keys keys;
    private final long pricePerToken;
    private final Events events;
    private final Engine engine;
    private final Compute compute;
    private final Generator replayGenerator;
    private final Map<String, Engine.Ticket> tickets = new ConcurrentHashMap<>();
    private final ExecutorService challenges = Executors.newSingleThreadExecutor();
    private final Map<String, Served> served = Collections.synchronizedMap(bounded(MAX_REMEMBERED));
    private final Map<String, Replay> replays = bounded(MAX_REPLAYS);
    private final Map<String, Opened> openings = bounded(MAX_OPENINGS);
    private final Map<String, OutgoingOpening> sending = new ConcurrentHashMap<>();
    private final MediaDriver driver;
    private final Aeron aeron;
    private final Endpoint endpoint;
    private final AgentRunner runner;
    private final LedgerClient ledger;

    /** An opening and the node's signature under it. */
    private record Opened(byte[] seal, byte[] bytes) {}

    private record Served(Request request, Answer answer, Receipt receipt) {}

    /**
     * Starts the node and announces it on the ledger.
     *
     * @param choice what to compute with.
     * @param swappedLayer layer to compute with its neighbour's weights, to show that it is caught; -1 for an honest node.
     */
    InferenceNode(
            Network network,
            Keys keys,
            Path modelFolder,
            Path folder,
            String host,
            int port,
            long stake,
            long pricePerToken,
            Compute.Choice choice,
            int swappedLayer,
            Events events)
            throws IOException {
        this.keys = keys;
        this.pricePerToken = pricePerToken;
        this.events = events;
        this.model = LoadedModel.open(modelFolder);
        this.tokenizer = ChatTokenizer.open(modelFolder);
        List<LoadedModel.Layer> layers = swappedLayer < 0
                ? model.layers()
                : model.layersWithSwap(
                        swappedLayer, (swappedLayer + 1) % model.config().layers());
        this.compute = new Compute(model, layers, choice, events);
        this.engine = new Engine(compute.serving(), keys.publicKey(), compute.limits());
        this.replayGenerator = new Generator(compute.replaying(), keys.publicKey());
        this.driver = MediaDriver.launch(Drivers.context(folder.resolve("driver")));
        this.aeron = Aeron.connect(new Aeron.Context().aeronDirectoryName(driver.aeronDirectoryName()));
        NodeRequests requests = new NodeRequests(this);
        this.endpoint = new Endpoint(aeron, host, port, (from, header, in, offset) -> {
            // Who does not say where replies go gets none.
            if (from != null) {
                requests.onMessage(from, header, in, offset);
            }
        });
        this.runner = new AgentRunner(
                Drivers.idle(), e -> events.emit("error", j -> j.put("message", e.toString())), null, endpoint);
        AgentRunner.startOnThread(runner);
        this.ledger = new LedgerClient(driver.aeronDirectoryName(), Member.ingressEndpoints(network.members()), host);
        LedgerClient.Outcome outcome =
                ledger.submit(new Command.RegisterNode(stake, model.id(), pricePerToken, host, endpoint.port()), keys);
        if (!outcome.isApplied()) {
            throw new IOException("The ledger refused to register this node: " + outcome.reason() + ".");
        }
        events.emit(
                "ready",
                json -> json.put("role", "inference-node")
                        .put("key", HexFormat.of().formatHex(keys.publicKey()))
                        .put("model", HexFormat.of().formatHex(model.id()))
                        .put("port", endpoint.port()));
    }

    /** The UDP port it is reached at. */
    int port() {
        return endpoint.port();
    }

    private static <V> Map<String, V> bounded(int entries) {
        return new LinkedHashMap<>() {
            private static final long serialVersionUID = 1;

            @Override
            protected boolean removeEldestEntry(Map.Entry<String, V> eldest) {
                return size() > entries;
            }
        };
    }

    @Override
    public void infer(Peer from, long id, byte[] request, int topLogprobs) {
        guarded(from, id, () -> answer(from, id, request, topLogprobs));
    }

    @Override
    public void cancel(Peer from, long id) {
        Engine.Ticket ticket = tickets.get(name(from, id));
        if (ticket != null) {
            ticket.cancel();
        }
    }

    @Override
    public void disclose(Peer from, long id, byte[] receiptHash) {
        challenges.execute(() -> guarded(from, id, () -> tell(from, id, receiptHash)));
    }

    @Override
    public void challenge(Peer from, long id, byte[] receiptHash, Cell cell) {
        challenges.execute(() -> guarded(from, id, () -> open(from, id, receiptHash, cell)));
    }

    @Override
    public void proceed(Peer from, long id, long upTo) {
        OutgoingOpening outgoing = sending.get(name(from, id));
        if (outgoing != null) {
            outgoing.proceed(upTo);
        }
    }

    private interface Work {
        void run() throws IOException;
    }

    private void guarded(Peer peer, long id, Work work) {
        try {
            work.run();
        } catch (IOException | RuntimeException e) {
            ExpandableArrayBuffer buffer = new ExpandableArrayBuffer(512);
            RefusedEncoder refused = new RefusedEncoder().wrapAndApplyHeader(buffer, 0, new MessageHeaderEncoder());
            refused.correlationId(id).busy((short) (e instanceof RejectedExecutionException ? 1 : 0));
            refused.reason(String.valueOf(e.getMessage()));
            send(peer, buffer, refused.encodedLength());
        }
    }

    private static void send(Peer peer, ExpandableArrayBuffer buffer, int bodyLength) {
        peer.send(buffer, 0, MessageHeaderEncoder.ENCODED_LENGTH + bodyLength);
    }

    private static String name(Peer peer, long id) {
        return peer.address() + " " + id;
    }

    private void answer(Peer peer, long id, byte[] bytes, int topLogprobs) {
        Request request = Request.decode(bytes);
        if (!Arrays.equals(request.modelId(), model.id())) {
            throw new IllegalArgumentException(
                    "This node runs model " + HexFormat.of().formatHex(model.id()) + ".");
        }
        Reply reply = new Reply(peer, id, request, topLogprobs);
        tickets.put(name(peer, id), engine.submit(request, reply));
        if (reply.isOver) {
            tickets.remove(name(peer, id));
        }
    }

    /** Hears an answer grow on the engine's thread, and tells the peer on one of its own: a slow peer holds up nobody else. */
    private final class Reply implements Engine.Listener {
        private final Peer peer;
        private final long id;
        private final Request request;
        private final int topLogprobs;
        private final TextStream text;
        private final ExecutorService outbox =
                Executors.newSingleThreadExecutor(Thread.ofVirtual().factory());
        private volatile boolean isOver;

        Reply(Peer peer, long id, Request request, int topLogprobs) {
            this.peer = peer;
            this.id = id;
            this.request = request;
            this.topLogprobs = topLogprobs;
            this.text = request.stopTexts().isEmpty() ? null : new TextStream(tokenizer, request.stopTexts());
        }

        @Override
        public boolean onToken(int token, float[] logits, int offset) {
            int vocab = model.config().vocab();
            Logprobs logprobs =
                    topLogprobs < 0 ? null : Logprobs.of(logits, offset, vocab, token, Math.min(topLogprobs, MAX_TOP));
            outbox.execute(() -> sendToken(token, logprobs));
            if (text == null) {
                return false;
            }
            text.add(token);
            return text.isStopped();
        }

        @Override
        public boolean wantsLogits() {
            return topLogprobs >= 0;
        }

        private void sendToken(int token, Logprobs logprobs) {
            ExpandableArrayBuffer buffer = new ExpandableArrayBuffer(64);
            TokenEncoder encoder = new TokenEncoder().wrapAndApplyHeader(buffer, 0, new MessageHeaderEncoder());
            encoder.correlationId(id).token(token).logprob(logprobs == null ? Float.NaN : logprobs.chosen());
            int count = logprobs == null ? 0 : logprobs.tokens().length;
            TokenEncoder.TopEncoder top = encoder.topCount(count);
            for (int i = 0; i < count; i++) {
                top.next().token(logprobs.tokens()[i]).logprob(logprobs.values()[i]);
            }
            send(peer, buffer, encoder.encodedLength());
        }

        @Override
        public void onDone(Generator.Result result) {
            end(() -> answered(peer, id, request, result));
        }

        @Override
        public void onFailed(RuntimeException why) {
            end(() -> {
                throw why;
            });
        }

        private void end(Work last) {
            isOver = true;
            tickets.remove(name(peer, id));
            outbox.execute(() -> guarded(peer, id, last));
            outbox.shutdown();
        }
    }

    private void answered(Peer peer, long id, Request request, Generator.Result result) throws IOException {
        Answer answer = new Answer(result.tokens(), tokenizer.decode(result.tokens()), result.cancelled());
        long price = pricePerToken * (request.promptTokens().length + result.tokens().length);
        Receipt receipt = Receipt.of(request, answer, result.traceRoot(), result.traceBytes(), price, keys);
        served.put(HexFormat.of().formatHex(receipt.hash()), new Served(request, answer, receipt));
        ExpandableArrayBuffer buffer = new ExpandableArrayBuffer(4096);
        AnsweredEncoder answered = new AnsweredEncoder().wrapAndApplyHeader(buffer, 0, new MessageHeaderEncoder());
        byte[] answerBytes = answer.encode();
        byte[] receiptBytes = receipt.encode();
        answered.correlationId(id).cpuNanos(result.cpuNanos());
        answered.putAnswer(answerBytes, 0, answerBytes.length).putReceipt(receiptBytes, 0, receiptBytes.length);
        send(peer, buffer, answered.encodedLength());
        LedgerClient.Outcome outcome = ledger.submit(new Command.SubmitReceipt(receipt), keys);
        events.emit(
                "answered",
                json -> json.put("request", HexFormat.of().formatHex(request.hash()))
                        .put("tokens", result.tokens().length)
                        .put("cancelled", result.cancelled())
                        .put("cpuMs", result.cpuNanos() / 1e6)
                        .put("ordered", outcome.isApplied() ? "" + outcome.height() : outcome.reason()));
    }

    private Served find(byte[] receiptHash) {
        Served found = served.get(HexFormat.of().formatHex(receiptHash));
        if (found == null) {
            throw new IllegalArgumentException("This node gave no such receipt, or has forgotten it.");
        }
        return found;
    }

    private void tell(Peer peer, long id, byte[] receiptHash) {
        Served found = find(receiptHash);
        ExpandableArrayBuffer buffer = new ExpandableArrayBuffer(4096);
        DisclosedEncoder encoder = new DisclosedEncoder().wrapAndApplyHeader(buffer, 0, new MessageHeaderEncoder());
        byte[] request = found.request().encode();
        byte[] answer = found.answer().encode();
        encoder.correlationId(id).putRequest(request, 0, request.length).putAnswer(answer, 0, answer.length);
        send(peer, buffer, encoder.encodedLength());
    }

    private void open(Peer peer, long id, byte[] receiptHash, Cell cell) {
        // Every full node of a ledger asks for much the same.
        String what = HexFormat.of().formatHex(receiptHash) + cell;
        Opened opened = openings.get(what);
        if (opened == null) {
            opened = opening(receiptHash, cell);
            if (opened.bytes().length <= MAX_KEPT_BYTES) {
                openings.put(what, opened);
            }
        }
        if (sending.size() >= MAX_SENDING) {
            throw new RejectedExecutionException("This node is sending as many openings as it can. Ask again.");
        }
        OutgoingOpening outgoing = new OutgoingOpening(peer, id, opened.seal(), opened.bytes());
        sending.put(name(peer, id), outgoing);
        Thread.ofVirtual().start(() -> {
            try {
                outgoing.run();
            } finally {
                sending.remove(name(peer, id));
            }
        });
    }

    private Opened opening(byte[] receiptHash, Cell cell) {
        Served found = find(receiptHash);
        Replay replay = replays.computeIfAbsent(HexFormat.of().formatHex(receiptHash), key -> replay(found));
        MemorySegment bytes = replay.bytes(cell);
        return new Opened(replay.seal(cell, bytes, receiptHash, keys).encode(), bytes.toArray(ValueLayout.JAVA_BYTE));
    }

    private Replay replay(Served found) {
        long begin = compute.replaying().cpuNanos();
        Replay replay = new Replay(
                replayGenerator,
                compute.cells(),
                keys.publicKey(),
                found.request(),
                found.answer().tokens());
        long cpu = compute.replaying().cpuNanos() - begin;
        events.emit(
                "replayed",
                json -> json.put(
                                "request",
                                HexFormat.of().formatHex(found.request().hash()))
                        .put("cpuMs", cpu / 1e6));
        return replay;
    }

    @Override
    public void close() {
        challenges.shutdownNow();
        CloseHelper.closeAll(engine, compute, ledger, runner, aeron, driver, tokenizer, model);
    }
}
