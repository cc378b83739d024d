package io.plumbline.data.transfer;

import io.plumbline.data.store.ByteRange;
import io.plumbline.data.store.DiskFailedException;
import io.plumbline.data.store.NoRoomException;
import io.plumbline.data.store.NoSuchBlobException;
import io.plumbline.data.store.PartialBlob;
import io.plumbline.data.store.Progress;
import io.plumbline.verifier.blake3.RangeDecoder.WrongBytesException;
import io.plumbline.verifier.encoding.Bytes32;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.function.Consumer;

/**
 * Fetches a blob from several sources at once: each has ranges of it to give, and when one fails the others give its
 * ranges. One that gives a wrong byte is not asked again.
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
     * @param progress hears of bytes that have come.
     * @throws IOException where no source gives what is missing; the message says why of each.
     */
    public void run(PartialBlob blob, Progress progress) throws IOException {
        Run run = new Run(blob, progress);
        List<Thread> threads = new ArrayList<>();
        for (BlobSource source : sources) {
            Worker worker = new Worker(source, run);
            for (int i = 0; i < STREAMS; i++) {
                threads.add(Thread.ofPlatform().daemon().name("blob-get").start(worker));
            }
        }
        try {
            for (Thread thread : threads) {
                thread.join();
            }
        } catch (InterruptedException e) {
            threads.forEach(Thread::interrupt);
            Thread.currentThread().interrupt();
            throw new IOException("Interrupted while blob " + blob.id() + " was fetched.", e);
        }
        run.finish();
    }

    /** State that the workers of one download share. */
    private final class Run {
        private final PartialBlob blob;
        private final Progress progress;
        private final Deque<ByteRange> waiting = new ArrayDeque<>();
        private final List<String> failures = new ArrayList<>();
        private IOException local;
        private int underWay;
        private long unsavedBytes;

        Run(PartialBlob blob, Progress progress) {
            this.blob = blob;
            this.progress = progress;
            waiting.addAll(blob.missing(RANGE_BYTES, Integer.MAX_VALUE));
        }

        /** The next range; null when there is nothing left to do. */
        synchronized ByteRange next() throws InterruptedException {
            // A range under way may fail and wait again.
            while (waiting.isEmpty() && underWay > 0 && local == null) {
                wait();
            }
            if (waiting.isEmpty() || local != null) {
                return null;
            }
            underWay++;
            return waiting.removeFirst();
        }

        void done(ByteRange range) {
            boolean isToBeSaved;
            synchronized (this) {
                underWay--;
                unsavedBytes += range.length();
                isToBeSaved = unsavedBytes >= SAVE_BYTES;
                unsavedBytes = isToBeSaved ? 0 : unsavedBytes;
                notifyAll();
            }
            if (isToBeSaved) {
                try {
                    blob.save();
                } catch (IOException e) {
                    failHere(e);
                }
            }
        }

        synchronized void again(ByteRange range) {
            underWay--;
            waiting.addFirst(range);
            notifyAll();
        }

        /** The disk here takes no more, which no source can help. */
        synchronized void failHere(IOException e) {
            local = e;
            notifyAll();
        }

        synchronized void giveUp(BlobSource source, String why) {
            failures.add(source.name() + ": " + (why.endsWith(".") ? why.substring(0, why.length() - 1) : why));
            if (failures.size() < sources.size()) {
                warnings.accept(source.name() + " is not asked for blob " + blob.id() + " any more: " + why);
            }
        }

        synchronized void hear(long bytes) {
            progress.more(bytes);
        }

        void finish() throws IOException {
            if (!blob.isWhole()) {
                blob.save();
                if (local != null) {
                    throw local;
                }
                throw new IOException("Blob " + blob.id() + ": " + blob.presentBytes() + " of " + blob.bytes()
                        + " bytes have come, and the rest cannot be had: " + String.join("; ", failures)
                        + ". What has come is kept; ask again.");
            }
            blob.commit();
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
                    ByteRange range = run.next();
                    if (range == null) {
                        return;
                    }
                    fetch(range);
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }

        private synchronized boolean isGivenUp() {
            return isGivenUp;
        }

        private void fetch(ByteRange range) throws InterruptedException {
            try (InputStream in = source.range(run.blob.id(), run.blob.bytes(), range)) {
                run.blob.receive(range, new LimitedInput(in, rate), run::hear);
            } catch (DiskFailedException | NoRoomException e) {
                run.again(range);
                run.failHere(e);
                return;
            } catch (WrongBytesException e) {
                run.again(range);
                failed(e.getMessage(), true);
                return;
            } catch (NoSuchBlobException e) {
                run.again(range);
                failed("it does not have it", true);
                return;
            } catch (IOException e) {
                run.again(range);
                failed(String.valueOf(e.getMessage()), false);
                Thread.sleep(PAUSE_MS);
                return;
            } catch (RuntimeException | Error e) {
                // The others would wait for this range.
                run.again(range);
                run.failHere(new IOException("Blob " + run.blob.id() + " cannot be received: " + e, e));
                return;
            }
            run.done(range);
            succeeded();
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
