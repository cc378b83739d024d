package io.plumbline.transport.guard;

import java.net.InetSocketAddress;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.agrona.collections.Long2ObjectHashMap;

/**
 * Who has begun to send, each by its session and stream. Nobody takes the place of another who still is heard, but
 * where all are taken: then a host gets one of the host that holds the most, unless it would hold as many itself, so
 * that no few hosts shut out the others. Single-threaded.
 */
final class Senders {
    /** Known at once, and of one host. */
    static final int MAX = 8192;

    static final int MAX_OF_HOST = 2048;

    /** Aeron forgets a sender that says nothing for ten seconds. */
    static final long FORGET_NS = TimeUnit.SECONDS.toNanos(20);

    /** A set-up frame is repeated until it was answered. Afterwards it is a new beginning. */
    private static final long REPEAT_NS = TimeUnit.SECONDS.toNanos(2);

    private final Long2ObjectHashMap<Sender> senders = new Long2ObjectHashMap<>();
    private final Map<Long, Integer> ofHost = new HashMap<>();
    private long sweptNs;

    private static final class Sender {
        private final InetSocketAddress address;
        private final long host;
        private final long sinceNs;
        private long heardNs;

        Sender(InetSocketAddress address, long host, long nowNs) {
            this.address = address;
            this.host = host;
            this.sinceNs = nowNs;
            this.heardNs = nowNs;
        }
    }

    Senders(long nowNs) {
        this.sweptNs = nowNs;
    }

    /** Whether this sender has begun a moment ago: its frame is the same beginning once more. */
    boolean hasJustBegun(long key, InetSocketAddress from, long nowNs) {
        Sender sender = senders.get(key);
        return sender != null && sender.address.equals(from) && nowNs - sender.sinceNs < REPEAT_NS;
    }

    /** Whether it has begun, from this address. */
    boolean has(long key, InetSocketAddress from) {
        Sender sender = senders.get(key);
        return sender != null && sender.address.equals(from);
    }

    /** Whether {@link #add} has a place for it. */
    boolean hasPlace(long key, InetSocketAddress from, long nowNs) {
        if (nowNs - sweptNs > FORGET_NS / 4) {
            sweptNs = nowNs;
            senders.values().removeIf(sender -> isForgotten(sender, nowNs));
        }
        Sender known = senders.get(key);
        if (known != null) {
            return known.address.equals(from);
        }
        int held = ofHost.getOrDefault(Hosts.of(from.getAddress()), 0);
        return held < MAX_OF_HOST && (senders.size() < MAX || held + 1 < ofHost.get(greediest()));
    }

    /** It begins; whoever has to go for it is forgotten. */
    void add(long key, InetSocketAddress from, long nowNs) {
        if (senders.size() >= MAX && !senders.containsKey(key)) {
            forgetOneOf(greediest());
        }
        long host = Hosts.of(from.getAddress());
        if (senders.put(key, new Sender(from, host, nowNs)) == null) {
            ofHost.merge(host, 1, Integer::sum);
        }
    }

    /** It said something that was taken. */
    void heard(long key, long nowNs) {
        senders.get(key).heardNs = nowNs;
    }

    private boolean isForgotten(Sender sender, long nowNs) {
        boolean isForgotten = nowNs - sender.heardNs > FORGET_NS;
        if (isForgotten) {
            giveBack(sender.host);
        }
        return isForgotten;
    }

    /** The host with the most senders. */
    private long greediest() {
        long host = 0;
        int most = 0;
        for (Map.Entry<Long, Integer> one : ofHost.entrySet()) {
            if (one.getValue() > most) {
                most = one.getValue();
                host = one.getKey();
            }
        }
        return host;
    }

    private void giveBack(long host) {
        ofHost.compute(host, (any, held) -> held == 1 ? null : held - 1);
    }

    /** Its sender that was not heard for the longest: what it sends from now on is dropped. */
    private void forgetOneOf(long host) {
        long key = 0;
        Sender chosen = null;
        Long2ObjectHashMap<Sender>.EntryIterator each = senders.entrySet().iterator();
        while (each.hasNext()) {
            each.next();
            Sender one = each.getValue();
            if (one.host == host && (chosen == null || one.heardNs - chosen.heardNs < 0)) {
                chosen = one;
                key = each.getLongKey();
            }
        }
        senders.remove(key);
        giveBack(host);
    }
}
