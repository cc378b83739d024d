package io.plumbline.node.inference;

import io.plumbline.verifier.encoding.Bytes32;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Predicate;

/**
 * What an inference node is sending at once beside its answers: to whoever reads slowly it is sent for long. Full
 * nodes, whose audits the node is paid by, always find room beside all others.
 */
final class SendingSlots {
    /** To full nodes at once, to all other peers, and to one of those, or to all of one host: keys cost nothing. */
    private static final int MOST = 128;

    private static final int MOST_TO_OTHERS = 16;
    private static final int MOST_TO_ONE = 4;

    /** To one full node at once: as many as it audits of this node, and those of a few rounds. */
    private static final int MOST_TO_ONE_FULL_NODE = 16;

    /** Bytes on their way at once, beside the first one's: to full nodes, and to all other peers. */
    private static final long MOST_BYTES = Runtime.getRuntime().maxMemory() / 4;

    private static final long MOST_BYTES_TO_OTHERS = Runtime.getRuntime().maxMemory() / 16;

    private final Predicate<Bytes32> isFullNode;
    private final Map<Bytes32, Integer> toOne = new HashMap<>();

    /** To the peers of one host that are no full nodes. */
    private final Map<Long, Integer> toHost = new HashMap<>();

    private final Room toFullNodes = new Room(MOST, MOST_BYTES);
    private final Room toOthers = new Room(MOST_TO_OTHERS, MOST_BYTES_TO_OTHERS);

    /** What is on its way to one kind of peers. */
    private static final class Room {
        private final int most;
        private final long mostBytes;
        private int taken;
        private long bytes;

        Room(int most, long mostBytes) {
            this.most = most;
            this.mostBytes = mostBytes;
        }

        boolean fits(long size) {
            return taken < most && (taken == 0 || bytes + size <= mostBytes);
        }

        void count(int one, long size) {
            taken += one;
            bytes += size;
        }
    }

    SendingSlots(Predicate<Bytes32> isFullNode) {
        this.isFullNode = isFullNode;
    }

    /**
     * Takes a slot.
     *
     * @param host where the peer is, see {@link io.plumbline.transport.Peer#host}.
     * @param size bytes that will be sent.
     * @return gives it back; to be run once.
     * @throws RejectedExecutionException where there is none.
     */
    synchronized Runnable take(Bytes32 to, long host, long size) {
        boolean isFull = isFullNode.test(to);
        Room room = isFull ? toFullNodes : toOthers;
        int its = toOne.getOrDefault(to, 0);
        // The first one of a full node always fits: the others together must not make this node silent to it.
        boolean fits = room.fits(size) || isFull && its == 0;
        boolean isHostsFull = !isFull && toHost.getOrDefault(host, 0) >= MOST_TO_ONE;
        if (!fits || isHostsFull || its >= (isFull ? MOST_TO_ONE_FULL_NODE : MOST_TO_ONE)) {
            throw new RejectedExecutionException("This node is sending as much as it can. Ask again.");
        }
        count(room, to, 1, size);
        if (!isFull) {
            toHost.merge(host, 1, Integer::sum);
        }
        return () -> giveBack(room, to, isFull ? null : host, size);
    }

    /** @param host null where its peers are not counted. */
    private synchronized void giveBack(Room room, Bytes32 to, Long host, long size) {
        count(room, to, -1, -size);
        if (host != null) {
            toHost.merge(host, -1, Integer::sum);
            toHost.remove(host, 0);
        }
    }

    private void count(Room room, Bytes32 to, int one, long size) {
        room.count(one, size);
        toOne.merge(to, one, Integer::sum);
        toOne.remove(to, 0);
    }
}
