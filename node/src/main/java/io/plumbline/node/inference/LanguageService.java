package io.plumbline.node.inference;

import io.micrometer.core.instrument.MeterRegistry;
import io.plumbline.inference.language.engine.DeviceFailedException;
import io.plumbline.inference.language.engine.Generator;
import io.plumbline.inference.language.engine.Logprobs;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.node.network.DrainingException;
import io.plumbline.transport.Peer;
import io.plumbline.transport.nodewire.EndingEncoder;
import io.plumbline.transport.nodewire.MessageHeaderEncoder;
import io.plumbline.transport.nodewire.TokenEncoder;
import io.plumbline.verifier.audit.AnswerView;
import io.plumbline.verifier.audit.Cell;
import io.plumbline.verifier.audit.Cells;
import io.plumbline.verifier.audit.OpeningLayout;
import io.plumbline.verifier.audit.ReceiptCheck;
import io.plumbline.verifier.audit.TextCheck;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.model.DeltaRule;
import io.plumbline.verifier.model.ModelConfig;
import io.plumbline.verifier.receipt.Answer;
import io.plumbline.verifier.receipt.Cancellation;
import io.plumbline.verifier.receipt.Request;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Function;
import java.util.function.Predicate;
import org.agrona.CloseHelper;
import org.agrona.ExpandableArrayBuffer;

/**
 * Runs a language model for others: answers requests, signs for them, and opens what stands behind. Answers and
 * challenges are computed apart, so that an audit never waits for an answer.
 */
final class LanguageService implements Service {
    /** Threads that look at requests before the engine gets them. */
    private static final int INTAKE_THREADS = 4;

    /** Requests and challenges of one peer that wait for a thread, and bytes of all; more are turned away. */
    private static final int MAX_OF_ONE = 256;

    private static final long MAX_WAITING_BYTES = 64L << 20;

    /** Cancellations of one host that wait, and wrong ones of one answer that are looked at. */
    private static final int MAX_CANCELLATIONS = 1_024;

    private static final int MAX_WRONG = 8;

    /** Re-executions kept for full nodes, and for all others. */
    private static final int MAX_REPLAYS = 64;

    private static final int MAX_REPLAYS_FOR_OTHERS = 2;

    /** Of the room that the disk has left one trace for them takes one part in so many at most. */
    private static final int PARTS_FOR_OTHERS = 4;

    /** Challenges that wait of one peer that is no full node: who audits asks for one cell after the other. */
    private static final int MAX_OF_OTHERS = 4;

    /**
     * What opening an answer at FULL is reckoned by: full nodes that ask for it, and what a line of 1 Gbit/s carries.
     */
    private static final int AUDITORS = 4;

    private static final int BYTES_A_MS = 100_000;

    private static final String BUSY = "This node is busy. Try again later.";

    private final LanguageEngine language;
    private final NodeResponder replies;
    private final long pricePerToken;
    /** Answers under way, from the moment they are asked for. */
    private final Map<String, Reply> replying = new ConcurrentHashMap<>();

    private final FairQueue<Bytes32> intake;

    /** A signature each, which is not the transport's work. */
    private final FairQueue<Bytes32> cancellations;

    /** What stands behind receipts, shown to whoever asks; auditors first. */
    private final FairQueue<Bytes32> disclosures;

    /** One thread, which re-execution is for: what auditors are not shown in time costs the stake. */
    private final FairQueue<Bytes32> challenges;

    private final AnswerOpener opener;

    /** Whoever is no full node takes none of the time or the room that audits have. */
    private final FairQueue<Bytes32> challengesOfOthers;

    private final AnswerOpener openerForOthers;

    private final Predicate<Bytes32> isFullNode;
    private final SendingSlots slots;
    private final Map<String, OutgoingOpening> sending = new ConcurrentHashMap<>();
    private volatile boolean isDraining;

