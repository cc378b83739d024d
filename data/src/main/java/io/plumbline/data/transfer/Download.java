package io.plumbline.data.transfer;

import io.plumbline.data.store.DiskFailedException;
import io.plumbline.data.store.NoRoomException;
import io.plumbline.data.store.NoSuchBlobException;
import io.plumbline.data.store.PartialBlob;
import io.plumbline.data.store.Progress;
import io.plumbline.verifier.blake3.RangeDecoder.WrongBytesException;
import io.plumbline.verifier.encoding.Bytes32;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/**
 * Fetches a blob from several sources at once: each has ranges of it to give, and when one fails or is slow the others
 * give its ranges. One that gives a wrong byte is not asked again.
 */
public final class Download {
    /** Bytes asked for at once: so much is lost at most where a source fails. */
    private static final long RANGE_BYTES = 8L << 20;

    private static final long SAVE_BYTES = 256L << 20;

    /** Ranges on their way from one source: one is checked and written while the next one comes. */
    private static final int STREAMS = 2;

    /** Times that a source may fail, one after the other, before it is given up. */
    private static final int MOST_FAILURES = 3;

    private static final long PAUSE_MS = 200;

    /** For which a source may be silent before the next one is asked for a length as well. */
    private static final long SLOW_MS = 500;

    private final List<BlobSource> sources;
    private final RateLimit rate;
    private final Consumer<String> warnings;

    /**
     * @param sources at least one.
     * @param warnings hears, in a sentence, of sources that failed while others go on.
     */
    public Download(List<? extends BlobSource> sources, RateLimit rate, Consumer<String> warnings) {
        if (sources.isEmpty()) {
            throw new IllegalArgumentException("A blob is fetched from somewhere: name a data node.");
        }
        this.sources = List.copyOf(sources);
        this.rate = rate;
        this.warnings = warnings;
    }

    /**
     * Bytes that a blob has, as the first source says that proves it.
     *
     * @throws NoSuchBlobException where none has it.
     * @throws IOException where none proves it, and some cannot be asked or say what is wrong; the message says why.
     */
    public long bytes(Bytes32 id) throws IOException {
        return SourceQuery.first(id, sources, SLOW_MS, source -> source.provenBytes(id));
    }

    /**
     * Fetches what is missing of a blob and makes it whole. What has come stays when this fails.
     *
     * @param progress hears of bytes that have come, and ends the fetch by what it throws.
     * @throws IOException where no source gives what is missing; the message says why of each.
     */
    public void run(PartialBlob blob, Progress progress) throws IOException {
        new Run(blob, progress).run();
    }

    /** State that the workers of one download share. */
    private final class Run {
        private final PartialBlob blob;
        private final Progress progress;
        private final RangeQueue ranges;
        private final List<String> failures = new ArrayList<>();
        private IOException local;
        private long unsavedBytes;

        /** Threads that may still find something to do. */
        private int working = STREAMS * sources.size();

        private boolean isOver;
        private boolean isSaving;

        Run(PartialBlob blob, Progress progress) {
            this.blob = blob;
            this.progress = progress;
            this.ranges = new RangeQueue(blob, RANGE_BYTES, System::nanoTime);
        }

        /** Does not wait for sources that were dropped: their threads end when their reads do. */
        void run() throws IOException {
            for (BlobSource source : sources) {
                Worker worker = new Worker(source, this);
                for (int i = 0; i < STREAMS; i++) {
                    Thread.ofPlatform().daemon().name("blob-get").start(worker);
                }
            }
            try {
                await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IOException("Interrupted while blob " + blob.id() + " was fetched.", e);
            } finally {
                ranges.stop();
            }
            finish();
        }

        private synchronized void await() throws InterruptedException {
            try {
                while (isSaving || working > 0 && local == null && !blob.isWhole()) {
                    wait();
                }
            } finally {
                isOver = true;
            }
        }

        /** A thread finds nothing to do any more. */
        synchronized void left() {
            working--;
            notifyAll();
        }

