package io.plumbline.data.transfer;

import io.plumbline.data.store.NoSuchBlobException;
import io.plumbline.verifier.encoding.Bytes32;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.FutureTask;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/**
 * A question about a blob to several sources, of which the first right answer counts. They are asked in their order:
 * the next one as soon as one fails, and after a moment also where one is slow, so that neither a lie nor silence of
 * one decides for all. Those that are slower than the one that answered are cut off.
 *
 * @param <T> of answers.
 */
public final class SourceQuery<T> {
    /** Asks one source, by a virtual thread that is interrupted where another one has answered. */
    @FunctionalInterface
    public interface Question<T> {
        /**
         * An answer that is proven.
         *
         * @throws NoSuchBlobException where the source does not have what is asked for.
         * @throws IOException where it fails, or its answer is wrong.
         */
        T ask(BlobSource source) throws IOException;
    }

    private final Bytes32 id;
    private final List<? extends BlobSource> sources;
    private final long slowMs;
    private final Question<T> question;
    private final List<FutureTask<T>> asked = new ArrayList<>();
    private final BlockingQueue<Integer> answered = new LinkedBlockingQueue<>();
    private final List<String> failures = new ArrayList<>();
    private NoSuchBlobException absent;

    /** Whether all that have answered do not have it. */
    private boolean isAbsent = true;

    private SourceQuery(Bytes32 id, List<? extends BlobSource> sources, long slowMs, Question<T> question) {
        this.id = id;
        this.sources = sources;
        this.slowMs = slowMs;
        this.question = question;
    }

    /**
     * Asks until one source has answered, or all have failed.
     *
     * @param sources at least one.
     * @param slowMs for which a source may be silent before the next one is asked as well.
     * @throws NoSuchBlobException where none has it.
     * @throws IOException where some have failed otherwise; the message says why of each.
     */
    public static <T> T first(Bytes32 id, List<? extends BlobSource> sources, long slowMs, Question<T> question)
            throws IOException {
        return new SourceQuery<>(id, sources, slowMs, question).run();
    }

    private T run() throws IOException {
        try {
            askNext();
            for (int failed = 0; failed < sources.size(); ) {
                Integer which =
                        asked.size() < sources.size() ? answered.poll(slowMs, TimeUnit.MILLISECONDS) : answered.take();
                if (which != null) {
                    FutureTask<T> answer = asked.get(which);
                    if (answer.state() == FutureTask.State.SUCCESS) {
                        return answer.resultNow();
                    }
                    take(sources.get(which), answer.exceptionNow());
                    failed++;
                }
                if (asked.size() < sources.size()) {
                    askNext();
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("Interrupted while blob " + id + " was asked for.", e);
        } finally {
            asked.forEach(one -> one.cancel(true));
        }
        throw failure();
    }

    private void askNext() {
        int which = asked.size();
        BlobSource source = sources.get(which);
        FutureTask<T> asking = new FutureTask<>(() -> question.ask(source)) {
            @Override
            protected void done() {
                answered.add(which);
            }
        };
        asked.add(asking);
        Thread.ofVirtual().name("blob-ask").start(asking);
    }

    private void take(BlobSource source, Throwable why) {
        if (why instanceof NoSuchBlobException none) {
            absent = none;
            failures.add(source.name() + " does not have it");
        } else {
            isAbsent = false;
            failures.add(source.name() + ": " + String.valueOf(why.getMessage()).replaceAll("\\.+$", ""));
        }
    }

    private IOException failure() {
        if (!isAbsent) {
            return new IOException("Blob " + id + " cannot be had: " + String.join("; ", failures) + ".");
        }
        return sources.size() == 1
                ? absent
                : new NoSuchBlobException(
                        id,
                        String.join(
                                " or ", sources.stream().map(BlobSource::name).toList()));
    }
}
