package io.plumbline.transport;

import io.aeron.Image;
import io.plumbline.transport.guard.Hosts;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;

/**
 * Who may be heard at an endpoint: a place is an Aeron image, and belongs to a stranger until its sender has shown a
 * key. Where all places are taken, a newcomer gets one of the host that holds the most, so that no host can shut out
 * another, and its own callers only by being newer than they are. Single-threaded.
 */
final class Places {
    /** Callers that have shown a key, and senders that have not: each holds memory, and a channel. */
    static final int MAX_CALLERS = 512;

    static final int MAX_STRANGERS = 64;

    /** A sender must have begun a session, or be the other side of one, within this. */
    private static final long BEGIN_NS = TimeUnit.SECONDS.toNanos(3);

    /** By Aeron's registration of the image, oldest first. */
    private final Map<Long, Place> places = new LinkedHashMap<>();

    private static final class Place {
        private final Image image;
        private final long host;
        private final long sinceNs;
        private Peer peer;

        /** What still comes of a sender whose place was taken is not heard. */
        private boolean isVacant;

        Place(Image image, long nowNs) {
            this.image = image;
            this.host = Hosts.of(addressOf(image.sourceIdentity()));
            this.sinceNs = nowNs;
        }

        private boolean isStranger() {
            return !isVacant && (peer == null || !peer.isInitiator() && !peer.isOpen());
        }

        private boolean isCaller() {
            return peer != null && !peer.isInitiator() && peer.isOpen();
        }
    }

    /**
     * The address that an image's frames come from.
     *
     * @param source of the image: address in numbers and port.
     */
    static InetAddress addressOf(String source) {
        try {
            return InetAddress.getByName(source.substring(0, source.lastIndexOf(':')));
        } catch (UnknownHostException e) {
            throw new IllegalArgumentException("A sender's address is \"" + source + "\".", e);
        }
    }

    /** A sender is there; what it sends may be heard of before. */
    void add(Image image, long nowNs) {
        if (!image.isClosed()) {
            places.computeIfAbsent(image.correlationId(), id -> new Place(image, nowNs));
        }
    }

    void remove(Image image) {
        places.remove(image.correlationId());
    }

    boolean isThere(Image image) {
        Place place = places.get(image.correlationId());
        return place != null && !place.isVacant;
    }

    /** Whose session it carries; null where it carries none. */
    Peer peer(Image image) {
        Place place = places.get(image.correlationId());
        return place == null ? null : place.peer;
    }

    /** Who has to go for there to be no more than fit; null while all fit. */
    Image surplus() {
        if (places.values().stream().filter(Place::isStranger).count() > MAX_STRANGERS) {
            return oldestOfFullest(Place::isStranger).image;
        }
        return places.values().stream().filter(Place::isCaller).count() > MAX_CALLERS
                ? oldestOfFullest(Place::isCaller).image
                : null;
    }

    private Place oldestOfFullest(Predicate<Place> which) {
        Map<Long, Integer> held = new HashMap<>();
        Place chosen = null;
        int most = 0;
        for (Place place : places.values()) {
            if (which.test(place)) {
                held.merge(place.host, 1, Integer::sum);
            }
        }
        for (Place place : places.values()) {
            if (which.test(place) && held.get(place.host) > most) {
                chosen = place;
                most = held.get(place.host);
            }
        }
        return chosen;
    }

    /** A session's frames come by this from now on. */
    void take(Image image, Peer peer) {
        places.get(image.correlationId()).peer = peer;
    }

    /**
     * Whether a session's frames come by this. The first that come of one that this side began say by which they do.
     */
    boolean isOf(Image image, Peer peer) {
        Place place = places.get(image.correlationId());
        if (place == null || place.isVacant) {
            return false;
        }
        boolean isFree = place.peer == null
                && peer.isInitiator()
                && places.values().stream().noneMatch(other -> other.peer == peer);
        if (isFree) {
            place.peer = peer;
        }
        return place.peer == peer;
    }

    /** Nothing more is heard by this. */
    void vacate(Image image) {
        Place place = places.get(image.correlationId());
        if (place != null && !place.isVacant) {
            place.isVacant = true;
            place.peer = null;
            if (!image.isClosed()) {
                image.reject("no session");
            }
        }
    }

    /** By what a session's frames come. */
    List<Image> images(Peer peer) {
        return places.values().stream()
                .filter(place -> place.peer == peer)
                .map(place -> place.image)
                .toList();
    }

    /** Senders that have neither begun a session nor belong to one, and should by now. */
    List<Image> overdue(long nowNs) {
        List<Image> overdue = new ArrayList<>();
        for (Place place : places.values()) {
            if (place.peer == null && !place.isVacant && nowNs - place.sinceNs > BEGIN_NS) {
                overdue.add(place.image);
            }
        }
        return overdue;
    }
}
