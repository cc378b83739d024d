package io.plumbline.inference.tensor;

import io.plumbline.verifier.tensor.Tensor;
import io.plumbline.verifier.tensor.TensorManifest;
import io.plumbline.verifier.tolerant.Deviation;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/**
 * Runs requests of one model, those that wait together in batches: whatever has come in while the last batch ran makes the next one, so
 * that nobody waits for company. Bounded: when too many wait, a request is refused at once; and each has a deadline.
 */
public final class TensorScheduler implements AutoCloseable {
    /** How far rows of a batch may differ from the same rows alone, of the output's scale: more, and rows are not independent. */
    private static final double INDEPENDENT = 1e-3;

    /** How much larger one row of a trial is than another. */
    private static final double[] TRIED_SCALES = {1, 100, 10_000};

    /** Bytes of inputs that may wait, beside the bound on requests. */
    private static final long MAX_QUEUED_BYTES = 512L << 20;

    /** How often those that wait are looked at for their deadlines. */
    private static final long SWEEP_MS = 50;

    private final LoadedTensorModel model;
    private final Batches batches;
    private final String unbatched;
    private final TensorManifest manifest;
    private final Limits limits;
    private final Deque<Waiting> queue = new ArrayDeque<>();
    private final ScheduledExecutorService watchdog = Executors.newSingleThreadScheduledExecutor(
            Thread.ofPlatform().daemon().name("tensor-deadlines").factory());
    private final List<Thread> workers = new ArrayList<>();
    private int idle;
    private long queuedBytes;
    private boolean isClosed;

    /**
     * How much at once.
     *
     * @param queued requests that may wait.
     * @param rows most rows in a batch.
     * @param workers batches that run at once.
     * @param timeoutMs longest time from a request's coming in to its answer.
     */
    public record Limits(int queued, int rows, int workers, long timeoutMs) {
        public static final Limits USUAL = new Limits(256, 32, 1, 30_000);
    }

    /**
     * A finished run.
     *
     * @param outputs in the order asked for.
     * @param nanos this request's share of the batch's time, by its rows.
     * @param rows of the whole batch.
     */
    public record Result(List<Tensor> outputs, long nanos, int rows) {}

    private final class Waiting {
        private final List<Tensor> inputs;
        private final List<String> outputs;
        private final int rows;
        private final long bytes;
        private final long deadlineNanos = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(limits.timeoutMs());
        private final CompletableFuture<Result> done = new CompletableFuture<>();

        Waiting(List<Tensor> inputs, List<String> outputs) {
            this.inputs = inputs;
            this.outputs = outputs;
            this.rows = manifest.rows(inputs);
            this.bytes = inputs.stream().mapToLong(input -> input.data().length).sum();
        }

        boolean isOver() {
            if (System.nanoTime() - deadlineNanos > 0) {
                done.completeExceptionally(
                        new IOException("The model was not run within " + limits.timeoutMs() + " ms."));
            }
            return done.isDone();
        }
    }

    /** @param shapes for the trial that shows whether rows are independent. */
    public TensorScheduler(LoadedTensorModel model, TensorManifest manifest, ShapeRanges shapes, Limits limits) {
        this.model = model;
        this.manifest = manifest;
        this.limits = limits;
        this.unbatched = unbatched(model, manifest, shapes);
        this.batches = unbatched == null ? new Batches(manifest) : null;
        watchdog.scheduleWithFixedDelay(this::sweep, SWEEP_MS, SWEEP_MS, TimeUnit.MILLISECONDS);
        for (int i = 0; i < limits.workers(); i++) {
            workers.add(Thread.ofPlatform().daemon().name("tensor-worker-" + i).start(this::work));
        }
    }

    /** Why requests are run one by one, or null where they are batched. */
    public String unbatched() {
        return unbatched;
    }

