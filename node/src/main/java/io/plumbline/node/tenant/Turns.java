package io.plumbline.node.tenant;

import io.plumbline.node.http.HttpException;
import io.plumbline.node.http.HttpExchange;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Start-time fair queueing: where more requests come than are answered together, the next is one of the tenant that
 * has had the fewest tokens. A tenant that begins to ask counts as having had as many as the one of the last turn: it
 * goes before the long line of another, and gains nothing by having been away. Waiting places are bounded, of each
 * tenant and of all. Any thread may call.
 */
final class Turns {
    /** Requests that may wait for their turn where nothing else is said: of one, and of all, each with its body. */
    static final int MOST_WAITING_OF_ONE = 64;

    static final int MOST_WAITING = 512;

    /** Tenants that wait for nothing and are kept in mind all the same: accounts that pay may be made without end. */
    static final int MOST_IDLE = 4_096;

    /** A client that waited longer is better told so: its request holds memory meanwhile. */
    private static final long MOST_WAIT_S = 600;

    private final int places;
    private final int mostOfOne;
    private final int mostOfAll;
    private final Map<String, Line> lines = new HashMap<>();

    /** Those with requests that wait, the next one's first. */
    private final TreeSet<Line> lining = new TreeSet<>(Line.ORDER);

    /** Those that wait for nothing and have had more than others, the least first: so far they count. */
    private final TreeSet<Line> idle = new TreeSet<>(Line.ORDER);

    private int taken;
    private int waiting;

    /** Tokens that the tenant had whose turn it was last. */
    private long now;

    /** Places and turns so far, by which lines are told apart. */
    private long entries;

    /** One tenant's requests. It is in none of the sets, or one, while what it is ordered by changes. */
    private static final class Line {
        static final Comparator<Line> ORDER =
                Comparator.<Line>comparingLong(line -> line.served).thenComparingLong(line -> line.since);

        private final String tenant;
        private final Deque<Turn> turns = new ArrayDeque<>();
        private long served;

        /** Of those that have had as much, the one whose last turn, or first place, is longest ago goes first. */
        private long since;

        private int running;

        Line(String tenant, long served) {
            this.tenant = tenant;
            this.served = served;
        }
    }

    /**
     * @param places requests that are answered together, 1 or more.
     * @param mostOfOne that may wait of one tenant.
     * @param mostOfAll that may wait of all.
     */
    Turns(int places, int mostOfOne, int mostOfAll) {
        this.places = places;
        this.mostOfOne = mostOfOne;
        this.mostOfAll = mostOfAll;
    }

    /** One request, from its place in the line to the end of its answer. */
    final class Turn implements AutoCloseable {
        private final String tenant;
        private final int needed;
        private final long tokens;

        /** True: it may be answered; false: it has lost its place. */
        private final CompletableFuture<Boolean> come = new CompletableFuture<>();

        private boolean isOpen = true;

        private Turn(String tenant, int needed, long tokens) {
            this.tenant = tenant;
            this.needed = needed;
            this.tokens = tokens;
        }

        /** Completed when it may be answered, by true, or when it has lost its place to another tenant, by false. */
        CompletableFuture<Boolean> come() {
            return come;
        }

        /**
         * Waits until it comes; a client that goes meanwhile leaves the line.
         *
         * @throws HttpException 503 where it has lost its place, or waited for too long.
         */
        void await(HttpExchange http) throws IOException {
            http.onClientGone(this::leave);
            if (!hasCome()) {
                throw new HttpException(
                        503,
                        "overloaded",
                        "The server has more requests than it can answer. Send it again in a moment.",
                        RateHeaders.retryAfter(TimeUnit.SECONDS.toNanos(1)));
            }
        }

        private boolean hasCome() throws IOException {
            try {
                return come.get(MOST_WAIT_S, TimeUnit.SECONDS);
            } catch (TimeoutException e) {
                return false;
            } catch (ExecutionException e) {
                throw new IllegalStateException(e);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IOException("Interrupted while waiting for its turn.", e);
            }
        }

        /** Gives the place in the line up, where it still waits: its client has gone. */
        void leave() {
            Turns.this.leave(this);
        }

