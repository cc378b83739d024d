package io.plumbline.gpu.cuda;

import io.plumbline.inference.language.engine.Accelerator.KernelTime;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.cuda.cudart.CUevent_st;
import org.bytedeco.cuda.cudart.CUstream_st;

/**
 * Times every launch by the GPU's own clock. Launches must wait behind something that the GPU is busy with (see {@link
 * #hold}): else what the host takes to launch a kernel is counted as the kernel's.
 */
final class KernelTimes implements AutoCloseable {
    /** Rounds of the kernel that keeps a GPU busy for some milliseconds: longer than a step takes to be launched. */
    static final int HOLD_ROUNDS = 1 << 15;

    private static final int HOLD_BLOCKS = 8;
    private static final int HOLD_THREADS = 128;

    private final Cuda cuda;
    private final Owned owned;
    private final int rounds;
    private final long held;
    private final List<CUevent_st> events = new ArrayList<>();
    private final List<Key> launches = new ArrayList<>();
    private final Map<Key, Sum> sums = new LinkedHashMap<>();

    /**
     * Launches of one shape.
     *
     * @param bytes of weights that a launch reads, 0 where it reads none.
     * @param operations int8 ones of a launch, a multiplication and an addition being two; 0 where it has none.
     */
    record Key(String kernel, String shape, long bytes, long operations) {}

    private static final class Sum {
        private int launches;
        private double seconds;
    }

    /**
     * @param cuda current in the calling thread.
     * @param rounds of the kernel that keeps the GPU busy, usually {@link #HOLD_ROUNDS}.
     */
    KernelTimes(Cuda cuda, int rounds) {
        this.cuda = cuda;
        this.rounds = rounds;
        this.owned = new Owned(cuda);
        this.held = owned.allocate(4L * cuda.multiprocessors() * HOLD_BLOCKS * HOLD_THREADS);
    }

    /** Keeps the GPU busy while what follows is launched into {@code to}. */
    void hold(Launcher to) {
        to.untimed("probe_mma").with(rounds).with(held).run(cuda.multiprocessors() * HOLD_BLOCKS, 1, HOLD_THREADS);
    }

    /** Runs {@code launch} between two marks in {@code stream}. */
    void around(CUstream_st stream, Key what, Runnable launch) {
        int at = 2 * launches.size();
        while (events.size() < at + 2) {
            events.add(owned.timedEvent());
        }
        launches.add(what);
        cuda.record(events.get(at), stream);
        launch.run();
        cuda.record(events.get(at + 1), stream);
    }

    /** Adds up what was launched since the last call; all of it has come to its end. */
    void collect() {
        for (int i = 0; i < launches.size(); i++) {
            Sum sum = sums.computeIfAbsent(launches.get(i), key -> new Sum());
            sum.launches++;
            sum.seconds += cuda.milliseconds(events.get(2 * i), events.get(2 * i + 1)) / 1e3;
        }
        launches.clear();
    }

    /** The sums collected, in the order of first launches; forgotten then. */
    List<KernelTime> take() {
        List<KernelTime> times = sums.entrySet().stream()
                .map(e -> new KernelTime(
                        e.getKey().kernel(),
                        e.getKey().shape(),
                        e.getValue().launches,
                        e.getValue().seconds,
                        e.getKey().bytes() * e.getValue().launches,
                        e.getKey().operations() * e.getValue().launches))
                .toList();
        sums.clear();
        return times;
    }

    @Override
    public void close() {
        owned.close();
    }
}