    /**
     * Serves a model.
     *
     * @param place of the node: its price of a token, and its folder.
     * @param choice what to compute with.
     * @param isFullNode whether a key is one of those that audit.
     * @param weights that the model is computed with: its own layers, where the node is honest.
     */
    LanguageService(
            Path modelFolder,
            InferenceNode.Context place,
            ComputeBackend.Choice choice,
            Function<LoadedModel, List<LoadedModel.Layer>> weights,
            NodeResponder replies,
            Predicate<Bytes32> isFullNode)
            throws IOException {
        this.replies = replies;
        this.isFullNode = isFullNode;
        this.intake = new FairQueue<>("intake", INTAKE_THREADS, MAX_OF_ONE, MAX_WAITING_BYTES, isFullNode);
        this.cancellations = new FairQueue<>("cancellations", 1, MAX_CANCELLATIONS, MAX_WAITING_BYTES, isFullNode);
        this.disclosures = new FairQueue<>("disclosures", 1, MAX_OF_ONE, MAX_WAITING_BYTES, isFullNode);
        this.challenges = new FairQueue<>("challenges", 1, MAX_OF_ONE, MAX_WAITING_BYTES, isFullNode);
        this.challengesOfOthers = new FairQueue<>("others", 1, MAX_OF_OTHERS, MAX_WAITING_BYTES, isFullNode);
        this.pricePerToken = place.price();
        this.slots = new SendingSlots(isFullNode);
        this.language = new LanguageEngine(
                modelFolder, choice, weights, replies.keys(), pricePerToken, replies.trusted(), replies.events());
        ComputeBackend compute = language.compute();
        this.opener = new AnswerOpener(
                compute.replaying(),
                compute.cells(),
                replies.keys(),
                new Replays(place.folder().resolve("traces"), MAX_REPLAYS),
                1,
                replies.events());
        this.openerForOthers = new AnswerOpener(
                compute.forOthers(),
                compute.forOthers(),
                replies.keys(),
                new Replays(place.folder().resolve("traces-for-others"), MAX_REPLAYS_FOR_OTHERS),
                PARTS_FOR_OTHERS,
                replies.events());
    }

    @Override
    public Bytes32 modelId() {
        return language.model().id();
    }

    /** By the bytes of a token in all layers, sent to as many full nodes as audit an answer most of the time. */
    @Override
    public int openMsPerToken() {
        ModelConfig config = language.model().config();
        long bytes = 4L * config.vocab();
        for (int layer = 0; layer < config.layers(); layer++) {
            OpeningLayout.Token token = OpeningLayout.Token.of(config, layer, config.maxPositions() / 2);
            bytes += token.bytes();
            if (config.isLinear(layer)) {
                // A block in two cells: its state twice, and its projections.
                int states = 2 * config.architecture().delta().stateBytes();
                bytes += token.out() + states / DeltaRule.BLOCK_TOKENS;
            }
        }
        return (int) Math.min(60_000, 1 + bytes * AUDITORS / BYTES_A_MS);
    }

    @Override
    public void bindTo(MeterRegistry registry) {
        language.bindTo(registry);
        InferenceNodeMetrics.declare(registry, replies);
    }

    @Override
    public CompletableFuture<Throwable> failed() {
        return language.failed();
    }

    @Override
    public String notReady() {
        return isDraining ? "draining" : language.notReady();
    }

    /** Auditors are still answered: what they are not shown in time costs the stake. */
    @Override
    public void drain() {
        isDraining = true;
    }

    @Override
    public boolean isIdle() {
        return replying.isEmpty() && replies.isIdle() && sending.isEmpty();
    }

    /** Asks for the end of what is being answered: an answer that ends early needs its requester's signature. */
    @Override
    public void cut() {
        replying.values().forEach(Reply::askForEnd);
    }

    @Override
    public void infer(Peer from, long id, byte[] request, int topLogprobs) {
        replies.guarded(from, id, () -> {
            if (isDraining) {
                throw new DrainingException();
            }
            Reply reply = new Reply(from, id, topLogprobs);
            if (replying.putIfAbsent(NodeResponder.name(from, id), reply) != null) {
                throw new IllegalArgumentException("A request under this number is being answered already.");
            }
            if (!intake.offer(turn(from), request.length, () -> reply.begin(request))) {
                replying.remove(NodeResponder.name(from, id));
                reply.outbox.shutdown();
                throw new RejectedExecutionException(BUSY);
            }
        });
    }