    /** A model's rows are independent when two of them together give what each gives alone. It is tried, not believed. */
    private static String unbatched(LoadedTensorModel model, TensorManifest manifest, ShapeRanges shapes) {
        if (!Batches.arePossible(manifest)) {
            return "the model has no batch dimension that its inputs and outputs name";
        }
        if (model.maxRows() < 2) {
            return "its engine takes one row at a time";
        }
        Batches batches = new Batches(manifest);
        Random random = new Random(1);
        // Rows may meet only where one is much larger: by a maximum or a mean over the batch.
        for (double scale : TRIED_SCALES) {
            List<Tensor> one = RandomInputs.of(manifest, shapes, 1, random);
            List<Tensor> other = RandomInputs.scaled(RandomInputs.of(manifest, shapes, 1, random), scale);
            if (!batches.fit(one, other)) {
                // Inputs without rows must be the same in both.
                other = RandomInputs.near(one, random);
            }
            String why = dependence(model, manifest, batches, List.of(one, other, one));
            if (why != null) {
                return why;
            }
        }
        return null;
    }

    private static String dependence(
            LoadedTensorModel model, TensorManifest manifest, Batches batches, List<List<Tensor>> rows) {
        List<String> names = manifest.outputNames();
        List<List<Tensor>> tried = rows.subList(0, Math.min(rows.size(), model.maxRows()));
        int[] ones = new int[tried.size()];
        Arrays.fill(ones, 1);
        try {
            List<List<Tensor>> apart = batches.apart(model.run(batches.together(tried), names, new Stop()), ones);
            for (int i = 0; i < tried.size(); i++) {
                List<Tensor> alone = model.run(tried.get(i), names, new Stop());
                for (int k = 0; k < alone.size(); k++) {
                    Deviation deviation =
                            Deviation.of(alone.get(k), apart.get(i).get(k));
                    double widest = deviation.absolute()[deviation.absolute().length - 1];
                    if (deviation.incomparable() != null || widest > INDEPENDENT * deviation.scale()) {
                        return "rows of a batch change each other's output \""
                                + alone.get(k).name() + "\"";
                    }
                }
            }
            return null;
        } catch (IOException | RuntimeException e) {
            return "a trial with " + tried.size() + " rows failed: " + e.getMessage();
        }
    }

    /**
     * Has a request run.
     *
     * @throws IllegalArgumentException where the model does not take these inputs, or has no such output.
     * @throws RejectedExecutionException where too many wait.
     */
    public CompletableFuture<Result> submit(List<Tensor> inputs, List<String> outputs) {
        manifest.checkInputs(inputs);
        outputs.forEach(manifest::output);
        Waiting waiting = new Waiting(inputs, outputs);
        if (waiting.rows > model.maxRows()) {
            throw new IllegalArgumentException("The request has " + waiting.rows + " rows; this node's engine takes "
                    + model.maxRows() + " at most. Send it in parts.");
        }
        synchronized (queue) {
            if (isClosed) {
                throw new RejectedExecutionException("This node is closing.");
            }
            boolean isFull = queue.size() >= limits.queued() || queuedBytes + waiting.bytes > MAX_QUEUED_BYTES;
            if (isFull) {
                throw new RejectedExecutionException("This node has as many requests waiting as it can. Ask again.");
            }
            queue.add(waiting);
            queuedBytes += waiting.bytes;
            queue.notifyAll();
        }
        return waiting.done;
    }

