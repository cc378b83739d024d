package io.plumbline.inference.tensor;

import io.plumbline.verifier.tensor.Tensor;
import io.plumbline.verifier.tensor.TensorManifest;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.Random;
import java.util.TreeSet;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Runs requests of one model, those that wait together in batches: whatever has come in while the last batch ran
 * makes the next one, so that nobody waits for company. Bounded: when too many wait, a request is refused at once;
 * and each has a deadline.
 */
public final class TensorScheduler implements AutoCloseable {
    /**
     * How far rows of a batch may differ from the same rows alone, of the output's scale: more, and rows are not
     * independent.
     */
    private static final double INDEPENDENT = 1e-3;

    /** How large the rows of a trial are beside each other. */
    private static final double[][] TRIED_SCALES = {{1, 1, 1, 1, 1}, {1, 100, 1e-3, 1, -10}, {1, 1, 10_000, 1e-6, 1}};

    /** Rows that batches of a trial begin with. */
    private static final int[] TRIED_FIRST = {0, 1, 3};

    /** How long after its deadline a run that was told to stop may still take before another worker has its place. */
    private static final long GRACE_MS = 2_000;

    /** Workers beyond the usual that have another's place, while that one's run cannot be stopped. */
    private static final int MAX_STUCK = 2;

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
    private int stuck;
    private long queuedBytes;
    private boolean isClosed;
    private final AtomicLong runs = new AtomicLong();

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

