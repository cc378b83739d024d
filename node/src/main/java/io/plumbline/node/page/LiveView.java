package io.plumbline.node.page;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.plumbline.node.network.EverySecond;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * The newest sections of a role, computed once for all that look. However many ask, the role is asked once a second
 * while somebody does, and every tenth second otherwise, so that a page that is opened shows something at once. Any
 * thread may call.
 */
public final class LiveView implements AutoCloseable {
    /** Seconds from one look to the next while nobody watches. */
    private static final int IDLE_SECONDS = 10;

    /** Somebody who asked so long ago without a stream may ask again. */
    private static final long WATCHED_NS = TimeUnit.SECONDS.toNanos(IDLE_SECONDS);

    /** The section that this class adds: the time, and why the others may be old. */
    static final String STATUS = "status";

    private static final ObjectMapper MAPPER = new ObjectMapper();

    private final PageSource source;
    private final Consumer<Throwable> faults;
    private EverySecond looking;
    private Snapshot snapshot = new Snapshot(0, List.of());
    private long askedNs = System.nanoTime() - WATCHED_NS;
    private int watchers;
    private int seconds;
    private boolean isClosed;

    /**
     * A section as it is sent.
     *
     * @param json one line of UTF-8.
     * @param version of the snapshot that changed it last.
     */
    record Section(String name, byte[] json, long version) {}

    /**
     * All sections at a time.
     *
     * @param version grows with every snapshot; 0 of the first, which has none.
     */
    record Snapshot(long version, List<Section> sections) {}

    /**
     * Shows nothing before {@link #start}.
     *
     * @param faults hears of what a source throws that is no {@link IOException}.
     */
    public LiveView(PageSource source, Consumer<Throwable> faults) {
        this.source = source;
        this.faults = faults;
    }

    /** Begins to look. */
    public synchronized void start() {
        if (looking == null && !isClosed) {
            looking = new EverySecond("page", this::look, faults);
        }
    }

    private void look() {
        if (isDue()) {
            refresh();
        }
    }

    private synchronized boolean isDue() {
        boolean isWatched = watchers > 0 || System.nanoTime() - askedNs < WATCHED_NS;
        return seconds++ % IDLE_SECONDS == 0 || isWatched;
    }

    /** Asks the source, and has all that wait hear of it. */
    void refresh() {
        SortedMap<String, JsonNode> found = new TreeMap<>();
        String problem = null;
        try {
            found.putAll(source.sections());
        } catch (IOException e) {
            problem = String.valueOf(e.getMessage());
        } catch (RuntimeException e) {
            faults.accept(e);
            problem = "This server failed to look; its operator has been told.";
        }
        found.put(
                STATUS,
                MAPPER.createObjectNode()
                        .put("now_ms", System.currentTimeMillis())
                        .put("problem", problem));
        publish(found);
    }

    private synchronized void publish(SortedMap<String, JsonNode> found) {
        long version = snapshot.version() + 1;
        SortedMap<String, Section> next = new TreeMap<>();
        snapshot.sections().forEach(section -> next.put(section.name(), section));
        for (Map.Entry<String, JsonNode> one : found.entrySet()) {
            byte[] json = bytes(one.getValue());
            Section before = next.get(one.getKey());
            if (before == null || !Arrays.equals(before.json(), json)) {
                next.put(one.getKey(), new Section(one.getKey(), json, version));
            }
        }
        snapshot = new Snapshot(version, new ArrayList<>(next.values()));
        notifyAll();
    }

    private static byte[] bytes(JsonNode json) {
        try {
            return MAPPER.writeValueAsBytes(json);
        } catch (IOException e) {
            throw new IllegalStateException("A tree of JSON cannot be written.", e);
        }
    }

    /** A stream begins: it is looked every second until {@link #left}. */
    synchronized void joined() {
        watchers++;
    }

    /** A stream has ended. */
    synchronized void left() {
        watchers--;
    }

    /**
     * The newest snapshot, for somebody who may ask again. The first is waited for.
     *
     * @param mostMs longest wait.
     */
    synchronized Snapshot newest(long mostMs) throws InterruptedException {
        askedNs = System.nanoTime();
        return after(0, mostMs);
    }

    /**
     * The newest snapshot, once there is one of a later version.
     *
     * @param mostMs longest wait.
     * @return the snapshot of that version, where none came in time or the view was closed.
     */
    synchronized Snapshot after(long version, long mostMs) throws InterruptedException {
        long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(mostMs);
        for (long left; snapshot.version() <= version && !isClosed && (left = end - System.nanoTime()) > 0; ) {
            TimeUnit.NANOSECONDS.timedWait(this, Math.max(left, 1_000_000));
        }
        return snapshot;
    }

    synchronized boolean isClosed() {
        return isClosed;
    }

    /** Ends all streams. */
    @Override
    public void close() {
        EverySecond ending;
        synchronized (this) {
            isClosed = true;
            ending = looking;
            notifyAll();
        }
        if (ending != null) {
            ending.close();
        }
    }
}
