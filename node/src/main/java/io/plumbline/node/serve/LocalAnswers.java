package io.plumbline.node.serve;

import io.plumbline.inference.language.engine.Generator;
import io.plumbline.inference.language.engine.Logprobs;
import io.plumbline.node.client.AnswerStream;
import io.plumbline.node.client.ChosenToken;
import io.plumbline.node.client.DeliveredTokens;
import io.plumbline.node.client.NodeClient;
import io.plumbline.node.gateway.Answerers;
import io.plumbline.node.gateway.ApiException;
import io.plumbline.node.gateway.NodeWish;
import io.plumbline.node.inference.LanguageEngine;
import io.plumbline.node.network.BusyException;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.Cancellation;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Receipt;
import io.plumbline.verifier.receipt.Request;
import java.io.IOException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Consumer;

/** This process answers, and keeps what it signed. */
final class LocalAnswers implements Answerers, Answerers.Answerer {
    private final LanguageEngine language;
    private final KeyPair keys;
    private final ReceiptLog log;

    /** @param keys of the process, which asks itself: both sides of a receipt are its own. */
    LocalAnswers(LanguageEngine language, KeyPair keys, ReceiptLog log) {
        this.language = language;
        this.keys = keys;
        this.log = log;
    }

    @Override
    public byte[] requester() {
        return keys.publicKey();
    }

    @Override
    public long mostPrice() {
        return 0;
    }

    @Override
    public long price() {
        return 0;
    }

    @Override
    public byte[] key() {
        return keys.publicKey();
    }

    @Override
    public Answerer find(byte[] modelId, NodeWish wish, Set<Bytes32> tried) {
        String named = wish.named();
        boolean isMeant = named.isEmpty() || named.equals(HexFormat.of().formatHex(keys.publicKey()));
        if (!isMeant || !hasModel(modelId) || tried.contains(Bytes32.of(keys.publicKey()))) {
            throw new ApiException(503, "This server answers alone, and runs no other model or node.");
        }
        return this;
    }

    @Override
    public boolean isWell() {
        return true;
    }

    @Override
    public boolean hasModel(byte[] modelId) {
        return Arrays.equals(modelId, language.model().id());
    }

    @Override
    public AnswerStream infer(
            Request request, long tokens, Level level, int vocab, int topLogprobs, Consumer<ChosenToken> onToken)
            throws IOException {
        language.requireAnswerable(request);
        Stream stream = new Stream(request, vocab, topLogprobs, onToken);
        try {
            stream.job.begin();
        } catch (RejectedExecutionException e) {
            throw new BusyException(e.getMessage());
        }
        return stream;
    }

    @Override
    public NodeClient.TensorAnswered inferTensors(byte[] request, long rows, Level level) {
        throw new ApiException(404, "This server has no ONNX model.");
    }

    @Override
    public void answered(Receipt receipt, int units) {
        // The log has it.
    }

    @Override
    public void refused(Exception why) {
        // There is nobody else.
    }

    @Override
    public void lied(String why) {
        throw new IllegalStateException("This server " + why + ".");
    }

    /** An answer on its way. */
    private final class Stream implements AnswerStream, LanguageEngine.Listener {
        private final Request request;
        private final Consumer<ChosenToken> onToken;
        private final DeliveredTokens delivered;
        private final LanguageEngine.Job job;
        private final CompletableFuture<NodeClient.Answered> done = new CompletableFuture<>();

        Stream(Request request, int vocab, int topLogprobs, Consumer<ChosenToken> onToken) {
            this.request = request;
            this.onToken = onToken;
            this.delivered = new DeliveredTokens(request.maxTokens(), vocab);
            this.job = language.job(request, topLogprobs, this);
        }

        @Override
        public void onToken(int token, Logprobs logprobs) {
            delivered.add(token, () -> onToken.accept(new ChosenToken(token, logprobs)));
        }

        @Override
        public void onDone(Generator.Result result) {
            Thread.startVirtualThread(() -> {
                try {
                    LanguageEngine.Signed signed = job.signed(result);
                    // Before its client has it: what was handed out is in the log.
                    log.add(signed.receipt(), request, signed.answer());
                    done.complete(new NodeClient.Answered(signed.answer(), signed.receipt(), result.cpuNanos()));
                } catch (IOException | RuntimeException e) {
                    done.completeExceptionally(e);
                }
            });
        }

        @Override
        public void onFailed(Exception why) {
            done.completeExceptionally(why);
        }

        @Override
        public DeliveredTokens delivered() {
            return delivered;
        }

        @Override
        public NodeClient.Answered await() throws IOException {
            try {
                return done.get();
            } catch (ExecutionException e) {
                switch (e.getCause()) {
                    case RejectedExecutionException busy -> throw new BusyException(busy.getMessage());
                    case RuntimeException refused -> throw refused;
                    case IOException failed -> throw new IOException(failed.getMessage(), failed);
                    default -> throw new IOException(String.valueOf(e.getCause()), e.getCause());
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IOException("Interrupted while answering.", e);
            }
        }

        @Override
        public void cancel() {
            if (!done.isDone()) {
                job.cancel(Cancellation.of(request.hash(), delivered.count(), keys));
            }
        }

        @Override
        public void close() {
            cancel();
        }
    }
}