        /** Whether it is run by itself, after a batch failed that it was in. */
        private boolean isAlone;

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
        this.unbatched = unbatched(model, manifest, shapes, limits);
        this.batches = unbatched == null ? new Batches(manifest) : null;
        watchdog.scheduleWithFixedDelay(this::sweep, SWEEP_MS, SWEEP_MS, TimeUnit.MILLISECONDS);
        synchronized (queue) {
            for (int i = 0; i < limits.workers(); i++) {
                hire();
            }
        }
    }

    private void hire() {
        workers.add(Thread.ofPlatform()
                .daemon()
                .name("tensor-worker-" + workers.size())
                .start(this::work));
    }

    /** Why requests are run one by one, or null where they are batched. */
    public String unbatched() {
        return unbatched;
    }

    /**
     * A model's rows are independent when several of them together, wherever each stands, give what each gives alone.
     * It is tried, not believed: with two rows, three, five and as many as a batch may have, and with rows that are
     * much larger and much smaller than others, since by a maximum or a mean over the batch those alone are met.
     */
    private static String unbatched(
            LoadedTensorModel model, TensorManifest manifest, ShapeRanges shapes, Limits limits) {
        if (!Batches.arePossible(manifest)) {
            return "the model has no batch dimension that its inputs and outputs name";
        }
        int most = Math.min(limits.rows(), model.maxRows());
        if (most < 2) {
            return model.maxRows() < 2 ? "its engine takes one row at a time" : "batches have one row at most";
        }
        Random random = new Random(1);
        for (double[] scales : TRIED_SCALES) {
            List<List<Tensor>> rows = new ArrayList<>();
            try {
                for (double scale : scales) {
                    List<Tensor> row = RandomInputs.scaled(RandomInputs.of(manifest, shapes, 1, random), scale);
                    rows.add(rows.isEmpty() ? row : Batches.alike(manifest, rows.getFirst(), row));
                }
            } catch (IllegalArgumentException e) {
                return "it cannot be tried: " + e.getMessage();
            }
            int largest = scales == TRIED_SCALES[0] ? most : Math.min(most, rows.size());
            String why = dependence(model, manifest, rows, largest, limits);
            if (why != null) {
                return why;
            }
        }
        return null;
    }

    /**
     * Why these rows, which {@link Batches#fit} each other, may not be run together, or null; up to {@code most} are.
     */
    private static String dependence(
            LoadedTensorModel model, TensorManifest manifest, List<List<Tensor>> rows, int most, Limits limits) {
        Batches batches = new Batches(manifest);
        DeadlineRuns runs = new DeadlineRuns(1);
        List<String> names = manifest.outputNames();
        long nanos = TimeUnit.MILLISECONDS.toNanos(limits.timeoutMs());
        try {
            List<List<Tensor>> alone = new ArrayList<>();
            for (List<Tensor> row : rows) {
                alone.add(runs.run(stop -> model.run(row, names, stop), nanos));
            }
            for (int count : new TreeSet<>(List.of(2, Math.min(3, most), Math.min(rows.size(), most), most))) {
                // Each row at the first place, at the last one and at others.
                for (int first : count > rows.size() ? new int[] {0} : TRIED_FIRST) {
                    List<List<Tensor>> tried = new ArrayList<>();
                    for (int i = 0; i < count; i++) {
                        tried.add(rows.get((first + i) % rows.size()));
                    }
                    int[] ones = new int[count];
                    Arrays.fill(ones, 1);
                    List<Tensor> together = batches.together(tried);
                    List<List<Tensor>> apart =
                            batches.apart(runs.run(stop -> model.run(together, names, stop), nanos), ones);
                    for (int i = 0; i < count; i++) {
                        List<Tensor> expected = alone.get((first + i) % rows.size());
                        for (int k = 0; k < expected.size(); k++) {
                            if (!isNear(expected.get(k), apart.get(i).get(k))) {
                                return "rows of a batch change each other's output \""
                                        + expected.get(k).name() + "\"";
                            }
                        }
                    }
                }
            }
            return null;
        } catch (IOException | RuntimeException | OutOfMemoryError e) {
            return "a trial with rows together failed: " + e.getMessage();
        }
    }

    /** Whether a row is what it is alone, but for what other sums of the same numbers round to. */
    private static boolean isNear(Tensor alone, Tensor beside) {
        if (alone.type() != beside.type() || !Arrays.equals(alone.shape(), beside.shape())) {
            return false;
        }
        if (!alone.type().isFloat()) {
            return Arrays.equals(alone.data(), beside.data());
        }
        double[] expected = alone.values();
        double[] got = beside.values();
        double squares = 0;
        int finite = 0;
        for (double value : expected) {
            if (Double.isFinite(value)) {
                squares += value * value;
                finite++;
            }
        }
        double scale = Math.sqrt(squares / Math.max(1, finite));
        for (int i = 0; i < expected.length; i++) {
            boolean isSame = Double.compare(expected[i], got[i]) == 0;
            if (!isSame && !(Math.abs(expected[i] - got[i]) <= INDEPENDENT * scale)) {
                return false;
            }
        }
        return true;
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

    /** Requests that wait for a batch. */
    public int queued() {
        synchronized (queue) {
            return queue.size();
        }
    }

    /** Batches that were run to an end since the start, good or not. */
    public long runs() {
        return runs.get();
    }

    private void work() {
        try {
            while (true) {
                List<Waiting> batch = next();
                if (batch == null) {
                    return;
                }
                if (!batch.isEmpty() && run(batch)) {
                    return;
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            synchronized (queue) {
                workers.remove(Thread.currentThread());
            }
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
                        || (batches != null
                                && rows + waiting.rows <= most
                                && !waiting.isAlone
                                && !batch.getFirst().isAlone
                                && fit(batch.getFirst(), waiting))) {
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

    /** Has another worker take the place of one whose run does not end; told once for a run. */
    private final class Place {
        private boolean isLeft;
        private boolean isTaken;

        /** The run has ended. Gives whether its worker's place is taken, so that it ends too. */
        boolean leave() {
            synchronized (queue) {
                isLeft = true;
                stuck -= isTaken ? 1 : 0;
                return isTaken;
            }
        }

        void overdue(List<Waiting> batch) {
            synchronized (queue) {
                if (isLeft) {
                    return;
                }
                if (stuck < MAX_STUCK && !isClosed) {
                    isTaken = true;
                    stuck++;
                    hire();
                }
            }
            batch.forEach(waiting -> waiting.done.completeExceptionally(
                    new IOException("The model was not run within " + limits.timeoutMs() + " ms, and does not stop.")));
        }
    }

    /** Runs a batch. Gives whether the worker that did is to end. */
    private boolean run(List<Waiting> batch) {
        Stop stop = new Stop();
        Place place = new Place();
        long last =
                batch.stream().mapToLong(waiting -> waiting.deadlineNanos).max().orElseThrow();
        long left = Math.max(0, last - System.nanoTime());
        Future<?> deadline = watchdog.schedule(stop::stop, left, TimeUnit.NANOSECONDS);
        Future<?> overdue = watchdog.schedule(
                () -> place.overdue(batch), left + TimeUnit.MILLISECONDS.toNanos(GRACE_MS), TimeUnit.NANOSECONDS);
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
                again(batch);
            }
        } finally {
            deadline.cancel(false);
            overdue.cancel(false);
            runs.incrementAndGet();
        }
        return place.leave();
    }

    /**
     * One of them is at fault, or they are too many together: each is run by itself, and none suffers for the others.
     */
    private void again(List<Waiting> batch) {
        synchronized (queue) {
            for (Waiting waiting : batch.reversed()) {
                if (isClosed) {
                    waiting.done.completeExceptionally(new RejectedExecutionException("This node is closing."));
                } else {
                    waiting.isAlone = true;
                    queue.addFirst(waiting);
                    queuedBytes += waiting.bytes;
                }
            }
            queue.notifyAll();
        }
    }

    /** Ends what runs and refuses what waits. */
    @Override
    public void close() {
        List<Waiting> left;
        List<Thread> ending;
        synchronized (queue) {
            isClosed = true;
            ending = List.copyOf(workers);
            left = List.copyOf(queue);
            queue.clear();
            queuedBytes = 0;
            queue.notifyAll();
        }
        left.forEach(
                waiting -> waiting.done.completeExceptionally(new RejectedExecutionException("This node is closing.")));
        try {
            for (Thread worker : ending) {
                worker.join(TimeUnit.SECONDS.toMillis(10));
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        watchdog.shutdownNow();
    }
}