        /** Bytes are written. */
        void hear(RangeQueue.Fetch fetch, long bytes) {
            boolean isToBeSaved;
            synchronized (this) {
                if (isOver) {
                    return;
                }
                progress.more(bytes);
                unsavedBytes += bytes;
                isToBeSaved = unsavedBytes >= SAVE_BYTES && !isSaving;
                if (isToBeSaved) {
                    unsavedBytes = 0;
                    isSaving = true;
                }
                notifyAll();
            }
            if (isToBeSaved) {
                save();
            }
            fetch.came();
        }

        private void save() {
            IOException failure = null;
            try {
                blob.save();
            } catch (IOException e) {
                failure = e;
            }
            synchronized (this) {
                isSaving = false;
                local = failure == null ? local : failure;
                notifyAll();
            }
        }

        /** The disk here takes no more, which no source can help. */
        synchronized void failHere(IOException e) {
            local = e;
            notifyAll();
        }

        synchronized void giveUp(BlobSource source, String why) {
            failures.add(source.name() + ": " + (why.endsWith(".") ? why.substring(0, why.length() - 1) : why));
            if (failures.size() < sources.size() && !isOver) {
                warnings.accept(source.name() + " is not asked for blob " + blob.id() + " any more: " + why);
            }
        }

        private void finish() throws IOException {
            if (!blob.isWhole()) {
                blob.save();
                if (local != null) {
                    throw local;
                }
                throw new IOException("Blob " + blob.id() + ": " + blob.presentBytes() + " of " + blob.bytes()
                        + " bytes have come, and the rest cannot be had: " + failed()
                        + ". What has come is kept; ask again.");
            }
            blob.commit();
        }

        private synchronized String failed() {
            return String.join("; ", failures);
        }
    }

    /** Has one source give ranges until nothing is left or it fails; run by as many threads as it has streams. */
    private final class Worker implements Runnable {
        private final BlobSource source;
        private final Run run;
        private int failuresInARow;
        private boolean isGivenUp;

        Worker(BlobSource source, Run run) {
            this.source = source;
            this.run = run;
        }

        @Override
        public void run() {
            try {
                while (!isGivenUp()) {
                    RangeQueue.Fetch fetch = run.ranges.next(source);
                    if (fetch == null) {
                        return;
                    }
                    fetch(fetch);
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            } finally {
                run.left();
            }
        }

        private synchronized boolean isGivenUp() {
            return isGivenUp;
        }

        private void fetch(RangeQueue.Fetch fetch) throws InterruptedException {
            boolean isToPause = false;
            try (InputStream in = source.range(run.blob.id(), run.blob.bytes(), fetch.range())) {
                fetch.reads(in);
                run.blob.receive(fetch.range(), new LimitedInput(in, rate), bytes -> run.hear(fetch, bytes));
                succeeded();
            } catch (IOException | RuntimeException | Error e) {
                isToPause = !fetch.isDropped() && !isFinal(e);
            } finally {
                fetch.end();
            }
            if (isToPause) {
                Thread.sleep(PAUSE_MS);
            }
        }

        /** Takes note of a failure; false where the source may be asked again. */
        private boolean isFinal(Throwable e) {
            switch (e) {
                case DiskFailedException disk -> run.failHere(disk);
                case NoRoomException room -> run.failHere(room);
                case WrongBytesException wrong -> failed(wrong.getMessage(), true);
                case NoSuchBlobException none -> failed("it does not have it", true);
                case IOException io -> {
                    failed(String.valueOf(io.getMessage()), false);
                    return false;
                }
                // The others would wait for this range.
                default -> run.failHere(new IOException("Blob " + run.blob.id() + " cannot be received: " + e, e));
            }
            return true;
        }

        private synchronized void succeeded() {
            failuresInARow = 0;
        }

        private synchronized void failed(String why, boolean isFinal) {
            failuresInARow++;
            if (!isGivenUp && (isFinal || failuresInARow >= MOST_FAILURES)) {
                isGivenUp = true;
                run.giveUp(source, why);
            }
        }
    }
}
