package io.plumbline.node.tenant;

import io.plumbline.node.http.HttpException;
import io.plumbline.node.http.HttpExchange;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
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

    /** A client that waited longer is better told so: its request holds memory meanwhile. */
    private static final long MOST_WAIT_S = 600;

    private final int places;
    private final int mostOfOne;
    private final int mostOfAll;
    private final Map<String, Line> lines = new HashMap<>();
    private int taken;
    private int waiting;

    /** Tokens that the tenant had whose turn it was last. */
    private long now;

    /** One tenant's requests. */
    private static final class Line {
        private final Deque<Turn> turns = new ArrayDeque<>();
        private long served;
        private int running;

        Line(long served) {
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
        Turn displaced = null;
        synchronized (this) {
            Line line = lines.computeIfAbsent(tenant, name -> new Line(now));
            if (line.turns.isEmpty() && line.running == 0) {
                line.served = Math.max(line.served, now);
            }
            if (line.turns.size() >= mostOfOne) {
                return null;
            }
            if (waiting >= mostOfAll) {
                displaced = displaced(line);
                if (displaced == null) {
                    forget(tenant, line);
                    return null;
                }
            }
            line.turns.add(turn);
            waiting++;
            begin();
        }
        if (displaced != null) {
            displaced.come.complete(false);
        }
        return turn;
    }

    /** The last of the longest line, if that is longer than {@code line} will be. */
    private Turn displaced(Line line) {
        Map.Entry<String, Line> longest = lines.entrySet().stream()
                .max(Comparator.comparingInt(one -> one.getValue().turns.size()))
                .orElseThrow();
        if (longest.getValue().turns.size() <= line.turns.size() + 1) {
            return null;
        }
        waiting--;
        return longest.getValue().turns.pollLast();
    }

    /** Lets those go on that have places. One that needs many waits at the head for them, and is not overtaken. */
    private void begin() {
        while (waiting > 0) {
            Line next = lines.values().stream()
                    .filter(line -> !line.turns.isEmpty())
                    .min(Comparator.comparingLong(line -> line.served))
                    .orElseThrow();
            Turn turn = next.turns.peek();
            if (taken + turn.needed > places) {
                return;
            }
            next.turns.poll();
            waiting--;
            taken += turn.needed;
            next.running++;
            now = Math.max(now, next.served);
            next.served += turn.tokens;
            turn.come.complete(true);
        }
    }

    private synchronized boolean leave(Turn turn) {
        Line line = lines.get(turn.tenant);
        boolean waited = line != null && line.turns.remove(turn);
        if (waited) {
            waiting--;
            turn.come.complete(false);
            forget(turn.tenant, line);
            begin();
        }
        return waited;
    }

    private synchronized void end(Turn turn, long used) {
        if (!leave(turn) && turn.come.getNow(false) && turn.isOpen) {
            Line line = lines.get(turn.tenant);
            taken -= turn.needed;
            line.running--;
            line.served -= Math.max(0, turn.tokens - used);
            forget(turn.tenant, line);
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
        waiting = 0;
    }

    /** Forgets a tenant that has had no more than others; one that has would begin anew after each answer. */
    private void forget(String tenant, Line line) {
        if (line.turns.isEmpty() && line.running == 0 && line.served <= now) {
            lines.remove(tenant);
        }
    }

    /** Requests that wait. */
    synchronized int waiting() {
        return waiting;
    }

    /** Places that are taken. */
    synchronized int taken() {
        return taken;
    }
}