    @Override
    public void cancel(Peer from, long id, Cancellation cancellation) {
        Reply reply = replying.get(NodeResponder.name(from, id));
        if (reply != null) {
            // Where there are too many, what is dropped costs their sender the rest of its answers.
            cancellations.offer(turn(from), 0, () -> reply.cancel(cancellation));
        }
    }

    @Override
    public void disclose(Peer from, long id, Bytes32 receiptHash) {
        whenFree(disclosures, from, id, () -> replies.disclose(from, id, receiptHash, slots));
    }

    @Override
    public void challenge(Peer from, long id, Bytes32 receiptHash, Cell cell, boolean packed) {
        boolean isAuditor = isFullNode.test(Bytes32.of(from.key()));
        AnswerOpener by = isAuditor ? opener : openerForOthers;
        whenFree(
                isAuditor ? challenges : challengesOfOthers,
                from,
                id,
                () -> open(by, from, id, receiptHash, cell, packed));
    }

    private Bytes32 turn(Peer of) {
        return NodeResponder.turn(Bytes32.of(of.key()), of.host(), isFullNode);
    }

    private void whenFree(FairQueue<Bytes32> queue, Peer from, long id, NodeResponder.Work work) {
        if (!queue.offer(turn(from), 0, () -> replies.guarded(from, id, work))) {
            replies.refuse(from, id, new RejectedExecutionException(BUSY));
        }
    }

    @Override
    public void proceed(Peer from, long id, long upTo) {
        OutgoingOpening outgoing = sending.get(NodeResponder.name(from, id));
        if (outgoing != null) {
            outgoing.proceed(upTo);
        }
    }

    @Override
    public void gone(Peer from) {
        // Answers go on: they are asked for and paid by an escrow, and only their requester's signature ends one early.
        String its = NodeResponder.name(from, "");
        sending.forEach((call, opening) -> {
            if (call.startsWith(its)) {
                opening.proceed(-1);
            }
        });
    }

    /** What this node will answer; decoded and checked before anything is computed for it. */
    private Request accepted(byte[] bytes) {
        Request request = Request.decode(bytes);
        language.requireAnswerable(request);
        long most = TextCheck.maxRequestBytes(language.model().config(), request.promptTokens().length);
        if (bytes.length > most) {
            throw new IllegalArgumentException("The request has " + bytes.length + " bytes; " + most
                    + " are the most with which its answer could be shown to auditors. Leave out stop tokens.");
        }
        return request;
    }

    /** An answer on its way to a peer, which is told on a thread of its own: a slow one holds up nobody else. */
    private final class Reply implements LanguageEngine.Listener {
        private final Peer peer;
        private final long id;
        private final int topLogprobs;
        private final ExecutorService outbox =
                Executors.newSingleThreadExecutor(Thread.ofVirtual().factory());
        private LanguageEngine.RunningAnswer job;
        private Cancellation early;

        /** Cancellations that were looked at and did not hold. */
        private int wrong;

        Reply(Peer peer, long id, int topLogprobs) {
            this.peer = peer;
            this.id = id;
            this.topLogprobs = topLogprobs;
        }

        /** On an intake thread. */
        void begin(byte[] bytes) {
            try {
                Request asked = accepted(bytes);
                long tokens = (long) asked.promptTokens().length
                        + ReceiptCheck.most(asked, language.model().config());
                replies.requireOnRecord(asked.time());
                replies.takeOn(asked.hash(), asked.requester(), tokens, pricePerToken, language.queued());
                synchronized (this) {
                    job = language.job(asked, topLogprobs, this);
                    if (early != null) {
                        job.cancel(early);
                    }
                }
                language.requirePrompt(asked);
                job.begin();
            } catch (IOException | RuntimeException e) {
                onFailed(e);
            } catch (Error e) {
                // Too large for this host, most likely: whoever asked is told all the same.
                onFailed(new IOException("The request could not be taken: " + e, e));
                throw e;
            }
        }