    private void work() {
        try {
            while (true) {
                List<Waiting> batch = next();
                if (batch == null) {
                    return;
                }
                if (!batch.isEmpty()) {
                    run(batch);
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** The next batch; null at the end. */
    private List<Waiting> next() throws InterruptedException {
        synchronized (queue) {
            idle++;
            while (queue.isEmpty() && !isClosed) {
                queue.wait();
            }
            if (isClosed) {
                return null;
            }
            List<Waiting> batch = new ArrayList<>();
            // Workers that have nothing to do share what waits.
            int waitingRows = queue.stream().mapToInt(waiting -> waiting.rows).sum();
            int share = (waitingRows + idle - 1) / idle--;
            int most = Math.min(share, Math.min(limits.rows(), model.maxRows()));
            int rows = 0;
            for (Iterator<Waiting> each = queue.iterator(); each.hasNext(); ) {
                Waiting waiting = each.next();
                if (waiting.isOver()) {
                    take(each, waiting);
                } else if (batch.isEmpty()
                        || (batches != null && rows + waiting.rows <= most && fit(batch.getFirst(), waiting))) {
                    take(each, waiting);
                    batch.add(waiting);
                    rows += waiting.rows;
                }
            }
            return batch;
        }
    }

    private void take(Iterator<Waiting> each, Waiting waiting) {
        each.remove();
        queuedBytes -= waiting.bytes;
    }

    /** Ends those whose deadline passes while they wait: the run before them may take longer than they have. */
    private void sweep() {
        synchronized (queue) {
            for (Iterator<Waiting> each = queue.iterator(); each.hasNext(); ) {
                Waiting waiting = each.next();
                if (waiting.isOver()) {
                    take(each, waiting);
                }
            }
        }
    }

    private boolean fit(Waiting one, Waiting other) {
        return one.outputs.equals(other.outputs) && batches.fit(one.inputs, other.inputs);
    }

    private void run(List<Waiting> batch) {
        Stop stop = new Stop();
        long last =
                batch.stream().mapToLong(waiting -> waiting.deadlineNanos).max().orElseThrow();
        Future<?> deadline = watchdog.schedule(stop::stop, Math.max(0, last - System.nanoTime()), TimeUnit.NANOSECONDS);
        batch.forEach(waiting -> waiting.done.whenComplete((result, failure) -> {
            if (batch.stream().allMatch(each -> each.done.isDone())) {
                stop.stop();
            }
        }));
        long begin = System.nanoTime();
        try {
            Waiting first = batch.getFirst();
            List<List<Tensor>> inputs =
                    batch.stream().map(waiting -> waiting.inputs).toList();
            List<Tensor> together = batch.size() == 1 ? first.inputs : batches.together(inputs);
            List<Tensor> outputs = model.run(together, first.outputs, stop);
            int[] rows = batch.stream().mapToInt(waiting -> waiting.rows).toArray();
            List<List<Tensor>> apart = batch.size() == 1 ? List.of(outputs) : batches.apart(outputs, rows);
            long nanos = System.nanoTime() - begin;
            int all = batch.stream().mapToInt(waiting -> waiting.rows).sum();
            for (int i = 0; i < batch.size(); i++) {
                batch.get(i).done.complete(new Result(apart.get(i), nanos * rows[i] / all, all));
            }
        } catch (CancellationException e) {
            batch.forEach(waiting -> waiting.done.completeExceptionally(
                    new IOException("The model was not run within " + limits.timeoutMs() + " ms.", e)));
        } catch (IOException | RuntimeException | OutOfMemoryError e) {
            // A worker that ended with a batch too large would leave all others waiting.
            if (batch.size() == 1) {
                batch.getFirst().done.completeExceptionally(e);
            } else {
                // One of them is at fault, or they are too many together: none suffers for the others.
                batch.forEach(waiting -> run(List.of(waiting)));
            }
        } finally {
            deadline.cancel(false);
        }
    }

    /** Ends what runs and refuses what waits. */
    @Override
    public void close() {
        List<Waiting> left;
        synchronized (queue) {
            isClosed = true;
            left = List.copyOf(queue);
            queue.clear();
            queuedBytes = 0;
            queue.notifyAll();
        }
        left.forEach(
                waiting -> waiting.done.completeExceptionally(new RejectedExecutionException("This node is closing.")));
        try {
            for (Thread worker : workers) {
                worker.join(TimeUnit.SECONDS.toMillis(10));
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        watchdog.shutdownNow();
    }
}