        /** Ends it, waiting or answered; a second call does nothing. */
        @Override
        public void close() {
            close(tokens);
        }

        /** As {@link #close()}, where fewer tokens were {@code used} than asked for. */
        void close(long used) {
            end(this, used);
        }
    }

    /**
     * Takes a place in the tenant's line.
     *
     * @param needed of the places that are answered together; more than there are stands for all.
     * @param tokens that it may take.
     * @return null where too many wait.
     */
    Turn enter(String tenant, int needed, long tokens) {
        Turn turn = new Turn(tenant, Math.clamp(needed, 1, places), tokens);
        Turn displaced;
        synchronized (this) {
            Line line = lines.computeIfAbsent(tenant, name -> new Line(name, now));
            if (line.turns.size() >= mostOfOne) {
                return null;
            }
            take(line);
            if (line.turns.isEmpty()) {
                line.served = line.running == 0 ? Math.max(line.served, now) : line.served;
                line.since = ++entries;
            }
            displaced = waiting >= mostOfAll ? displaced(line) : null;
            boolean hasPlace = waiting < mostOfAll;
            if (hasPlace) {
                line.turns.add(turn);
                waiting++;
            }
            put(line);
            if (!hasPlace) {
                return null;
            }
            begin();
        }
        if (displaced != null) {
            displaced.come.complete(false);
        }
        return turn;
    }

    /** Out of the set that it is in, before anything by which it is there changes. */
    private void take(Line line) {
        (line.turns.isEmpty() ? idle : lining).remove(line);
    }

    /**
     * Into the set in which it belongs, if any. A tenant that has had no more than others is forgotten; one that has
     * would begin anew after each answer.
     */
    private void put(Line line) {
        if (!line.turns.isEmpty()) {
            lining.add(line);
        } else if (line.running == 0) {
            idle.add(line);
            forget();
        }
    }

    private void forget() {
        while (!idle.isEmpty() && (idle.first().served <= now || idle.size() > MOST_IDLE)) {
            lines.remove(idle.pollFirst().tenant);
        }
    }

    /** The last of the longest line, if that is longer than {@code line} will be. */
    private Turn displaced(Line line) {
        Line longest = lining.stream()
                .max(Comparator.comparingInt(one -> one.turns.size()))
                .orElse(line);
        if (longest.turns.size() <= line.turns.size() + 1) {
            return null;
        }
        waiting--;
        // Its place among the lines does not go by its length, and one is left in it.
        return longest.turns.pollLast();
    }

    /** Lets those go on that have places. One that needs many waits at the head for them, and is not overtaken. */
    private void begin() {
        while (!lining.isEmpty()) {
            Line next = lining.first();
            Turn turn = next.turns.peek();
            if (taken + turn.needed > places) {
                return;
            }
            take(next);
            next.turns.poll();
            waiting--;
            taken += turn.needed;
            next.running++;
            now = Math.max(now, next.served);
            next.served += turn.tokens;
            next.since = ++entries;
            put(next);
            forget();
            turn.come.complete(true);
        }
    }

    private synchronized boolean leave(Turn turn) {
        Line line = lines.get(turn.tenant);
        if (line == null || !line.turns.contains(turn)) {
            return false;
        }
        take(line);
        line.turns.remove(turn);
        waiting--;
        turn.come.complete(false);
        put(line);
        begin();
        return true;
    }

    private synchronized void end(Turn turn, long used) {
        if (!leave(turn) && turn.come.getNow(false) && turn.isOpen) {
            Line line = lines.get(turn.tenant);
            take(line);
            taken -= turn.needed;
            line.running--;
            line.served -= Math.max(0, turn.tokens - used);
            put(line);
            begin();
        }
        turn.isOpen = false;
    }

    /** Sends all away that wait. */
    synchronized void close() {
        lines.values().forEach(line -> {
            line.turns.forEach(turn -> turn.come.complete(false));
            line.turns.clear();
        });
        lining.clear();
        waiting = 0;
    }

    /** Requests that wait. */
    synchronized int waiting() {
        return waiting;
    }

    /** Places that are taken. */
    synchronized int taken() {
        return taken;
    }

    /** Tenants that are kept in mind. */
    synchronized int known() {
        return lines.size();
    }
}
