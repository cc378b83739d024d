package io.plumbline.node.serve;

import io.plumbline.inference.language.engine.Generator;
import io.plumbline.inference.language.engine.Logprobs;
import io.plumbline.node.client.AnswerStream;
import io.plumbline.node.client.ChosenToken;
import io.plumbline.node.client.DeliveredTokens;
import io.plumbline.node.client.NodeClient;
import io.plumbline.node.inference.LanguageEngine;
import io.plumbline.node.network.BusyException;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.receipt.Cancellation;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Request;
import java.io.IOException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Consumer;

/** This process answers by its language model, and keeps what it signed. */
final class LocalLanguage extends LocalAnswerer {
    private final LanguageEngine language;
    private final KeyPair keys;
    private final ReceiptLog log;

    /** @param keys of the process, which asks itself: both sides of a receipt are its own. */
    LocalLanguage(LanguageEngine language, KeyPair keys, ReceiptLog log) {
        super(keys);
        this.language = language;
        this.keys = keys;
        this.log = log;
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

    /** An answer on its way. */
    private final class Stream implements AnswerStream, LanguageEngine.Listener {
        private final Request request;
        private final Consumer<ChosenToken> onToken;
        private final DeliveredTokens delivered;
        private final LanguageEngine.RunningAnswer job;
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
