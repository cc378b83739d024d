package io.plumbline.node.client;

import io.plumbline.transport.Peer;
import java.security.SecureRandom;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * What waits for replies, each from the one peer that was asked: a reply counts only when it comes from that peer,
 * under a number that nobody else knows. Called by any thread.
 *
 * @param <T> what waits.
 */
final class PendingReplies<T> {
    private record Entry<T>(Peer peer, T waiting) {}

    private final SecureRandom random = new SecureRandom();
    private final Map<Long, Entry<T>> entries = new ConcurrentHashMap<>();

    /** The number under which {@code waiting} waits for {@code peer} from now on. */
    long add(Peer peer, T waiting) {
        Entry<T> entry = new Entry<>(peer, waiting);
        long id = random.nextLong();
        while (entries.putIfAbsent(id, entry) != null) {
            id = random.nextLong();
        }
        return id;
    }

    /** As {@link #add}, under a given number: for tests. */
    void put(long id, Peer peer, T waiting) {
        entries.put(id, new Entry<>(peer, waiting));
    }

    /** What waits for a reply of {@code from} under this number; null where nothing does. */
    T find(Peer from, long id) {
        Entry<T> entry = entries.get(id);
        return entry == null || entry.peer != from ? null : entry.waiting;
    }

    /** Nothing waits under this number any more. @return false where nothing did. */
    boolean remove(long id) {
        return entries.remove(id) != null;
    }

    /** All that waits for a peer. */
    List<T> of(Peer peer) {
        return entries.values().stream()
                .filter(entry -> entry.peer == peer)
                .map(Entry::waiting)
                .toList();
    }
}