        /** Ends the answer, where its requester has signed that it may end. */
        synchronized void cancel(Cancellation by) {
            if (job == null) {
                early = early == null ? by : early;
            } else if (wrong < MAX_WRONG) {
                wrong += job.cancel(by) ? 0 : 1;
            }
        }

        void askForEnd() {
            ExpandableArrayBuffer buffer = new ExpandableArrayBuffer(64);
            EndingEncoder ending = new EndingEncoder().wrapAndApplyHeader(buffer, 0, new MessageHeaderEncoder());
            ending.correlationId(id);
            peer.offer(buffer, 0, MessageHeaderEncoder.ENCODED_LENGTH + ending.encodedLength());
        }

        @Override
        public void onToken(int token, Logprobs logprobs) {
            outbox.execute(() -> sendToken(token, logprobs));
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
            NodeResponder.send(peer, buffer, encoder.encodedLength());
        }

        @Override
        public void onDone(Generator.Result result) {
            end(() -> {
                LanguageEngine.Signed signed = job.signed(result);
                replies.answered(
                        peer,
                        id,
                        job.request().encode(),
                        signed.answer().encode(),
                        signed.receipt(),
                        result.tokens().length,
                        null,
                        result.cancelled(),
                        result.cpuNanos());
            });
        }

        @Override
        public void onFailed(Exception why) {
            end(() -> {
                if (why instanceof IOException failed) {
                    throw failed;
                }
                throw (RuntimeException) why;
            });
        }

        private void end(NodeResponder.Work last) {
            replying.remove(NodeResponder.name(peer, id));
            outbox.execute(() -> {
                replies.guarded(peer, id, last);
                if (job != null) {
                    replies.over(job.request().hash());
                }
            });
            outbox.shutdown();
        }
    }

    private void open(AnswerOpener by, Peer peer, long id, Bytes32 receiptHash, Cell cell, boolean packed)
            throws IOException {
        AnswerStore.Stored found = replies.find(receiptHash);
        String name = NodeResponder.name(peer, id);
        // Room to send it is taken before anything is computed for it.
        Runnable giveBack = slots.take(Bytes32.of(peer.key()), peer.host(), openingBytes(found, cell));
        try {
            AnswerOpener.Opened opened = opened(by, found, cell);
            boolean isAuditor = isFullNode.test(Bytes32.of(peer.key()));
            OutgoingOpening outgoing = new OutgoingOpening(
                    peer,
                    id,
                    opened.seal(),
                    opened.bytes(),
                    packed,
                    isAuditor ? OutgoingOpening.LEAST_BYTES_A_S_OF_AUDITORS : OutgoingOpening.LEAST_BYTES_A_S);
            if (sending.putIfAbsent(name, outgoing) != null) {
                throw new IllegalArgumentException("An opening under this number is on its way already.");
            }
            Thread.ofVirtual().start(() -> {
                try {
                    outgoing.run();
                } finally {
                    sending.remove(name, outgoing);
                    giveBack.run();
                }
            });
        } catch (IOException | RuntimeException | Error e) {
            giveBack.run();
            throw e;
        }
    }

    private AnswerOpener.Opened opened(AnswerOpener by, AnswerStore.Stored found, Cell cell) throws IOException {
        try {
            return by.open(found, cell);
        } catch (DeviceFailedException e) {
            // It computes no answers any more either.
            language.failed().complete(e);
            throw e;
        }
    }

    private long openingBytes(AnswerStore.Stored found, Cell cell) {
        Request request = Request.decode(found.request());
        AnswerView view = new AnswerView(
                language.model().manifest(),
                replies.keys().publicKey(),
                request.promptTokens(),
                Answer.decode(found.answer()).tokens());
        if (!Cells.contains(view, cell)) {
            throw new IllegalArgumentException(
                    cell + " is not part of this answer, or has more tokens than may be asked for at once.");
        }
        return OpeningLayout.of(view, cell).bytes();
    }

    @Override
    public void close() {
        CloseHelper.closeAll(
                intake, cancellations, disclosures, challenges, challengesOfOthers, opener, openerForOthers, language);
    }
}
